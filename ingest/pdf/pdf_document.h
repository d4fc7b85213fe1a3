// pdf_document.h: a PDF as Poppler's core sees it. Runs in lectern-reader, one document and one
// thread per process; whatever it cannot survive, its parent does.
//
// The core library is used rather than one of its wrappers because only its drawing calls tell
// colour, clipping, fonts and direction of every character.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ingest/pdf/glyph.h"
#include "ingest/reader_message.h"

namespace ingest {

struct PageHead {
  std::string label;  // empty when it is the number, or none
  double width = 0, height = 0;
};

class PdfDocument {
 public:
  // Reads from the descriptor as it goes; the descriptor must outlive the document. Without
  // `password` the empty one is tried.
  static tl::expected<std::unique_ptr<PdfDocument>, Refusal> open(int descriptor,
                                                                  const std::string& password);
  ~PdfDocument();
  PdfDocument(const PdfDocument&) = delete;
  PdfDocument& operator=(const PdfDocument&) = delete;

  int pageCount() const;
  bool wasRepaired() const;      // so far: Poppler also notices on later pages
  bool lacksCharacters() const;  // so far: character tables that are not on this machine
  bool copyPermitted() const;
  bool hasActiveContent() const;  // of the document; pages have their own
  Outline outline() const;

  // Pages count from 1. Empty when Poppler cannot load the page.
  std::optional<PageHead> head(int page) const;
  // Whether the page's program is longer than kPageProgramBytesMax, found out with little memory.
  bool isTooLarge(int page) const;
  PageGlyphs glyphs(int page) const;
  // Notes, links and fields; `active` when one of them would start, open or send something.
  std::vector<PageAside> asides(int page, bool& active) const;

  // `scale` in pixels per point, reduced where the image would have more than kImagePixelsMax.
  tl::expected<RenderedPage, Refusal> render(int page, double scale) const;
  // The same without smooth lines; empty when it takes longer than this, or cannot be drawn.
  std::optional<RenderedPage> renderWithin(int page, double scale, double cpu_seconds) const;
  // Share of the page that is neither paper nor inside `words`, between 0 and 1; empty for a page
  // that takes long to draw.
  std::optional<double> inkBeside(int page, const std::vector<PlacedWord>& words) const;

 private:
  struct Poppler;
  explicit PdfDocument(std::unique_ptr<Poppler> poppler);
  // With `cpu_seconds` a rough image, and no more of it than so much time allows.
  tl::expected<RenderedPage, Refusal> draw(int page, double scale, const double* cpu_seconds,
                                           bool& finished) const;

  std::unique_ptr<Poppler> poppler_;
};

}  // namespace ingest
