// word_text.h: characters as fonts spell them to characters as people search for them.
#pragma once

#include <string>
#include <string_view>

namespace ingest {

struct WordText {
  std::u32string text;
  int n_unmapped = 0;  // characters that stand for no known one; U+FFFD in `text`
};

// Ligatures and presentation forms become their letters, a soft hyphen at the end a hyphen;
// controls and invisible characters vanish (clean_text.h).
WordText cleanWord(std::u32string_view word);

// Right-to-left letter (Hebrew, Arabic and their relatives).
bool isRightToLeft(char32_t character);
// Letter of a script that is written left to right.
bool isLeftToRight(char32_t character);

// A right-to-left word from the order of the eye to the order of reading: marks stay behind their
// letters, numbers and Latin inside keep their direction. Other words come back unchanged.
std::u32string toReadingOrder(std::u32string_view word);

}  // namespace ingest
