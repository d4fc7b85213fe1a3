#include "ui/transcript_text.h"

#include <algorithm>

#include <QCoreApplication>
#include <QPainter>

#include "ui/icon.h"
#include "ui/words.h"

namespace ui {
namespace {

constexpr qreal kChipPad = 7, kChipIcon = 13, kChipGap = 4;

bool has(unsigned style, InlineStyle bit) { return style & static_cast<unsigned>(bit); }

QString chipLabel(int quote, const QString& words) {
  return QCoreApplication::translate("ui::transcript", "%1  %2", "number of a quote, its place")
      .arg(quote + 1)
      .arg(words);
}

QTextCharFormat formatOf(const Inline& part, const ParagraphLayout::Style& style) {
  const bool code = has(part.style, InlineStyle::kCode);
  QFont font = theme().font(code ? FontRole::kCode : style.role);
  if (has(part.style, InlineStyle::kStrong)) font.setWeight(QFont::DemiBold);
  font.setItalic(style.emphasis || has(part.style, InlineStyle::kEmphasis));
  font.setStrikeOut(has(part.style, InlineStyle::kStruck));
  QTextCharFormat format;
  format.setFont(font);
  format.setForeground(color(style.ink));
  if (code) format.setBackground(color(Token::kSunken));
  return format;
}

// Inter draws "->" as an arrow and "3x4" with a times sign, but a quote must show its characters.
// Qt 6.4 cannot turn that off; it shapes every range by itself, so each sign gets its own.
void appendSplit(const QTextLayout::FormatRange& range, const QString& text,
                 QList<QTextLayout::FormatRange>& formats) {
  const QString signs = QStringLiteral("-<>=!+*|~:/x_");
  QTextLayout::FormatRange piece = range;
  for (int at = range.start; at < range.start + range.length; ++at) {
    if (!signs.contains(text[at])) continue;
    piece.length = at - piece.start;
    if (piece.length > 0) formats.append(piece);
    piece.start = at;
    piece.length = 1;
    formats.append(piece);
    piece.start = at + 1;
  }
  piece.length = range.start + range.length - piece.start;
  if (piece.length > 0) formats.append(piece);
}

}  // namespace

ParagraphLayout::ParagraphLayout(const std::vector<Inline>& content,
                                 const std::vector<Quote>& quotes, const Style& style,
                                 qreal width) {
  QString text;
  QList<QTextLayout::FormatRange> formats;
  for (const Inline& part : content) add(part, quotes, style, text, formats);
  text.replace(QLatin1Char('\n'), QChar::LineSeparator);
  layout_ = std::make_unique<QTextLayout>(text, theme().font(style.role));
  layout_->setFormats(formats);
  layOut(width, style);
}

ParagraphLayout::ParagraphLayout(const QString& text, const Style& style, qreal width)
    : ParagraphLayout(std::vector<Inline>{{text, 0, -1, false}}, {}, style, width) {}

void ParagraphLayout::add(const Inline& part, const std::vector<Quote>& quotes, const Style& style,
                          QString& text, QList<QTextLayout::FormatRange>& formats) {
  QTextLayout::FormatRange range;
  range.start = static_cast<int>(text.size());
  range.format = formatOf(part, style);
  if (part.chip) {
    const Quote& quote = quotes[static_cast<size_t>(part.quote)];
    const QString words = chipWords(quote);
    const QFontMetricsF metrics(theme().font(FontRole::kSmallStrong));
    const qreal wide = kChipPad * 2 + kChipIcon + kChipGap +
                       metrics.horizontalAdvance(chipLabel(part.quote, words));
    // One character as wide as the chip keeps its room in the line.
    QFont font = theme().font(FontRole::kSmall);
    font.setLetterSpacing(QFont::AbsoluteSpacing,
                          wide - QFontMetricsF(font).horizontalAdvance(QChar(QChar::Nbsp)));
    range.format.setFont(font);
    range.format.setBackground(Qt::NoBrush);
    marks_.push_back({part.quote, range.start, quote.state, words});
    text += QChar(QChar::Nbsp);
  } else {
    text += part.text;
    if (part.quote >= 0)
      underlines_.push_back({range.start, static_cast<int>(part.text.size()),
                             quotes[static_cast<size_t>(part.quote)].state});
  }
  range.length = static_cast<int>(text.size()) - range.start;
  appendSplit(range, text, formats);
}

void ParagraphLayout::layOut(qreal width, const Style& style) {
  QTextOption option;
  option.setWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
  option.setTabStopDistance(
      4 * QFontMetricsF(theme().font(style.role)).horizontalAdvance(QLatin1Char(' ')));
  layout_->setTextOption(option);
  layout_->setCacheEnabled(true);
  const qreal line_height = theme().lineHeight(style.role);
  layout_->beginLayout();
  for (QTextLine line = layout_->createLine(); line.isValid(); line = layout_->createLine()) {
    line.setLineWidth(std::max<qreal>(width, 20));
    line.setPosition(QPointF(0, height_ + (line_height - line.height()) / 2));
    height_ += line_height;
  }
  layout_->endLayout();
  const QFontMetricsF metrics(theme().font(FontRole::kSmallStrong));
  for (const Chip& chip : marks_) {
    const QTextLine line = layout_->lineForTextPosition(chip.position);
    const qreal wide = kChipPad * 2 + kChipIcon + kChipGap +
                       metrics.horizontalAdvance(chipLabel(chip.quote, chip.words));
    const qreal high = metrics.height() + 3;
    chips_.push_back({chip.quote, QRectF(line.cursorToX(chip.position),
                                         line.y() + (line.height() - high) / 2, wide - 2, high)});
  }
}

qreal ParagraphLayout::textWidth() const {
  qreal widest = 0;
  for (int i = 0; i < layout_->lineCount(); ++i)
    widest = std::max(widest, layout_->lineAt(i).naturalTextWidth());
  return widest;
}

QPointF ParagraphLayout::end() const {
  if (layout_->lineCount() == 0) return {};
  const QTextLine line = layout_->lineAt(layout_->lineCount() - 1);
  return {line.cursorToX(static_cast<int>(layout_->text().size())), line.y()};
}

void ParagraphLayout::paint(QPainter& painter, const QPointF& at, int current_quote) const {
  layout_->draw(&painter, at);
  for (const Underline& underline : underlines_) paintUnderline(painter, at, underline);
  for (size_t i = 0; i < marks_.size(); ++i)
    paintChip(painter, marks_[i], chips_[i].rect.translated(at), marks_[i].quote == current_quote);
}

void ParagraphLayout::paintChip(QPainter& painter, const Chip& chip, const QRectF& rect,
                                bool current) const {
  const EvidenceLook look = evidenceLook(chip.state);
  painter.setRenderHint(QPainter::Antialiasing);
  painter.setPen(current ? QPen(color(Token::kAccent), 1.5) : QPen(Qt::NoPen));
  painter.setBrush(color(look.soft));
  painter.drawRoundedRect(rect, 5, 5);
  const QRectF picture(rect.left() + kChipPad - 1, rect.center().y() - kChipIcon / 2, kChipIcon,
                       kChipIcon);
  paintIcon(painter, picture, look.icon, color(look.ink));
  painter.setFont(theme().font(FontRole::kSmallStrong));
  painter.setPen(color(look.ink));
  painter.drawText(rect.adjusted(kChipPad + kChipIcon + kChipGap - 1, 0, 0, 0),
                   Qt::AlignVCenter | Qt::TextSingleLine, chipLabel(chip.quote, chip.words));
}

// Words of a quote in the line: solid below what is proven, dotted below what is not.
void ParagraphLayout::paintUnderline(QPainter& painter, const QPointF& at,
                                     const Underline& underline) const {
  const EvidenceLook look = evidenceLook(underline.state);
  painter.setPen(QPen(color(look.ink), 1.2, look.proven ? Qt::SolidLine : Qt::DotLine));
  const int end = underline.start + underline.length;
  for (int i = 0; i < layout_->lineCount(); ++i) {
    const QTextLine line = layout_->lineAt(i);
    const int from = std::max(underline.start, line.textStart());
    const int to = std::min(end, line.textStart() + line.textLength());
    if (from >= to) continue;
    const qreal y = line.y() + line.ascent() + 3;
    painter.drawLine(at + QPointF(line.cursorToX(from), y), at + QPointF(line.cursorToX(to), y));
  }
}

}  // namespace ui
