// pdf_reading.h: a PDF after reading: its document, and what belongs to its pages but not to the
// text. Asides and headings come with a fresh reading; the databases do not keep them.
#pragma once

#include <string>
#include <vector>

#include "engine/base/document.h"

namespace ingest {

struct Aside {
  enum class Kind {
    kFurniture,  // running head or foot, page number
    kHidden,     // white, tiny, clipped: no reader of the page sees it
    kNote,       // somebody's remark on the page
    kLink,
    kField,  // of a form; a value that is shown stands in the text as well
  };
  int page = 0;  // 1-based
  Kind kind = Kind::kFurniture;
  std::string text;    // of the furniture, hidden text or note; value of the field
  std::string target;  // where the link leads; name of the field
  base::Box box;
};

struct Heading {
  int level = 0;  // 0: topmost
  std::string title;
  int page = 0;           // 1-based
  base::ByteRange bytes;  // where it stands in Document::text; empty: at the head of its page
};

struct PdfReading {
  base::Extracted extracted;
  std::vector<Aside> asides;      // by page
  std::vector<Heading> headings;  // in the order of the text
};

struct PdfOptions {
  std::string password;   // for a locked document; never written anywhere
  bool recognise = true;  // scans are read with Tesseract where it is installed
};

}  // namespace ingest
