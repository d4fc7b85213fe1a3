#include "ingest/text_line.h"

#include <algorithm>

namespace ingest {

std::vector<TextLine> linesOf(std::string_view text, const base::ByteRange& range) {
  constexpr std::string_view kBlank = " \t\r\n\f\v";
  constexpr int kTabStop = 4;
  std::vector<TextLine> lines;
  for (std::size_t begin = range.begin; begin < range.end;) {
    const std::size_t feed = text.find('\n', begin);
    const std::size_t end =
        std::min(feed == std::string_view::npos ? range.end : feed + 1, range.end);
    const std::string_view whole = text.substr(begin, end - begin);
    const std::size_t first = std::min(whole.find_first_not_of(kBlank), whole.size());
    TextLine line{.bytes = {begin, end}, .text = whole.substr(first), .indent = 0};
    line.text = line.text.substr(0, line.text.find_last_not_of(kBlank) + 1);
    for (const char c : whole.substr(0, first))
      line.indent = c == '\t' ? (line.indent / kTabStop + 1) * kTabStop : line.indent + 1;
    lines.push_back(line);
    begin = end;
  }
  return lines;
}

}  // namespace ingest
