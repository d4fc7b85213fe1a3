// utf8.h: valid UTF-8 out of any bytes. Every maximal subpart of an ill-formed sequence becomes one
// U+FFFD, the practice of Unicode (chapter 3.9) and WHATWG.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace engine {

// Byte offset of the first ill-formed sequence; npos when `bytes` is valid UTF-8.
std::size_t firstInvalidUtf8(std::string_view bytes);

// A copy with ill-formed sequences replaced.
std::string repairUtf8(std::string_view bytes);

// Length of the tail of `bytes` that a decoder holds back because more may belong to it (0 to 3).
std::size_t unfinishedUtf8(std::string_view bytes);

// The code point that begins at `bytes[at]`. `bytes` must be valid; `at` moves behind it.
inline char32_t nextCodePoint(std::string_view bytes, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return at += 1, first;
  if (first < 0xE0) return at += 2, (first & 0x1Fu) << 6 | (byte(at - 1) & 0x3Fu);
  if (first < 0xF0) {
    at += 3;
    return (first & 0x0Fu) << 12 | (byte(at - 2) & 0x3Fu) << 6 | (byte(at - 1) & 0x3Fu);
  }
  at += 4;
  return (first & 0x07u) << 18 | (byte(at - 3) & 0x3Fu) << 12 | (byte(at - 2) & 0x3Fu) << 6 |
         (byte(at - 1) & 0x3Fu);
}

// Bytes in, complete characters out: a tail that may still become a character waits.
class Utf8Stream {
 public:
  std::string push(std::string_view bytes);
  std::string flush();  // U+FFFD for a waiting tail

 private:
  std::string pending_;
};

}  // namespace engine
