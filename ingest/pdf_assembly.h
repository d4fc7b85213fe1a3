// pdf_assembly.h: messages of one or several readers of one part of a document, to its pages.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/document.h"
#include "engine/base/result.h"
#include "ingest/reader_client.h"
#include "ingest/reader_message.h"
#include "ingest/reader_request.h"

namespace ingest {

// Pages as they were read, before running heads are known and hyphens decided.
struct ReadPages {
  std::vector<PageText> pages;  // consecutive
  Outline outline;
  std::vector<base::Diagnostic> diagnostics;
};

tl::unexpected<base::Error> tooMuchText(const ReaderLimits& limits);

// Invariant: pages are consecutive from the first of the part.
class PdfAssembly {
 public:
  PdfAssembly(const ReaderLimits& limits, int part, int n_parts)
      : limits_(limits), part_(part), n_parts_(n_parts) {}

  // False when the message was the last one. The errors of a Refusal; kInvalidInput for a message
  // that contradicts those before it; kTooLarge when the text grows beyond the limit.
  base::Result<bool> add(ReaderMessage message);

  bool opened() const { return n_pages_ > 0; }
  bool complete() const { return opened() && nextPage() > range_.last; }
  int nextPage() const { return range_.first + static_cast<int>(read_.pages.size()); }
  std::size_t sentCount() const { return read_.pages.size(); }
  int pageCount() const { return n_pages_; }
  // Pages whose text is known, even if it is none.
  int readCount() const { return n_read_; }

  // The reader ended behind a page it had sent. Where that page has no text, drawing it to see why
  // was too much: then it shows something.
  void blameLastPage();
  // The next page is left empty because the reader ended on it.
  void skipPage(const std::string& why);
  // So are all that remain.
  void cutRest();

  ReadPages take() { return std::move(read_); }

 private:
  base::Status addHead(const DocumentHead& head);
  base::Status addOutline(Outline outline);
  base::Status addRemark(const PageRemark& remark);
  base::Status addPage(PageText page);
  void addEmptyPage();

  const ReaderLimits limits_;
  const int part_, n_parts_;
  ReadPages read_;
  PageRange range_;
  int n_pages_ = 0;
  int n_read_ = 0;
  int n_remarks_ = 0;  // since the last page
  std::size_t n_text_bytes_ = 0;
  std::set<std::pair<Remark, int>> remarks_;
};

}  // namespace ingest
