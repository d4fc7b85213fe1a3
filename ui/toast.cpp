#include "ui/toast.h"

#include <QAccessible>
#include <QHBoxLayout>
#include <QLabel>

#include "ui/label.h"
#include "ui/words.h"

namespace ui {
namespace {

constexpr int kShownMs = 6000, kAboveEdge = 48;

}  // namespace

Toast::Toast(QWidget* window)
    : QFrame(window), words_(makeLabel(FontRole::kInterface, Token::kText, this)) {
  setObjectName(QStringLiteral("toast"));
  setProperty("outlined", true);
  auto* layout = new QHBoxLayout(this);
  layout->setContentsMargins(16, 10, 16, 10);
  layout->addWidget(words_);
  timer_.setSingleShot(true);
  timer_.setInterval(kShownMs);
  connect(&timer_, &QTimer::timeout, this, &QWidget::hide);
  hide();
}

void Toast::show(const QString& text) {
  words_->setText(visibleText(text));
  setAccessibleName(words_->text());
  adjustSize();
  const QSize room = parentWidget()->size();
  move((room.width() - width()) / 2, room.height() - height() - kAboveEdge);
  QFrame::show();
  raise();
  timer_.start();
  QAccessibleEvent alert(this, QAccessible::Alert);
  QAccessible::updateAccessibility(&alert);
}

void Toast::enterEvent(QEnterEvent*) { timer_.stop(); }
void Toast::leaveEvent(QEvent*) { timer_.start(); }

}  // namespace ui
