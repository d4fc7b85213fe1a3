#include "ui/space_bar.h"

#include <algorithm>
#include <array>

#include <QGridLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QPainter>
#include <QPainterPath>
#include <QVBoxLayout>

#include "ui/label.h"
#include "ui/words.h"

namespace ui {
namespace {

constexpr int kBarHeight = 8, kSwatch = 9;

struct Part {
  std::int64_t SpaceValue::*bytes;
  Token ink;
  const char* name;  // translated by SpacePane
};

constexpr std::array kParts = {
    Part{&SpaceValue::pinned_bytes, Token::kAccent, QT_TRANSLATE_NOOP("ui::SpacePane", "pinned")},
    Part{&SpaceValue::own_bytes, Token::kHeat3,
         QT_TRANSLATE_NOOP("ui::SpacePane", "of one session")},
    Part{&SpaceValue::shared_bytes, Token::kHeat2, QT_TRANSLATE_NOOP("ui::SpacePane", "shared")},
    Part{&SpaceValue::cache_bytes, Token::kHeat1, QT_TRANSLATE_NOOP("ui::SpacePane", "cache")},
};

// A small square in the colour of a part.
class Swatch : public QWidget {
 public:
  Swatch(Token ink, QWidget* parent) : QWidget(parent), ink_(ink) {
    setFixedSize(kSwatch, kSwatch);
  }

 protected:
  void paintEvent(QPaintEvent*) override {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(QPen(color(Token::kControl), 1));
    painter.setBrush(color(ink_));
    painter.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), 2, 2);
  }

 private:
  Token ink_;
};

}  // namespace

SpaceBar::SpaceBar(QWidget* parent) : QWidget(parent) {
  setObjectName(QStringLiteral("snapshotSpaceBar"));
  setFixedHeight(kBarHeight);
  connect(&theme(), &Theme::changed, this, qOverload<>(&QWidget::update));
}

void SpaceBar::setValue(const SpaceValue& value) {
  value_ = value;
  update();
}

void SpaceBar::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  painter.setRenderHint(QPainter::Antialiasing);
  QPainterPath shape;
  shape.addRoundedRect(QRectF(rect()), kBarHeight / 2.0, kBarHeight / 2.0);
  painter.setClipPath(shape);
  painter.fillRect(rect(), color(Token::kSunken));
  const double whole =
      static_cast<double>(std::max<std::int64_t>({1, value_.budget_bytes, value_.used()}));
  double x = 0;
  for (const Part& part : kParts) {
    const auto bytes = static_cast<double>(std::max<std::int64_t>(0, value_.*part.bytes));
    const double part_width = width() * bytes / whole;
    painter.fillRect(QRectF(x, 0, part_width, kBarHeight), color(part.ink));
    x += part_width;
  }
}

SpacePane::SpacePane(QWidget* parent)
    : QWidget(parent), figure_(makeLabel(FontRole::kInterface, Token::kText2, this)),
      bar_(new SpaceBar(this)), legend_(new QWidget(this)),
      rule_(makeLabel(FontRole::kSmall, Token::kText2, this,
                      tr("Oldest unpinned snapshots go first. Text is never removed."))),
      warning_(makeLabel(FontRole::kInterfaceStrong, Token::kWarn, this)) {
  setObjectName(QStringLiteral("spacePane"));
  figure_->setObjectName(QStringLiteral("spaceFigure"));
  legend_->setObjectName(QStringLiteral("spaceLegend"));
  warning_->setObjectName(QStringLiteral("spaceWarning"));
  warning_->setWordWrap(true);
  rule_->setWordWrap(true);
  auto* head = new QHBoxLayout;
  head->addWidget(makeLabel(FontRole::kPaneHead, Token::kText, this, tr("Snapshot space")));
  head->addStretch();
  head->addWidget(figure_);
  auto* grid = new QGridLayout(legend_);
  grid->setContentsMargins(0, 0, 0, 0);
  grid->setHorizontalSpacing(6);
  grid->setVerticalSpacing(1);
  int cell = 0;
  for (const Part& part : kParts) {
    grid->addWidget(new Swatch(part.ink, legend_), cell / 2, cell % 2 * 2);
    grid->addWidget(makeLabel(FontRole::kSmall, Token::kText2, legend_), cell / 2,
                    cell % 2 * 2 + 1);
    ++cell;
  }
  grid->setColumnStretch(1, 1);
  grid->setColumnStretch(3, 1);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(24, 12, 24, 14);
  layout->setSpacing(7);
  layout->addLayout(head);
  layout->addWidget(bar_);
  layout->addWidget(legend_);
  layout->addWidget(rule_);
  layout->addWidget(warning_);
  setValue({});
}

void SpacePane::setValue(const SpaceValue& value) {
  setVisible(value.budget_bytes > 0);
  bar_->setValue(value);
  figure_->setText(tr("%1 of %2", "bytes, bytes")
                       .arg(byteWords(value.used()), byteWords(value.budget_bytes)));
  const auto labels = legend_->findChildren<QLabel*>();
  QStringList spoken;
  for (size_t i = 0; i < kParts.size(); ++i) {
    const QString words = tr("%1 %2", "bytes, of what")
                              .arg(byteWords(value.*kParts[i].bytes), tr(kParts[i].name));
    labels[static_cast<qsizetype>(i)]->setText(words);
    spoken << words;
  }
  bar_->setAccessibleName(tr("Snapshot space: %1").arg(figure_->text()));
  bar_->setAccessibleDescription(spoken.join(QStringLiteral(", ")));

  QString warning;
  if (!value.reserve)
    warning = tr("The disk was full: text was saved from the reserve. Make room now, so that the "
                 "next words can be saved too.");
  else if (value.disk_free_bytes >= 0 && value.disk_free_bytes < value.disk_needed_bytes)
    warning = tr("%1 free on the disk, too little for snapshots. Text is still saved; sessions "
                 "are read again when they are resumed.").arg(byteWords(value.disk_free_bytes));
  warning_->setText(warning);
  warning_->setVisible(!warning.isEmpty());
}

}  // namespace ui
