#include "ingest/clean_text.h"

#include <cstdint>

namespace ingest {
namespace {

bool isInvisible(char32_t c) {
  return c == 0x00AD ||                   // soft hyphen
         c == 0x061C || c == 0x180E ||    // Arabic letter mark, Mongolian vowel separator
         (c >= 0x200B && c <= 0x200F) ||  // zero-width characters, direction marks
         (c >= 0x2028 && c <= 0x202E) ||  // line and paragraph separators, embeddings, overrides
         (c >= 0x2060 && c <= 0x206F) ||  // word joiner, isolates, deprecated formats
         c == 0xFEFF ||                   // byte order mark
         (c >= 0xFFF9 && c <= 0xFFFB) ||  // interlinear annotation
         (c >= 0xE0000 && c <= 0xE0FFF);  // tags and selectors without a picture
}

struct Decoded {
  char32_t character;
  std::size_t n_bytes;  // 0: ill-formed
};

Decoded decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t n = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < n) return {0, 0};
  char32_t character = first & (0xFFu >> (n + 1));
  for (std::size_t i = 1; i < n; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {0, 0};
    character = character << 6 | (byte(i) & 0x3Fu);
  }
  const char32_t smallest = n == 4 ? 0x10000 : n == 3 ? 0x800 : 0x80;
  const bool surrogate = character >= 0xD800 && character <= 0xDFFF;
  if (character < smallest || character > 0x10FFFF || surrogate) return {0, 0};
  return {character, n};
}

}  // namespace

bool isCleanCharacter(char32_t c) {
  if (c < 0x20 || (c >= 0x7F && c <= 0x9F)) return false;
  if ((c >= 0xD800 && c <= 0xDFFF) || c > 0x10FFFF) return false;
  if ((c & 0xFFFE) == 0xFFFE || (c >= 0xFDD0 && c <= 0xFDEF)) return false;
  return !isInvisible(c);
}

bool isCleanText(std::string_view text) {
  while (!text.empty()) {
    const auto [character, n_bytes] = decode(text);
    if (n_bytes == 0) return false;
    if (!isCleanCharacter(character) && character != '\n' && character != '\t') return false;
    text.remove_prefix(n_bytes);
  }
  return true;
}

void appendUtf8(std::string& text, char32_t c) {
  const auto tail = [&](int shift) {
    text.push_back(static_cast<char>(0x80 | ((c >> shift) & 0x3F)));
  };
  if (c < 0x80) {
    text.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    text.push_back(static_cast<char>(0xC0 | c >> 6));
    tail(0);
  } else if (c < 0x10000) {
    text.push_back(static_cast<char>(0xE0 | c >> 12));
    tail(6);
    tail(0);
  } else {
    text.push_back(static_cast<char>(0xF0 | c >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

}  // namespace ingest
