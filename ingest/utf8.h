// utf8.h: one character of UTF-8 at a time, whatever the bytes are.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace ingest {

struct Utf8Step {
  std::size_t n_bytes = 1;             // of the character, or of the longest damaged part
  std::optional<char32_t> character;   // none: not UTF-8
  bool cut = false;                    // not UTF-8 only because the text ends here
};

// `text` is not empty.
Utf8Step nextUtf8(std::string_view text);
bool isUtf8(std::string_view text);

}  // namespace ingest
