#include "ingest/clean_text.h"

#include "ingest/utf8.h"

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

}  // namespace

bool isCleanCharacter(char32_t c) {
  if (c < 0x20 || (c >= 0x7F && c <= 0x9F)) return false;
  if ((c >= 0xD800 && c <= 0xDFFF) || c > 0x10FFFF) return false;
  if ((c & 0xFFFE) == 0xFFFE || (c >= 0xFDD0 && c <= 0xFDEF)) return false;
  return !isInvisible(c);
}

bool isCleanText(std::string_view text) {
  while (!text.empty()) {
    const Utf8Step step = nextUtf8(text);
    if (!step.character) return false;
    if (!isCleanCharacter(*step.character) && *step.character != '\n' && *step.character != '\t')
      return false;
    text.remove_prefix(step.n_bytes);
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
