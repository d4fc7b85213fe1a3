#include "ingest/pdf/poppler_text.h"

#include <poppler/UTF.h>
#include <poppler/goo/GooString.h>
#include <poppler/goo/gmem.h>

#include <algorithm>

#include "ingest/clean_text.h"

namespace ingest {

std::u32string textOf(const GooString* text) {
  if (text == nullptr) return {};
  Unicode* characters = nullptr;
  const int n = TextStringToUCS4(text->toStr(), &characters);
  const std::u32string result(characters, characters + std::max(n, 0));
  gfree(characters);
  return result;
}

std::string cleanUtf8(std::u32string_view text, std::size_t bytes_max) {
  std::string clean;
  for (char32_t character : text) {
    if (character == '\n' || character == '\r' || character == '\t') character = ' ';
    if (!isCleanCharacter(character)) continue;
    if (clean.size() + 4 > bytes_max) break;
    appendUtf8(clean, character);
  }
  return clean;
}

}  // namespace ingest
