// glyph.h: one drawn character, as the page's program sets it and before anybody reads it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/span.h"

namespace ingest {

// Page points as displayed, origin top left. The direction is that of the writing: (1, 0) for
// upright text, (0, 1) for text that runs down the page.
struct Glyph {
  std::u32string text;  // empty: a character nobody knows
  double x = 0, y = 0;  // where the pen is put down, on the base line
  double advance = 0;   // along the direction, without the spacing asked for between letters
  double spacing = 0;   // that spacing
  double size = 0;      // of the font
  double ascent = 0, descent = 0;  // of the font in sizes; the descent is negative
  double direction_x = 1, direction_y = 0;
  bool vertical = false;  // upright characters in lines that run down the page
  bool bold = false;
  bool mono = false;
  bool hidden = false;     // no reader of the page sees it
  bool invisible = false;  // drawn without ink: the text layer of a scan, or hidden
};

struct PageGlyphs {
  double width = 0, height = 0;
  std::vector<Glyph> glyphs;  // in drawing order
  double image_share = 0;     // of the page, the largest image
  bool has_pictures = false;  // something besides characters leaves ink
};

}  // namespace ingest
