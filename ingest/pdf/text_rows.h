// text_rows.h: how the rows of a page hang together: paragraphs, tables, code, footnotes.
#pragma once

#include <vector>

#include "ingest/pdf/page_word.h"
#include "ingest/pdf/reading_order.h"

namespace ingest {

// A line of words in reading order. Boxes lie in the frame in which the page is read: page points
// unless most of it is turned.
struct TextLine {
  std::vector<PageWord> words;
  base::Box box;
  double size = 0;  // of most of its characters
  bool upright = true;
  bool right_to_left = false;
  bool bold = false, mono = false;
};

enum class Break {
  kNone,    // the word goes on
  kHyphen,  // so it does, behind a hyphen that may belong to it
  kSpace,   // the paragraph goes on
  kLine,
  kParagraph,  // a blank line
};

struct TextRow {
  std::vector<int> lines;  // its cells from first to last; lines of a cell follow one another
  int region = 0;
  Break before = Break::kLine;
  bool mono = false;
  double indent = 0;  // of code: points from the left edge of its block
};

// A hyphen behind a letter, and small letters or a number at the head of the next line: whatever
// the lengths of the two lines.
bool endsInsideWord(const TextLine& above, const TextLine& line);

// `rows` as readingOrder() gave them for `lines`.
std::vector<TextRow> textRows(const std::vector<TextLine>& lines, std::vector<Row> rows);

}  // namespace ingest
