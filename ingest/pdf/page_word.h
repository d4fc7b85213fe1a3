// page_word.h: what Poppler sees on a page before anybody reads it.
#pragma once

#include <string>
#include <vector>

#include "engine/base/span.h"

namespace ingest {

struct PageWord {
  std::u32string text;  // in the order of the eye, left to right
  base::Box box;        // page points, origin top left, as displayed
  int line = 0;         // words of one line, as Poppler chained them, stand together
  bool space_after = false;
};

struct PageWords {
  double width = 0, height = 0;
  std::vector<PageWord> words;
};

}  // namespace ingest
