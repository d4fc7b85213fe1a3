#include "ui/transcript_turn.h"

#include <algorithm>
#include <cmath>

#include <QCoreApplication>
#include <QPainter>
#include <QPainterPath>

#include "ui/icon.h"
#include "ui/words.h"

namespace ui {
namespace {

constexpr qreal kGap = 12, kPad = 14, kIndent = 22, kTurnGap = 28;

QString tr(const char* text, const char* comment = nullptr, int n = -1) {
  return QCoreApplication::translate("ui::transcript", text, comment, n);
}

FontRole headingRole(int level) {
  return level <= 1 ? FontRole::kTitle : FontRole::kReadingStrong;
}

// Lines below the first stand as they do in the file; what all of them are indented by is left out.
QString dedented(const QString& code) {
  QStringList lines = code.split(QLatin1Char('\n'));
  qsizetype common = -1;
  for (qsizetype i = 1; i < lines.size(); ++i) {
    qsizetype n = 0;
    while (n < lines[i].size() && lines[i][n] == QLatin1Char(' ')) ++n;
    if (n < lines[i].size() && (common < 0 || n < common)) common = n;
  }
  for (qsizetype i = 1; common > 0 && i < lines.size(); ++i) lines[i].remove(0, common);
  return lines.join(QLatin1Char('\n'));
}

QString lastSentence(const std::string& text) {
  const QString words = visibleText(text).trimmed();
  const qsizetype stop = words.lastIndexOf(QLatin1String(". "));
  return stop < 0 ? words.right(90) : words.mid(stop + 2).right(90);
}

}  // namespace

TranscriptTurn::TranscriptTurn(MessageValue message, bool open)
    : message_(std::move(message)), open_(open) {
  update();
}

void TranscriptTurn::append(const base::AnswerDelta& delta) {
  if (delta.thinking) {
    message_.thinking += delta.text;
    message_.thinking_tokens += delta.n_tokens;
  } else {
    message_.answer += delta.text;
    message_.usage.decode_tokens += delta.n_tokens;
  }
  prefill_.reset();
}

void TranscriptTurn::addCitation(const base::Citation& citation) {
  message_.citations.push_back(citation);
}

void TranscriptTurn::setPrefill(const base::Progress& progress) { prefill_ = progress; }

void TranscriptTurn::update() {
  answer_ = parseAnswer(message_.answer, message_.citations, open_);
  laid_out_ = false;
}

void TranscriptTurn::close(MessageValue message) {
  message_ = std::move(message);
  abandon();
}

void TranscriptTurn::abandon() {
  open_ = false;
  prefill_.reset();
  update();
}

void TranscriptTurn::setThinkingFolded(bool folded) {
  folded_ = folded;
  laid_out_ = false;
}

int TranscriptTurn::provenQuotes() const {
  return static_cast<int>(
      std::count_if(answer_.quotes.begin(), answer_.quotes.end(),
                    [](const Quote& quote) { return evidenceLook(quote.state).proven; }));
}

QString TranscriptTurn::spokenAnswer() const {
  const int n_quotes = static_cast<int>(answer_.quotes.size());
  return tr("Answer with %1 verified quotes and %2 without a source")
      .arg(provenQuotes())
      .arg(n_quotes - provenQuotes());
}

QRectF TranscriptTurn::answerRect() const {
  return {0, head_y_, width_, std::max<qreal>(0, height_ - kTurnGap - head_y_)};
}

qreal TranscriptTurn::height(qreal width) const {
  if (height_ > 0 && width_ == width) return height_;
  const qreal line = theme().lineHeight(FontRole::kReading);
  const qreal per_line = std::max<qreal>(1, width / (theme().px(7)));
  const auto n = static_cast<qreal>(message_.answer.size() + message_.question.size());
  return std::ceil(n / per_line + 3) * line + 90;
}

void TranscriptTurn::dropLayout() {
  elements_.clear();
  laid_blocks_.clear();
  question_.reset();
  thinking_.reset();
  laid_out_ = false;
}

void TranscriptTurn::layOut(qreal width) {
  if (laid_out_ && width_ == width) return;
  if (width_ != width) dropLayout();
  width_ = width;
  size_t n_kept = 0;
  while (n_kept < elements_.size() && n_kept < answer_.blocks.size() &&
         laid_blocks_[n_kept] == answer_.blocks[n_kept])
    ++n_kept;
  elements_.erase(elements_.begin() + static_cast<std::ptrdiff_t>(n_kept), elements_.end());
  for (size_t i = n_kept; i < answer_.blocks.size(); ++i)
    elements_.push_back(layOutBlock(answer_.blocks[i], width));
  laid_blocks_ = answer_.blocks;
  place(width);
  laid_out_ = true;
}

TranscriptTurn::Element TranscriptTurn::layOutBlock(const Block& block, qreal width) const {
  Element element;
  element.kind = block.kind;
  element.quote = block.quote;
  element.state = block.state;
  element.head = block.head;
  element.mark = block.mark;
  ParagraphLayout::Style style;
  switch (block.kind) {
    case BlockKind::kParagraph: break;
    case BlockKind::kHeading: style.role = headingRole(block.level); break;
    case BlockKind::kItem: element.indent = kIndent * std::max(1, block.level); break;
    case BlockKind::kNothingSaid: {
      style.role = FontRole::kReadingStrong;
      element.indent = block.level * kIndent;
      ParagraphLayout words(tr("The sources do not say"), style, width - element.indent);
      element.height = words.height() + 2;
      element.texts.emplace_back(QPointF(element.indent + 24, 1), std::move(words));
      return element;
    }
    case BlockKind::kRule: element.height = 9; return element;
    case BlockKind::kQuote:
      element.indent = block.level * kIndent;
      layOutQuote(element, block, width - element.indent);
      return element;
    case BlockKind::kTableRow: layOutTable(element, block, width); return element;
    case BlockKind::kCode: {
      style.role = FontRole::kCode;
      element.mark = block.language;
      ParagraphLayout words(block.content, answer_.quotes, style, width - 2 * kPad);
      element.height = words.height() + 20;
      element.texts.emplace_back(QPointF(kPad, 10), std::move(words));
      return element;
    }
  }
  ParagraphLayout words(block.content, answer_.quotes, style, width - element.indent);
  element.height = words.height();
  element.texts.emplace_back(QPointF(element.indent, 0), std::move(words));
  return element;
}

void TranscriptTurn::layOutQuote(Element& element, const Block& block, qreal width) const {
  const Quote& quote = answer_.quotes[static_cast<size_t>(block.quote)];
  const bool prose = isProse(quote);
  ParagraphLayout::Style style;
  style.role = prose ? FontRole::kReading : FontRole::kCode;
  style.emphasis = prose;
  style.ink = quote.state == EvidenceState::kPending ? Token::kText2 : Token::kText;
  QString words = visibleText(quote.text, LineBreaks::kKeep);
  words = prose ? QStringLiteral("\u201C%1\u201D").arg(words) : dedented(words);
  ParagraphLayout text(words, style, width - 2 * kPad);
  const qreal foot = theme().lineHeight(FontRole::kInterface) + 6;
  element.height = text.height() + foot + 18;
  element.texts.emplace_back(QPointF(element.indent + kPad, 8), std::move(text));
  const base::Citation* citation = quote.citation;
  if (!citation || citation->path.empty()) return;
  const QString label = visibleText(citation->page_label);
  if (!label.isEmpty() && label != QString::number(citation->page))
    element.printed = tr("printed page %1").arg(label);
  else if (citation->n_places > 1)
    element.printed = tr("one of %1 places").arg(citation->n_places);
  // The whole path where it fits beside the rest of the line, else the file's name.
  element.place = placeWords(*citation, PathForm::kWhole);
  const QFontMetricsF metrics(theme().font(FontRole::kInterfaceStrong));
  const qreal room = width - 2 * kPad - theme().px(150) -
                     metrics.horizontalAdvance(element.printed);
  if (metrics.horizontalAdvance(element.place) > room)
    element.place = placeWords(*citation, PathForm::kName);
}

void TranscriptTurn::layOutTable(Element& element, const Block& block, qreal width) const {
  if (block.cells.empty()) return;
  const qreal cell_width = width / static_cast<qreal>(block.cells.size());
  qreal x = 0, highest = 0;
  for (const std::vector<Inline>& cell : block.cells) {
    ParagraphLayout::Style style;
    style.role = block.head ? FontRole::kInterfaceStrong : FontRole::kInterface;
    ParagraphLayout words(cell, answer_.quotes, style, cell_width - 12);
    highest = std::max(highest, words.height());
    element.texts.emplace_back(QPointF(x, 4), std::move(words));
    x += cell_width;
  }
  element.height = highest + 9;
}

QString TranscriptTurn::thinkingWords() const {
  if (message_.thinking.empty()) return {};
  if (open_ && message_.answer.empty()) return tr("Thinking");
  return message_.thinking_s > 0 ? tr("Thought for %1").arg(durationWords(message_.thinking_s))
                                 : tr("Thought");
}

QString TranscriptTurn::prefillWords() const {
  return prefill_->eta_high_s > 0
             ? tr("Reading %1 new tokens, %2")
                   .arg(exactCount(prefill_->n_total),
                        rangeWords(prefill_->eta_low_s, prefill_->eta_high_s))
             : tr("Reading %1 new tokens").arg(exactCount(prefill_->n_total));
}

// What stands below the blocks: why the answer ended, or what it waits for.
QString TranscriptTurn::endWords() const {
  if (open_) {
    if (prefill_) return prefillWords();
    return message_.answer.empty() && message_.thinking.empty() ? tr("Waiting for the first word")
                                                                : QString();
  }
  if (!message_.finish) return tr("This answer was interrupted. What is here is saved.");
  switch (*message_.finish) {
    case base::FinishReason::kStopped:
      return tr("Stopped by you after %1 tokens").arg(exactCount(message_.usage.decode_tokens));
    case base::FinishReason::kLength:
      return tr("Ended at the length limit, after %1 tokens")
          .arg(exactCount(message_.usage.decode_tokens));
    case base::FinishReason::kEnd: break;
  }
  return message_.answer.empty() ? tr("The model gave no words") : QString();
}

qreal TranscriptTurn::placeThinking(qreal y, qreal width) {
  const QString words = thinkingWords();
  const qreal line = theme().lineHeight(FontRole::kInterface) + 4;
  if (!words.isEmpty())
    areas_.push_back({QRectF(0, y, width, line), {TurnHit::Kind::kThinking, -1}});
  y += line;
  thinking_y_ = y;
  thinking_.reset();
  if (folded_ || words.isEmpty()) return y + 6;
  ParagraphLayout::Style style;
  style.role = FontRole::kInterface;
  style.ink = Token::kText2;
  thinking_.emplace(visibleText(message_.thinking, LineBreaks::kKeep), style, width - kIndent);
  return y + thinking_->height() + 10;
}

void TranscriptTurn::place(qreal width) {
  areas_.clear();
  tops_.clear();
  if (!question_) {
    ParagraphLayout::Style style;
    style.role = FontRole::kReading;
    std::vector<Inline> words = {{visibleText(message_.question, LineBreaks::kKeep),
                                  static_cast<unsigned>(InlineStyle::kStrong), -1, false}};
    question_.emplace(words, answer_.quotes, style, width - 2 * kPad - theme().px(52));
  }
  question_rect_ = QRectF(0, 0, width, question_->height() + 16);
  head_y_ = question_rect_.bottom() + kGap;
  qreal y = placeThinking(head_y_, width);
  for (size_t i = 0; i < elements_.size(); ++i) {
    const Element& element = elements_[i];
    const bool tight = i > 0 && elements_[i - 1].kind == element.kind &&
                       (element.kind == BlockKind::kItem || element.kind == BlockKind::kTableRow);
    if (i > 0) y += tight ? (element.kind == BlockKind::kItem ? 4 : 0) : kGap;
    tops_.push_back(y);
    if (element.quote >= 0) {
      const QRectF rect(element.indent, y, width - element.indent, element.height);
      areas_.push_back({QRectF(rect.right() - 32, rect.bottom() - 30, 26, 26),
                        {TurnHit::Kind::kCopyQuote, element.quote}});
      areas_.push_back({rect, {TurnHit::Kind::kQuote, element.quote}});
    }
    for (const auto& [at, text] : element.texts)
      for (const ChipPlace& chip : text.chips())
        areas_.push_back({chip.rect.translated(at + QPointF(0, y)),
                          {TurnHit::Kind::kQuote, chip.quote}});
    y += element.height;
  }
  tail_y_ = y + (elements_.empty() ? 0 : 8);
  if (!endWords().isEmpty()) y = tail_y_ + theme().lineHeight(FontRole::kInterface) +
                                 (prefill_ ? 14 : 4);
  foot_y_ = y + kGap;
  if (!open_ && message_.finish) {
    const qreal foot = theme().lineHeight(FontRole::kInterface) +
                       theme().lineHeight(FontRole::kSmall) + 20;
    areas_.push_back({QRectF(width - 28, foot_y_ + 5, 26, 26), {TurnHit::Kind::kCopyAnswer, -1}});
    areas_.push_back({QRectF(width - 56, foot_y_ + 5, 26, 26), {TurnHit::Kind::kBranch, -1}});
    y = foot_y_ + foot;
  }
  height_ = y + kTurnGap;
}

TurnHit TranscriptTurn::hitAt(const QPointF& point) const {
  for (const Area& area : areas_)
    if (area.rect.contains(point)) return area.hit;
  return {};
}

QRectF TranscriptTurn::quoteRect(int quote) const {
  for (const Area& area : areas_)
    if (area.hit.kind == TurnHit::Kind::kQuote && area.hit.quote == quote) return area.rect;
  return {};
}

void TranscriptTurn::paint(QPainter& painter, const QPointF& at, int current_quote) const {
  painter.setRenderHint(QPainter::Antialiasing);
  paintQuestion(painter, at);
  paintHead(painter, at);
  if (thinking_) {
    painter.fillRect(QRectF(at.x() + 7, at.y() + thinking_y_, 2, thinking_->height()),
                     color(Token::kLine));
    thinking_->paint(painter, at + QPointF(kIndent, thinking_y_), -1);
  }
  for (size_t i = 0; i < elements_.size(); ++i)
    paintElement(painter, elements_[i],
                 QRectF(at.x(), at.y() + tops_[i], width_, elements_[i].height), current_quote);
  if (open_ && !elements_.empty()) paintCaret(painter, at);
  paintTail(painter, at);
  paintFoot(painter, at);
}

void TranscriptTurn::paintQuestion(QPainter& painter, const QPointF& at) const {
  const QRectF rect = question_rect_.translated(at);
  painter.setPen(Qt::NoPen);
  painter.setBrush(color(Token::kAccentSoft));
  painter.drawRoundedRect(rect, 8, 8);
  question_->paint(painter, rect.topLeft() + QPointF(kPad, 8), -1);
  if (!message_.asked_at.isValid()) return;
  painter.setFont(theme().font(FontRole::kSmall));
  painter.setPen(color(Token::kText2));
  painter.drawText(rect.adjusted(0, 11, -kPad, 0), Qt::AlignRight | Qt::AlignTop,
                   message_.asked_at.toString(QStringLiteral("HH:mm")));
}

void TranscriptTurn::paintHead(QPainter& painter, const QPointF& at) const {
  const qreal line = theme().lineHeight(FontRole::kInterface) + 4;
  QRectF row(at.x(), at.y() + head_y_, width_, line);
  const QString words = thinkingWords();
  if (!words.isEmpty()) {
    paintIcon(painter, QRectF(row.left(), row.center().y() - 7, 14, 14),
              folded_ ? QStringLiteral("right") : QStringLiteral("down"), color(Token::kText2));
    row.setLeft(row.left() + 18);
    painter.setFont(theme().font(FontRole::kInterfaceStrong));
    painter.setPen(color(Token::kText2));
    painter.drawText(row, Qt::AlignVCenter, words);
    row.setLeft(row.left() + painter.fontMetrics().horizontalAdvance(words) + 8);
    painter.setFont(theme().font(FontRole::kInterface));
    const bool running = open_ && message_.answer.empty();
    const QString rest = running ? lastSentence(message_.thinking)
                                 : tr("%1 tokens").arg(exactCount(message_.thinking_tokens));
    if (running || message_.thinking_tokens > 0)
      painter.drawText(row, Qt::AlignVCenter | Qt::TextSingleLine,
                       painter.fontMetrics().elidedText(rest, Qt::ElideLeft,
                                                        static_cast<int>(row.width() * 0.7)));
  }
  // Who answers is said on every answer: the included model is a stand-in.
  painter.setFont(theme().font(FontRole::kSmall));
  painter.setPen(color(Token::kText2));
  painter.drawText(QRectF(at.x(), at.y() + head_y_, width_, line),
                   Qt::AlignVCenter | (words.isEmpty() ? Qt::AlignLeft : Qt::AlignRight),
                   visibleText(message_.model));
}

void TranscriptTurn::paintElement(QPainter& painter, const Element& element, const QRectF& rect,
                                  int current_quote) const {
  switch (element.kind) {
    case BlockKind::kQuote: {
      const EvidenceLook look = evidenceLook(element.state);
      const QRectF box = rect.adjusted(element.indent + 0.5, 0.5, -0.5, -0.5);
      const bool current = element.quote == current_quote;
      painter.setPen(current ? QPen(color(Token::kAccent), 1.5) : QPen(color(Token::kLine), 1));
      painter.setBrush(color(Token::kPanel));
      painter.drawRoundedRect(box, 6, 6);
      QPen edge(color(look.ink), 3, look.dashed ? Qt::DashLine : Qt::SolidLine, Qt::FlatCap);
      painter.setPen(edge);
      painter.drawLine(box.topLeft() + QPointF(2, 3), box.bottomLeft() + QPointF(2, -3));
      paintQuoteFoot(painter, element, box);
      break;
    }
    case BlockKind::kCode:
      painter.setPen(QPen(color(Token::kLine), 1));
      painter.setBrush(color(Token::kPanel));
      painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6);
      painter.setFont(theme().font(FontRole::kSmallest));
      painter.setPen(color(Token::kText3));
      painter.drawText(rect.adjusted(0, 6, -10, 0), Qt::AlignRight | Qt::AlignTop, element.mark);
      break;
    case BlockKind::kItem:
      painter.setFont(theme().font(FontRole::kReading));
      painter.setPen(color(Token::kText2));
      painter.drawText(QRectF(rect.left(), rect.top(), element.indent - 7,
                              theme().lineHeight(FontRole::kReading)),
                       Qt::AlignRight | Qt::AlignVCenter, element.mark);
      break;
    case BlockKind::kTableRow:
      painter.fillRect(QRectF(rect.left(), rect.bottom() - 1, rect.width(), 1),
                       color(element.head ? Token::kLineStrong : Token::kLine));
      break;
    case BlockKind::kRule:
      painter.fillRect(QRectF(rect.left(), rect.center().y(), rect.width(), 1),
                       color(Token::kLine));
      break;
    case BlockKind::kNothingSaid:
      paintIcon(painter, QRectF(rect.left() + element.indent, rect.center().y() - 8, 16, 16),
                QStringLiteral("search"), color(Token::kText2));
      break;
    case BlockKind::kParagraph:
    case BlockKind::kHeading: break;
  }
  for (const auto& [at, text] : element.texts)
    text.paint(painter, rect.topLeft() + at, current_quote);
}

