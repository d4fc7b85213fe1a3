// reader_client.h: PDFs and office documents, read by somebody else.
//
// Every call starts lectern-reader, several of them for a long document: sandboxed processes that
// get the opened file as a descriptor and send spans or a page image back. This side links no
// Poppler, opens the file, counts time and bytes, checks every field of the reply and kills the
// processes when the stop token says so. Thread-safe: any thread may call, each call has processes
// of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/base/document.h"
#include "engine/base/result.h"
#include "ingest/pdf_reading.h"

namespace ingest {

// What one document may cost. The reader enforces processor time and memory on itself through the
// kernel; the parent enforces them again from outside with `page_wall_s`.
struct ReaderLimits {
  int page_cpu_s = 8;     // processor seconds for opening and for each page
  int page_wall_s = 60;   // seconds without a word from the reader
  std::uint64_t memory_bytes = std::uint64_t{1} << 30;  // address space of the reader
  std::uint64_t file_bytes_max = std::uint64_t{1} << 30;
  std::uint64_t text_bytes_max = std::uint64_t{64} << 20;
  int n_pages_max = 50'000;
  int n_readers_max = 4;  // processes that share one long document; no more than processors
};

// `relative` becomes Document::path. A page that cannot be read costs that page only: it is empty
// and has the diagnostic "page_unreadable"; other diagnostics are "repaired", "no_text_layer",
// "ocr", "ocr_layer", "unmapped_glyphs", "hidden_text", "off_page_text", "active_content",
// "furniture", "note", "extraction_not_permitted" and "cut".
//
// Errors: kLocked (password), kCorrupt (damaged, no PDF, no pages, or the reader crashed on it),
// kTooLarge (a limit), kUnsupported (not a regular file, an encryption Poppler does not know),
// kNotFound, kCancelled, kIo (the file changed meanwhile, lectern-reader is missing or was killed).
base::Result<base::Extracted> readPdf(const std::filesystem::path& reader_program,
                                      const std::filesystem::path& file,
                                      const std::string& relative, std::stop_token stop,
                                      const ReaderLimits& limits = {});
// The same with everything around the text.
base::Result<PdfReading> readWholePdf(const std::filesystem::path& reader_program,
                                      const std::filesystem::path& file,
                                      const std::string& relative, std::stop_token stop,
                                      const ReaderLimits& limits, const PdfOptions& options);

// docx, odt and epub, in the same process under the same limits. Each chapter of an epub is a page;
// the others have none. The kind is kMarkdown. Errors as readPdf(): kUnsupported also for archives
// that are no documents, kTooLarge and kCorrupt for those that were made to do harm.
base::Result<base::Extracted> readOffice(const std::filesystem::path& reader_program,
                                         const std::filesystem::path& file,
                                         const std::string& relative, std::stop_token stop,
                                         const ReaderLimits& limits = {});

struct PageImage {
  int page = 0;     // 1-based
  int n_pages = 0;  // of the document
  std::string label;
  double width_pt = 0, height_pt = 0;  // as displayed; the boxes of spans lie in these
  double scale = 0;                    // pixels per point; smaller than asked where the image
                                       // would exceed the limit of 25 megapixels
  int width_px = 0, height_px = 0;
  std::vector<std::uint8_t> rgb;  // [height_px, width_px, 3], no padding
};

// Errors as above; kNotFound also for a page the document does not have. `scale` is pixels per
// point and lies between 0.05 and 20 (kInvalidInput).
base::Result<PageImage> renderPage(const std::filesystem::path& reader_program,
                                   const std::filesystem::path& file, int page, double scale,
                                   std::stop_token stop, const ReaderLimits& limits = {},
                                   const PdfOptions& options = {});

}  // namespace ingest
