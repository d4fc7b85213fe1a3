#include "ui/answer_text.h"

#include <algorithm>
#include <cstring>

#include <QCoreApplication>

#include <md4c.h>

#include "ui/words.h"

namespace ui {
namespace {

constexpr std::string_view kOpen = base::kQuoteOpen, kClose = base::kQuoteClose,
                           kNone = base::kNoAnswer;
// What stands for a cut-out piece while the Markdown is read: two noncharacters around its number.
// The same characters in the answer are replaced before, so that no text can name a quote.
constexpr QChar kPieceBegin(0xFDD0), kPieceEnd(0xFDD1);
constexpr int kNothingSaid = -2;
// Quotes longer than this, or of several lines, stand in a block of their own.
constexpr qsizetype kInlineLength = 64;

bool isBlank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// White space at the edges belongs to the model's way of ending a line, not to the words.
base::ByteRange trimmed(std::string_view text, base::ByteRange range) {
  while (range.begin < range.end && isBlank(text[range.begin])) ++range.begin;
  while (range.end > range.begin && isBlank(text[range.end - 1])) --range.end;
  return range;
}

// Cuts quotes out of an answer and leaves a Markdown text with their numbers.
class QuoteCutter {
 public:
  QuoteCutter(std::string_view answer, std::span<const base::Citation> citations, bool open)
      : answer_(answer), citations_(citations), open_(open) {}

  QString cut(std::vector<Quote>& quotes) {
    std::size_t at = 0;
    while (at < answer_.size()) {
      const std::size_t quote = answer_.find(kOpen, at), none = answer_.find(kNone, at);
      const std::size_t next = std::min(quote, none);
      addText(at, next);
      if (next == std::string_view::npos) break;
      if (next == none) {
        addPiece(kNothingSaid);
        at = none + kNone.size();
        continue;
      }
      at = addQuote(quote + kOpen.size(), quotes);
    }
    return std::move(markdown_);
  }

 private:
  void addText(std::size_t begin, std::size_t end) {
    std::string_view text =
        answer_.substr(begin, end == std::string_view::npos ? end : end - begin);
    // The beginning of a marker that is still being written is not shown.
    if (open_ && end == std::string_view::npos) text = text.substr(0, withoutMarkerHead(text));
    QString words = visibleText(text, LineBreaks::kKeep);
    words.replace(kPieceBegin, QChar::ReplacementCharacter);
    words.replace(kPieceEnd, QChar::ReplacementCharacter);
    markdown_ += words;
  }

  static std::size_t withoutMarkerHead(std::string_view text) {
    const std::size_t angle = text.rfind('<');
    if (angle == std::string_view::npos) return text.size();
    const std::string_view tail = text.substr(angle);
    const bool head = kOpen.starts_with(tail) || kNone.starts_with(tail);
    return head ? angle : text.size();
  }

  void addPiece(int number) {
    markdown_ += kPieceBegin + QString::number(number) + kPieceEnd;
  }

  // Returns the position behind the quote.
  std::size_t addQuote(std::size_t begin, std::vector<Quote>& quotes) {
    const std::size_t close = answer_.find(kClose, begin);
    Quote quote;
    quote.open = close == std::string_view::npos;
    std::size_t end = quote.open ? answer_.size() : close;
    if (quote.open && open_) end = begin + withoutCloseHead(answer_.substr(begin));
    quote.words = trimmed(answer_, {begin, end});
    quote.text = answer_.substr(quote.words.begin, quote.words.size());
    for (const base::Citation& citation : citations_)
      if (base::ByteRange{begin, end}.contains(citation.answer) && !quote.open)
        quote.citation = &citation;
    quote.state = open_ && !quote.citation ? EvidenceState::kPending
                                           : evidenceState(quote.citation);
    addPiece(static_cast<int>(quotes.size()));
    quotes.push_back(std::move(quote));
    return close == std::string_view::npos ? answer_.size() : close + kClose.size();
  }

