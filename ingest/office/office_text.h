// office_text.h: docx, odt and epub to Markdown: headings, lists, links, tables, notes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "ingest/office/package.h"
#include "ingest/reader_message.h"

namespace ingest {

struct Section {
  std::string label;  // title of a chapter; may be empty
  std::string text;   // clean (clean_text.h); ends with a line feed unless empty
};

// One section; of an epub one per chapter, in reading order.
tl::expected<std::vector<Section>, Refusal> officeText(int descriptor);

// The parts, for tests.
tl::expected<std::string, Refusal> docxText(const Package& package);
tl::expected<std::string, Refusal> odtText(const Package& package);
tl::expected<std::vector<Section>, Refusal> epubText(const Package& package);

}  // namespace ingest
