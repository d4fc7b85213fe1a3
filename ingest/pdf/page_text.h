// page_text.h: the words of a page to its text, in reading order, each with its place.
#pragma once

#include <string>
#include <vector>

#include "ingest/pdf/page_word.h"
#include "ingest/reader_message.h"

namespace ingest {

struct ReadPage {
  std::string text;  // lines end with a line feed, cells of a row are separated by a tab,
                     // paragraphs and columns by a blank line; hyphens stay as printed
  std::vector<PlacedWord> words;
  int n_unmapped = 0;  // characters nobody knows
  int n_off_page = 0;  // words left out because they are not on the visible page
};

ReadPage readPage(const PageWords& page);

}  // namespace ingest
