// pdf_assembly.h: messages of one or several readers, to one document.
#pragma once

#include <set>
#include <string>
#include <utility>

#include "engine/base/document.h"
#include "engine/base/result.h"
#include "ingest/reader_client.h"
#include "ingest/reader_message.h"

namespace ingest {

// Invariant: pages are consecutive from 1 and partition the text; spans are sorted.
class PdfAssembly {
 public:
  explicit PdfAssembly(const ReaderLimits& limits) : limits_(limits) {}

  // False when the message was the last one. The errors of a Refusal; kInvalidInput for a message
  // that contradicts those before it; kTooLarge when the text grows beyond the limit.
  base::Result<bool> add(ReaderMessage message);

  bool opened() const { return n_pages_ > 0; }
  bool complete() const { return opened() && nextPage() > n_pages_; }
  int nextPage() const { return static_cast<int>(extracted_.document.pages.size()) + 1; }
  int readCount() const { return n_read_; }

  // The reader ended behind a page it had sent. Where that page has no text, drawing it to see why
  // was too much: then it shows something.
  void blameLastPage();
  // The next page is left empty because the reader ended on it.
  void skipPage(const std::string& why);
  // So are all that remain.
  void cutRest();

  base::Extracted take();

 private:
  base::Status addHead(const DocumentHead& head);
  base::Status addRemark(const PageRemark& remark);
  base::Status addPage(PageText page);
  void addEmptyPage();

  const ReaderLimits limits_;
  base::Extracted extracted_;
  int n_pages_ = 0;
  int n_read_ = 0;
  int n_remarks_ = 0;  // since the last page
  std::set<std::pair<Remark, int>> remarks_;
};

}  // namespace ingest
