// page_word.h: the words of a page before anybody reads it.
#pragma once

#include <string>
#include <vector>

#include "engine/base/span.h"

namespace ingest {

struct PageWord {
  std::u32string text;  // in the order of the eye, left to right
  base::Box box;        // page points, origin top left, as displayed
  int line = 0;         // words of one line, with no wide gap between them, stand together
  bool space_after = false;
  double size = 0;  // of the font in points; 0: not known
  bool bold = false;
  bool mono = false;    // every character has the same width: code, a terminal
  bool hidden = false;  // no reader of the page sees it
  // Of the writing, in whole degrees clockwise: 0 upright, 90 downwards. Vertical writing is 90.
  int direction = 0;
};

struct PageWords {
  double width = 0, height = 0;
  std::vector<PageWord> words;
  bool has_text_layer = false;  // of a scan: text without ink under a picture
};

}  // namespace ingest
