#include "ui/viewer_head.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPainter>

#include "ui/icon.h"
#include "ui/label.h"
#include "ui/words.h"

namespace ui {
namespace {

class Seal : public QWidget {
 public:
  explicit Seal(QWidget* parent) : QWidget(parent) { setFixedSize(15, 15); }

 protected:
  void paintEvent(QPaintEvent*) override {
    QPainter painter(this);
    paintIcon(painter, rect(), QStringLiteral("verified"), color(Token::kOk));
  }
};

}  // namespace

ViewerHead::ViewerHead(QWidget* parent)
    : QWidget(parent),
      folder_(new ElidedLabel(FontRole::kInterface, Token::kText2, Qt::ElideMiddle, this)),
      name_(makeLabel(FontRole::kPaneHead, Token::kText, this)),
      version_(makeLabel(FontRole::kSmall, Token::kText2, this)),
      pill_(new QFrame(this)),
      pill_text_(makeLabel(FontRole::kSmallStrong, Token::kOk, pill_)) {
  setProperty("ground", "surface");
  setAttribute(Qt::WA_StyledBackground);
  pill_->setProperty("notice", "ok");
  auto* pill = new QHBoxLayout(pill_);
  pill->setContentsMargins(8, 2, 10, 2);
  pill->setSpacing(5);
  pill->addWidget(new Seal(pill_));
  pill->addWidget(pill_text_);
  pill_->hide();

  auto* layout = new QHBoxLayout(this);
  layout->setContentsMargins(14, 6, 12, 6);
  layout->setSpacing(0);
  layout->addWidget(folder_);
  layout->addWidget(name_);
  layout->addSpacing(10);
  layout->addWidget(version_);
  layout->addStretch(1);
  layout->addWidget(pill_);
  setMinimumHeight(theme().px(36));
}

void ViewerHead::setPath(const QString& path) {
  const int slash = static_cast<int>(path.lastIndexOf(QLatin1Char('/')));
  QString folder = visibleText(path.left(slash + 1));
  folder.replace(QLatin1Char('/'), QStringLiteral(" / "));
  folder_->setFullText(folder);
  folder_->setVisible(!folder.isEmpty());
  name_->setText(visibleText(path.mid(slash + 1)));
}

void ViewerHead::setVersion(const QString& version) {
  version_->setText(visibleText(version));
}

void ViewerHead::setQuote(int current, int n_quotes) {
  pill_->setVisible(current >= 0 && n_quotes > 0);
  pill_text_->setText(tr("quote %1 of %2").arg(current + 1).arg(n_quotes));
}

QString ViewerHead::quoteText() const {
  return pill_->isHidden() ? QString() : pill_text_->text();
}

}  // namespace ui
