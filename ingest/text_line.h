// text_line.h: a text as lines with their places, for readers that go by layout.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "engine/base/span.h"

namespace ingest {

struct TextLine {
  base::ByteRange bytes;  // with its line feed
  std::string_view text;  // without white space around it
  int indent = 0;         // columns before `text`; a tab stops at every fourth
};

// All lines of text.substr(range), empty ones too. `text` has to stay where it is.
std::vector<TextLine> linesOf(std::string_view text, const base::ByteRange& range);

}  // namespace ingest
