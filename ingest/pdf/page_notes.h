// page_notes.h: what hangs on a page beside its text: remarks, links, fields of a form. Actions are
// read, never done.
#pragma once

#include <vector>

#include "ingest/reader_message.h"

class PDFDoc;
class Page;

namespace ingest {

// `active` becomes true when something on the page would start, open or send.
std::vector<PageAside> pageNotes(Page& page, bool& active);

// The same for the document as a whole.
bool isActive(PDFDoc& document);

}  // namespace ingest