void TranscriptTurn::paintQuoteFoot(QPainter& painter, const Element& element,
                                    const QRectF& box) const {
  const EvidenceLook look = evidenceLook(element.state);
  const qreal line = theme().lineHeight(FontRole::kInterface);
  QRectF row(box.left() + kPad, box.bottom() - line - 8, box.width() - 2 * kPad - 24, line);
  paintIcon(painter, QRectF(row.left(), row.center().y() - 8, 16, 16), look.icon,
            color(look.ink));
  row.setLeft(row.left() + 22);
  const auto write = [&](const QString& words, FontRole role, Token ink) {
    if (words.isEmpty()) return;
    painter.setFont(theme().font(role));
    painter.setPen(color(ink));
    const QString shown = painter.fontMetrics().elidedText(words, Qt::ElideMiddle,
                                                           static_cast<int>(row.width()));
    painter.drawText(row, Qt::AlignVCenter | Qt::TextSingleLine, shown);
    row.setLeft(row.left() + painter.fontMetrics().horizontalAdvance(shown) + 8);
  };
  write(QString::number(element.quote + 1), FontRole::kInterfaceStrong, look.ink);
  write(look.word, FontRole::kPaneHead, look.ink);
  write(element.place, FontRole::kInterfaceStrong, Token::kAccent);
  write(element.printed, FontRole::kInterface, Token::kText2);
  paintIcon(painter, QRectF(box.right() - 26, row.center().y() - 7, 14, 14),
            QStringLiteral("copy"), color(Token::kText2));
}

