#include "ui/label.h"

#include <QPainter>
#include <QPushButton>
#include <QVariant>

#include "ui/icon.h"
#include "ui/words.h"

namespace ui {
namespace {

constexpr char kInk[] = "ink";

void applyInk(QLabel* label, FontRole role) {
  label->setFont(theme().font(role));
  QPalette palette = label->palette();
  const auto ink = static_cast<Token>(label->property(kInk).toInt());
  palette.setColor(QPalette::WindowText, color(ink));
  label->setPalette(palette);
}

}  // namespace

QLabel* makeLabel(FontRole role, Token ink, QWidget* parent, const QString& text) {
  auto* label = new QLabel(text, parent);
  // Never rich text: labels may show names of files.
  label->setTextFormat(Qt::PlainText);
  label->setProperty(kInk, static_cast<int>(ink));
  label->setProperty("role", static_cast<int>(role));
  applyInk(label, role);
  QObject::connect(&theme(), &Theme::changed, label, [label, role] { applyInk(label, role); });
  return label;
}

void setInk(QLabel* label, Token ink) {
  label->setProperty(kInk, static_cast<int>(ink));
  applyInk(label, static_cast<FontRole>(label->property("role").toInt()));
}

QToolButton* makeIconButton(const QString& icon_name, const QString& words, QWidget* parent) {
  auto* button = new QToolButton(parent);
  button->setIcon(icon(icon_name));
  button->setIconSize(QSize(16, 16));
  button->setToolTip(words);
  button->setAccessibleName(words);
  button->setAutoRaise(true);
  button->setMinimumSize(26, 26);
  return button;
}

QPushButton* makeButton(ButtonKind kind, const QString& icon_name, const QString& words,
                        QWidget* parent) {
  auto* button = new QPushButton(words, parent);
  const Token ink = kind == ButtonKind::kPrimary ? Token::kOnAccent
                    : kind == ButtonKind::kLink  ? Token::kAccent
                                                 : Token::kText;
  if (!icon_name.isEmpty()) button->setIcon(icon(icon_name, ink, ink));
  button->setIconSize(QSize(18, 14));
  button->setAccessibleName(words);
  button->setProperty("primary", kind == ButtonKind::kPrimary);
  button->setProperty("link", kind == ButtonKind::kLink);
  button->setCursor(kind == ButtonKind::kLink ? Qt::PointingHandCursor : Qt::ArrowCursor);
  return button;
}

QWidget* makeLine(Qt::Orientation orientation, QWidget* parent) {
  auto* line = new QFrame(parent);
  line->setProperty("divider", true);
  if (orientation == Qt::Horizontal) line->setFixedHeight(1);
  else line->setFixedWidth(1);
  return line;
}

ElidedLabel::ElidedLabel(FontRole role, Token ink, Qt::TextElideMode mode, QWidget* parent)
    : QLabel(parent), ink_(ink), mode_(mode) {
  setTextFormat(Qt::PlainText);
  setFont(theme().font(role));
  connect(&theme(), &Theme::changed, this, [this, role] {
    setFont(theme().font(role));
    updateGeometry();
  });
}

void ElidedLabel::setFullText(const QString& text) {
  full_text_ = text;
  setAccessibleName(text);
  updateGeometry();
  update();
}

QSize ElidedLabel::sizeHint() const {
  const QFontMetrics metrics(font());
  return {metrics.horizontalAdvance(full_text_) + 2, metrics.height()};
}

QSize ElidedLabel::minimumSizeHint() const { return {40, QFontMetrics(font()).height()}; }

void ElidedLabel::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  painter.setPen(color(ink_));
  const QString shown = fontMetrics().elidedText(full_text_, mode_, width());
  setToolTip(shown == full_text_ ? QString() : tooltipText(full_text_));
  painter.drawText(rect(), Qt::AlignVCenter | Qt::AlignLeft | Qt::TextSingleLine, shown);
}

}  // namespace ui
