// pdf_document.h: the only file that knows Poppler. Runs in lectern-reader, one document and one
// thread per process; whatever it cannot survive, its parent does.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ingest/pdf/page_word.h"
#include "ingest/reader_message.h"

namespace ingest {

struct PageHead {
  std::string label;  // empty when it is the number, or none
  double width = 0, height = 0;
};

class PdfDocument {
 public:
  // Reads from the descriptor as it goes; the descriptor must outlive the document.
  static tl::expected<std::unique_ptr<PdfDocument>, Refusal> open(int descriptor);
  ~PdfDocument();
  PdfDocument(const PdfDocument&) = delete;
  PdfDocument& operator=(const PdfDocument&) = delete;

  int pageCount() const;
  bool wasRepaired() const;       // so far: Poppler also notices on later pages
  bool lacksCharacters() const;   // so far: character tables that are not on this machine
  bool copyPermitted() const;

  // Pages count from 1. Empty when Poppler cannot load the page.
  std::optional<PageHead> head(int page) const;
  std::optional<PageWords> words(int page) const;
  // `scale` in pixels per point, reduced where the image would have more than kImagePixelsMax.
  tl::expected<RenderedPage, Refusal> render(int page, double scale) const;
  // Share of the page that is neither paper nor inside `words`, between 0 and 1.
  double inkBeside(int page, const std::vector<PlacedWord>& words) const;

 private:
  struct Poppler;
  explicit PdfDocument(std::unique_ptr<Poppler> poppler);

  std::unique_ptr<Poppler> poppler_;
};

}  // namespace ingest
