#include "ui/error_card.h"

#include <QAccessible>
#include <QHBoxLayout>
#include <QLabel>
#include <QPainter>
#include <QPushButton>
#include <QVBoxLayout>

#include "ui/icon.h"
#include "ui/label.h"
#include "ui/words.h"

namespace ui {

ErrorCard::ErrorCard(QWidget* parent)
    : QFrame(parent),
      badge_(new QLabel(this)),
      sentence_(makeLabel(FontRole::kReadingStrong, Token::kText, this)),
      code_(makeLabel(FontRole::kSmall, Token::kText2, this)),
      safe_(makeLabel(FontRole::kInterface, Token::kText, this)),
      hint_(makeLabel(FontRole::kSmall, Token::kText2, this)),
      primary_(new QPushButton(this)),
      other_(new QPushButton(this)) {
  setObjectName(QStringLiteral("errorCard"));
  setProperty("card", true);
  setAccessibleName(tr("Error"));
  code_->setObjectName(QStringLiteral("errorCode"));
  primary_->setObjectName(QStringLiteral("errorPrimary"));
  other_->setObjectName(QStringLiteral("errorOther"));
  primary_->setProperty("primary", true);
  code_->setTextInteractionFlags(Qt::TextSelectableByMouse);
  for (QLabel* label : {sentence_, safe_, hint_}) label->setWordWrap(true);
  badge_->setFixedSize(36, 36);

  auto* words = new QVBoxLayout;
  words->setSpacing(2);
  words->addWidget(sentence_);
  words->addWidget(code_);
  auto* head = new QHBoxLayout;
  head->setSpacing(12);
  head->addWidget(badge_, 0, Qt::AlignTop);
  head->addLayout(words, 1);
  auto* buttons = new QHBoxLayout;
  buttons->setSpacing(8);
  buttons->addWidget(primary_);
  buttons->addWidget(other_);
  buttons->addStretch();
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(20, 18, 20, 18);
  layout->setSpacing(14);
  layout->addLayout(head);
  layout->addWidget(safe_);
  layout->addWidget(hint_);
  layout->addStretch();
  layout->addLayout(buttons);

  connect(primary_, &QPushButton::clicked, this, [this] { choose(text_.primary); });
  connect(other_, &QPushButton::clicked, this, [this] { choose(text_.other); });
  connect(&theme(), &Theme::changed, this, &ErrorCard::paintBadge);
}

void ErrorCard::show(const ErrorValue& value) {
  const std::optional<ErrorText> text = errorText(value);
  if (!text) {
    hide();
    return;
  }
  value_ = value;
  text_ = *text;
  sentence_->setText(text_.sentence);
  code_->setText(
      value.figure.isEmpty()
          ? text_.code
          : tr("%1 \u00B7 %2", "code, figure").arg(text_.code, visibleText(value.figure)));
  safe_->setText(text_.safe);
  hint_->setText(visibleText(value.error.hint));
  hint_->setVisible(!value.error.hint.empty());
  primary_->setText(errorActionWords(text_.primary));
  other_->setText(errorActionWords(text_.other));
  primary_->setAccessibleName(primary_->text());
  other_->setAccessibleName(other_->text());
  setAccessibleDescription(tr("%1. %2", "sentence, what is safe").arg(text_.sentence, text_.safe));
  paintBadge();
  QFrame::show();
  QAccessibleEvent alert(this, QAccessible::Alert);
  QAccessible::updateAccessibility(&alert);
}

void ErrorCard::choose(ErrorAction action) {
  if (action == ErrorAction::kShowDetails) {
    hint_->setText(visibleText(value_.error.message));
    hint_->setVisible(true);
  }
  if (action == ErrorAction::kClose) hide();
  emit actionChosen(action, value_);
}

void ErrorCard::paintBadge() {
  const qreal ratio = devicePixelRatioF();
  QPixmap pixmap(QSize(36, 36) * ratio);
  pixmap.setDevicePixelRatio(ratio);
  pixmap.fill(Qt::transparent);
  QPainter painter(&pixmap);
  painter.setRenderHint(QPainter::Antialiasing);
  painter.setPen(Qt::NoPen);
  painter.setBrush(color(text_.severe ? Token::kDangerSoft : Token::kWarnSoft));
  painter.drawRoundedRect(QRectF(0, 0, 36, 36), 8, 8);
  paintIcon(painter, QRectF(9, 9, 18, 18), text_.icon,
            color(text_.severe ? Token::kDanger : Token::kWarn));
  badge_->setPixmap(pixmap);
}

}  // namespace ui
