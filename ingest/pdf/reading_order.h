// reading_order.h: from places on a page to the order in which a person reads them.
//
// The page is cut recursively, as in Nagy's XY-cut: a run of lines that leaves a gutter free from
// top to bottom, with text of a column's width on both sides, is read column by column; what
// stands above and below it is read before and after. Pieces on one height without such a gutter
// (cells of a table, a heading and its page number) stay together as one row.
#pragma once

#include <vector>

#include "engine/base/span.h"

namespace ingest {

// A line as Poppler chained it: words without a wide gap. Indexes refer to the caller's lines.
struct PlacedLine {
  base::Box box;
  bool upright = true;         // false: turned text, which is read after everything else
  bool right_to_left = false;  // mostly
};

// Lines of one height, in reading order, and what separates them from the row before.
struct Row {
  std::vector<int> lines;
  bool paragraph = false;  // a blank line stands before it
  int region = 0;          // rows of one column, without anything between them, have one number
};

std::vector<Row> readingOrder(const std::vector<PlacedLine>& lines);

}  // namespace ingest