  static std::size_t withoutCloseHead(std::string_view text) {
    const std::size_t angle = text.rfind('<');
    if (angle == std::string_view::npos) return text.size();
    return kClose.starts_with(text.substr(angle)) ? angle : text.size();
  }

  std::string_view answer_;
  std::span<const base::Citation> citations_;
  bool open_;
  QString markdown_;
};

// Fills blocks from md4c's callbacks.
class BlockBuilder {
 public:
  explicit BlockBuilder(AnswerText& answer) : answer_(answer) {}

  void read(const QString& markdown) {
    const QByteArray utf8 = markdown.toUtf8();
    MD_PARSER parser = {};
    parser.flags = MD_FLAG_NOHTML | MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH |
                   MD_FLAG_NOINDENTEDCODEBLOCKS;
    parser.enter_block = [](MD_BLOCKTYPE type, void* detail, void* self) {
      return static_cast<BlockBuilder*>(self)->enterBlock(type, detail);
    };
    parser.leave_block = [](MD_BLOCKTYPE type, void*, void* self) {
      return static_cast<BlockBuilder*>(self)->leaveBlock(type);
    };
    parser.enter_span = [](MD_SPANTYPE type, void*, void* self) {
      return static_cast<BlockBuilder*>(self)->enterSpan(type);
    };
    parser.leave_span = [](MD_SPANTYPE type, void* detail, void* self) {
      return static_cast<BlockBuilder*>(self)->leaveSpan(type, detail);
    };
    parser.text = [](MD_TEXTTYPE type, const MD_CHAR* text, MD_SIZE size, void* self) {
      return static_cast<BlockBuilder*>(self)->addText(
          type, QString::fromUtf8(text, static_cast<qsizetype>(size)));
    };
    md_parse(utf8.constData(), static_cast<MD_SIZE>(utf8.size()), &parser, this);
  }

 private:
  struct List {
    bool ordered = false;
    unsigned number = 1;
  };

  int enterBlock(MD_BLOCKTYPE type, void* detail) {
    switch (type) {
      case MD_BLOCK_UL: lists_.push_back({}); break;
      case MD_BLOCK_OL:
        lists_.push_back({true, static_cast<MD_BLOCK_OL_DETAIL*>(detail)->start});
        break;
      case MD_BLOCK_LI:
        mark_ = lists_.back().ordered
                    ? QStringLiteral("%1.").arg(lists_.back().number++)
                    : QStringLiteral("\u2022");
        start(BlockKind::kItem);
        break;
      case MD_BLOCK_P: start(lists_.empty() ? BlockKind::kParagraph : BlockKind::kItem); break;
      case MD_BLOCK_H:
        start(BlockKind::kHeading);
        block_.level = static_cast<int>(static_cast<MD_BLOCK_H_DETAIL*>(detail)->level);
        break;
      case MD_BLOCK_CODE: {
        start(BlockKind::kCode);
        const MD_ATTRIBUTE& language = static_cast<MD_BLOCK_CODE_DETAIL*>(detail)->lang;
        block_.language = QString::fromUtf8(language.text, static_cast<qsizetype>(language.size));
        break;
      }
      case MD_BLOCK_HR:
        start(BlockKind::kRule);
        flush();
        break;
      case MD_BLOCK_THEAD: head_ = true; break;
      case MD_BLOCK_TR:
        start(BlockKind::kTableRow);
        block_.head = head_;
        break;
      case MD_BLOCK_TH:
      case MD_BLOCK_TD: block_.content.clear(); break;
      default: break;
    }
    return 0;
  }

  int leaveBlock(MD_BLOCKTYPE type) {
    switch (type) {
      case MD_BLOCK_UL:
      case MD_BLOCK_OL: lists_.pop_back(); break;
      case MD_BLOCK_THEAD: head_ = false; break;
      case MD_BLOCK_TH:
      case MD_BLOCK_TD:
        block_.cells.push_back(std::move(block_.content));
        block_.content.clear();
        break;
      case MD_BLOCK_TR:
      case MD_BLOCK_LI:
      case MD_BLOCK_P:
      case MD_BLOCK_H:
      case MD_BLOCK_CODE: flush(); break;
      default: break;
    }
    return 0;
  }