void TranscriptTurn::paintCaret(QPainter& painter, const QPointF& at) const {
  const Element& last = elements_.back();
  if (last.texts.empty() || last.quote >= 0) return;
  const auto& [offset, text] = last.texts.back();
  painter.fillRect(QRectF(at + QPointF(0, tops_.back()) + offset + text.end() + QPointF(2, 1),
                          QSizeF(7, theme().px(15))),
                   color(Token::kAccent));
}

void TranscriptTurn::paintTail(QPainter& painter, const QPointF& at) const {
  const QString words = endWords();
  if (words.isEmpty()) return;
  const qreal line = theme().lineHeight(FontRole::kInterface);
  painter.setFont(theme().font(FontRole::kInterface));
  painter.setPen(color(Token::kText2));
  painter.drawText(QRectF(at.x(), at.y() + tail_y_, width_, line), Qt::AlignVCenter, words);
  if (!prefill_ || prefill_->n_total <= 0) return;
  const QRectF track(at.x(), at.y() + tail_y_ + line + 5, width_, 4);
  painter.setPen(Qt::NoPen);
  painter.setBrush(color(Token::kSunken));
  painter.drawRoundedRect(track, 2, 2);
  QRectF done = track;
  done.setWidth(track.width() * static_cast<qreal>(prefill_->n_done) /
                static_cast<qreal>(prefill_->n_total));
  painter.setBrush(color(Token::kAccent));
  painter.drawRoundedRect(done, 2, 2);
}

