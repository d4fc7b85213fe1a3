// outline.h: the lines of a document that show how it is built, for a context that has no room for
// all of it.
//
// Of code: what is declared and defined, without bodies and comments. It goes by layout and
// brackets, not by grammar, so every language with either works about as well. Of Markdown and of
// office documents: the headings. Of other text and of PDFs: lines that look like headings, and the
// first line of a text or a page. Data has little of an outline, and then little is shown.
#pragma once

#include <vector>

#include "engine/base/document.h"
#include "engine/base/span.h"

namespace ingest {

// Ranges of whole lines of the text: sorted, apart from each other, none across a page. The same
// for the same text and kind.
std::vector<base::ByteRange> outlineOf(const base::Document& document);

}  // namespace ingest
