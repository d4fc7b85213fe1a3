// page_furniture.h: running heads, running feet and page numbers: what the pages of a document
// have in common at their edges.
#pragma once

#include <vector>

#include "ingest/reader_message.h"

namespace ingest {

// For every page the indexes of the lines (PageText::lines) that are furniture, sorted. `pages` are
// consecutive.
std::vector<std::vector<std::size_t>> furnitureOf(const std::vector<PageText>& pages);

}  // namespace ingest