  int enterSpan(MD_SPANTYPE type) {
    style_ |= styleOf(type);
    return 0;
  }

  // A link's target is told, because it must not be hidden behind other words.
  int leaveSpan(MD_SPANTYPE type, void* detail) {
    style_ &= ~styleOf(type);
    MD_ATTRIBUTE target = {};
    if (type == MD_SPAN_A) target = static_cast<MD_SPAN_A_DETAIL*>(detail)->href;
    if (type == MD_SPAN_IMG) target = static_cast<MD_SPAN_IMG_DETAIL*>(detail)->src;
    if (target.size == 0) return 0;
    const QString words = QString::fromUtf8(target.text, static_cast<qsizetype>(target.size));
    if (block_.content.empty() || block_.content.back().text != words)
      append(QStringLiteral(" (%1)").arg(words));
    return 0;
  }

  static unsigned styleOf(MD_SPANTYPE type) {
    switch (type) {
      case MD_SPAN_STRONG: return static_cast<unsigned>(InlineStyle::kStrong);
      case MD_SPAN_EM: return static_cast<unsigned>(InlineStyle::kEmphasis);
      case MD_SPAN_CODE: return static_cast<unsigned>(InlineStyle::kCode);
      case MD_SPAN_DEL: return static_cast<unsigned>(InlineStyle::kStruck);
      default: return 0;
    }
  }

  int addText(MD_TEXTTYPE type, const QString& text) {
    switch (type) {
      case MD_TEXT_BR: append(QString(QChar::LineSeparator)); return 0;
      case MD_TEXT_SOFTBR: append(QStringLiteral(" ")); return 0;
      case MD_TEXT_NULLCHAR: append(QString(QChar::ReplacementCharacter)); return 0;
      default: break;
    }
    qsizetype at = 0;
    while (at < text.size()) {
      const qsizetype begin = text.indexOf(kPieceBegin, at);
      const qsizetype end = text.indexOf(kPieceEnd, std::max<qsizetype>(begin, 0));
      if (begin < 0 || end < 0) break;
      append(text.mid(at, begin - at));
      addPiece(text.mid(begin + 1, end - begin - 1).toInt());
      at = end + 1;
    }
    append(text.mid(at));
    return 0;
  }

  void append(const QString& text) {
    if (text.isEmpty()) return;
    std::vector<Inline>& content = block_.content;
    if (!content.empty() && content.back().quote < 0 && content.back().style == style_)
      content.back().text += text;
    else
      content.push_back({text, style_, -1, false});
  }

  void addPiece(int number) {
    const bool splits = block_.kind == BlockKind::kParagraph || block_.kind == BlockKind::kItem;
    if (number == kNothingSaid) {
      if (!splits) {
        append(QCoreApplication::translate("ui::answer", "The text does not say"));
        return;
      }
      addOwnBlock(BlockKind::kNothingSaid, -1);
      return;
    }
    const Quote& quote = answer_.quotes[static_cast<size_t>(number)];
    const QString words = visibleText(quote.text, LineBreaks::kKeep);
    if (block_.kind == BlockKind::kCode) {
      append(words);
      return;
    }
    const bool whole = words.size() > kInlineLength || words.contains(QLatin1Char('\n')) ||
                       isAlone(quote);
    if (splits && whole) {
      addOwnBlock(BlockKind::kQuote, number);
      return;
    }
    QString line = words;
    line.replace(QLatin1Char('\n'), QLatin1Char(' '));
    const bool code = quote.citation && !quote.citation->path.empty() && !isProse(quote);
    const unsigned style = code ? style_ | static_cast<unsigned>(InlineStyle::kCode) : style_;
    if (!code) line = QStringLiteral("\u201C%1\u201D").arg(line);
    block_.content.push_back({line, style, number, false});
    append(QString(QChar::Nbsp));
    block_.content.push_back({{}, style_, number, true});
  }

