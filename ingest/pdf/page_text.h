// page_text.h: the words of a page to its text, in reading order, each with its place.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ingest/pdf/page_word.h"
#include "ingest/reader_message.h"

namespace ingest {

struct ReadPage {
  // Paragraphs are one line each and stand apart by a blank line; cells of a row are separated by
  // a tab; code keeps its lines and indentation. Footnotes come after the rest.
  std::string text;
  std::vector<PlacedWord> words;
  std::vector<PageLine> lines;         // as set, with places
  std::vector<std::uint32_t> hyphens;  // at former line ends; whether they stay is not known here
  std::vector<PageAside> hidden;       // what no reader of the page sees; not in the text
  int n_unmapped = 0;                  // characters nobody knows
  int n_off_page = 0;                  // words left out because they are not on the visible page
};

ReadPage readPage(const PageWords& page);

}  // namespace ingest
