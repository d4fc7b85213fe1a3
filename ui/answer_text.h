// answer_text.h: a generated answer taken apart: Markdown blocks, and quotes with their state.
//
// The answer is data. HTML is shown as it is written, links and images become words with their
// target behind them, nothing is loaded, nothing can be followed. A quote is cut out before the
// Markdown is read, so that no sign in it can be taken for markup.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <QString>

#include "ui/evidence.h"
#include "ui/values.h"

namespace ui {

// One <quote> of an answer, in answer order.
struct Quote {
  base::ByteRange words;                      // between the markers, without blank edges
  std::string text;
  const base::Citation* citation = nullptr;   // of the message; null: nothing is known
  EvidenceState state = EvidenceState::kUnverified;
  bool open = false;                          // the closing marker has not come yet
};

enum class InlineStyle : unsigned { kPlain = 0, kStrong = 1, kEmphasis = 2, kCode = 4, kStruck = 8 };

// A stretch of text in one style, or the mark of a quote.
struct Inline {
  QString text;
  unsigned style = 0;     // InlineStyle bits
  int quote = -1;         // >= 0: words of this quote
  bool chip = false;      // the quote's chip, drawn instead of text
  bool operator==(const Inline&) const = default;
};

enum class BlockKind { kParagraph, kHeading, kItem, kCode, kQuote, kTableRow, kRule, kNothingSaid };

struct Block {
  BlockKind kind = BlockKind::kParagraph;
  std::vector<Inline> content;
  int level = 0;                           // of a heading; depth of an item, from 1
  QString mark;                            // "•" or "2." before an item's first paragraph
  QString language;                        // of a code block
  int quote = -1;                          // of kQuote
  EvidenceState state = EvidenceState::kUnverified;  // of kQuote: part of what is drawn
  std::vector<std::vector<Inline>> cells;  // of a table row
  bool head = false;                       // a table's first row
  bool operator==(const Block&) const = default;
};

struct AnswerText {
  std::vector<Block> blocks;
  std::vector<Quote> quotes;
};

// `open`: the answer still grows, so that a quote without a citation is pending, not unverified.
// The quotes point into `citations`.
AnswerText parseAnswer(std::string_view answer, std::span<const base::Citation> citations,
                       bool open);

// Known to come from running text, which is set in italics; everything else is set as code.
bool isProse(const Quote& quote);
// Words on the chip of a quote, e.g. "report.pdf, p. 9" or "not in your sources".
QString chipWords(const Quote& quote);

}  // namespace ui