  // Nothing but this quote is in the answer, which is how a small model answers.
  bool isAlone(const Quote&) const { return answer_.quotes.size() == 1 && only_pieces_; }

  // Ends the running paragraph, adds a block, and goes on with the same kind of paragraph.
  void addOwnBlock(BlockKind kind, int quote) {
    const BlockKind running = block_.kind;
    const int level = block_.level;
    flush();
    Block own;
    own.kind = kind;
    own.quote = quote;
    own.level = running == BlockKind::kItem ? level : 0;
    if (quote >= 0) {
      const Quote& found = answer_.quotes[static_cast<size_t>(quote)];
      own.state = found.state;
      own.content.push_back({visibleText(found.text, LineBreaks::kKeep), 0, quote, false});
      own.language = chipWords(found);
    }
    answer_.blocks.push_back(std::move(own));
    start(running);
    block_.level = level;
  }

  void start(BlockKind kind) {
    flush();
    block_ = {};
    block_.kind = kind;
    if (kind == BlockKind::kItem) {
      block_.level = static_cast<int>(lists_.size());
      block_.mark = std::exchange(mark_, {});
    }
  }

  void flush() {
    const auto blank = [](const Inline& part) {
      return part.quote < 0 && part.text.trimmed().isEmpty();
    };
    const bool empty = std::all_of(block_.content.begin(), block_.content.end(), blank) &&
                       block_.cells.empty() && block_.kind != BlockKind::kRule;
    if (empty) {
      // A loose item is entered before its paragraph: its mark waits for the words.
      if (!block_.mark.isEmpty()) mark_ = block_.mark;
    } else {
      trimEdges();
      answer_.blocks.push_back(std::move(block_));
    }
    block_ = {};
  }

  void trimEdges() {
    if (block_.content.empty()) return;
    QString& first = block_.content.front().text;
    QString& last = block_.content.back().text;
    if (block_.kind == BlockKind::kCode) {
      while (last.endsWith(QLatin1Char('\n'))) last.chop(1);
      return;
    }
    while (!first.isEmpty() && first.front().isSpace()) first.remove(0, 1);
    while (!last.isEmpty() && last.back().isSpace()) last.chop(1);
  }

 public:
  bool only_pieces_ = false;

 private:
  AnswerText& answer_;
  Block block_;
  std::vector<List> lists_;
  QString mark_;
  unsigned style_ = 0;
  bool head_ = false;
};

// Only numbers of cut-out pieces and blanks.
bool isOnlyPieces(const QString& markdown) {
  bool inside = false;
  for (const QChar c : markdown) {
    if (c == kPieceBegin) inside = true;
    else if (c == kPieceEnd) inside = false;
    else if (!inside && !c.isSpace()) return false;
  }
  return true;
}

}  // namespace

AnswerText parseAnswer(std::string_view answer, std::span<const base::Citation> citations,
                       bool open) {
  AnswerText parsed;
  const QString markdown = QuoteCutter(answer, citations, open).cut(parsed.quotes);
  BlockBuilder builder(parsed);
  builder.only_pieces_ = isOnlyPieces(markdown);
  builder.read(markdown);
  return parsed;
}

bool isProse(const Quote& quote) {
  if (!quote.citation || quote.citation->path.empty()) return false;
  if (quote.citation->page > 0) return true;
  const QString path = QString::fromStdString(quote.citation->path).toLower();
  for (const char* ending : {".md", ".txt", ".rst", ".tex"})
    if (path.endsWith(QLatin1String(ending))) return true;
  return false;
}

QString chipWords(const Quote& quote) {
  if (quote.state == EvidenceState::kPending || !quote.citation || quote.citation->path.empty())
    return evidenceLook(quote.state).word;
  return placeWords(*quote.citation, PathForm::kName);
}

}  // namespace ui