void TranscriptTurn::paintFoot(QPainter& painter, const QPointF& at) const {
  if (open_ || !message_.finish) return;
  painter.fillRect(QRectF(at.x(), at.y() + foot_y_, width_, 1), color(Token::kLine));
  const qreal line = theme().lineHeight(FontRole::kInterface);
  QRectF row(at.x(), at.y() + foot_y_ + 9, width_ - 60, line);
  const auto write = [&](const char* icon_name, const QString& words, FontRole role, Token ink) {
    if (icon_name) {
      paintIcon(painter, QRectF(row.left(), row.center().y() - 8, 16, 16),
                QLatin1String(icon_name), color(ink));
      row.setLeft(row.left() + 21);
    }
    painter.setFont(theme().font(role));
    painter.setPen(color(ink));
    const QString shown = painter.fontMetrics().elidedText(words, Qt::ElideRight,
                                                           static_cast<int>(row.width()));
    painter.drawText(row, Qt::AlignVCenter | Qt::TextSingleLine, shown);
    row.setLeft(row.left() + painter.fontMetrics().horizontalAdvance(shown) + 16);
  };
  const int n_proven = provenQuotes();
  const int n_open = static_cast<int>(answer_.quotes.size()) - n_proven;
  write(n_proven > 0 ? "verified" : nullptr,
        n_proven == 1 ? tr("1 quote verified")
                      : n_proven > 1 ? tr("%1 quotes verified").arg(n_proven)
                                     : tr("No quote verified"),
        FontRole::kInterfaceStrong, n_proven > 0 ? Token::kOk : Token::kText2);
  if (n_open > 0)
    write("unverified", tr("%1 without a source").arg(n_open), FontRole::kInterfaceStrong,
          Token::kWarn);
  const base::Usage& usage = message_.usage;
  QStringList figures;
  if (usage.decode_tok_s > 0) figures << rateWords(usage.decode_tok_s);
  if (usage.context_tokens > 0)
    figures << tr("reused %1, read %2 tokens", "usage")
                   .arg(exactCount(usage.reused_tokens), exactCount(usage.prefilled_tokens));
  row = QRectF(at.x(), row.bottom() + 4, width_ - 32, theme().lineHeight(FontRole::kSmall));
  write(nullptr, figures.join(QStringLiteral(" \u00B7 ")), FontRole::kSmall, Token::kText2);
  paintIcon(painter, QRectF(at.x() + width_ - 22, at.y() + foot_y_ + 10, 16, 16),
            QStringLiteral("copy"), color(Token::kText2));
  paintIcon(painter, QRectF(at.x() + width_ - 50, at.y() + foot_y_ + 10, 16, 16),
            QStringLiteral("branch"), color(Token::kText2));
}

}  // namespace ui
