// glyph_words.h: drawn characters to words and lines.
//
// A page says where each character stands and nothing about words: a blank may be a character, a
// gap or a number between two strings. Characters that follow the pen of the one before make a
// word, words on one base line make a line. What is drawn twice (bold by overprinting) is one word,
// an accent drawn over a letter joins it, letters set wide apart come together again.
#pragma once

#include "ingest/pdf/glyph.h"
#include "ingest/pdf/page_word.h"

namespace ingest {

PageWords wordsOf(PageGlyphs page);

}  // namespace ingest
