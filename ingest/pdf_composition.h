// pdf_composition.h: pages as they were read, to a document: furniture set aside, hyphens decided,
// headings found. Here because all three need to know more than one page.
#pragma once

#include "ingest/pdf_assembly.h"
#include "ingest/pdf_reading.h"

namespace ingest {

// Fills text, pages, spans, headings and the diagnostics.
PdfReading composePdf(ReadPages read);

}  // namespace ingest
