#include "ingest/pdf_assembly.h"

#include <algorithm>
#include <atomic>

#include "engine/base/log.h"
#include "ingest/reader_sentences.h"

namespace ingest {
namespace {

using base::ErrorCode;
using base::failure;
using base::Result;
using base::Status;

// Far more than an honest reader has to say between two pages.
constexpr int kRemarksInARowMax = 16;
// Of a page nobody could open: US letter, so that a viewer has something to show.
constexpr double kUnknownWidth = 612, kUnknownHeight = 792;

tl::unexpected<base::Error> contradiction(const char* what) {
  return failure(ErrorCode::kInvalidInput, std::string("sent ") + what);
}

void logSandboxOnce(SandboxLevel level) {
  static std::atomic<bool> told = false;
  if (told.exchange(true)) return;
  switch (level) {
    case SandboxLevel::kFull: return base::logInfo("ingest", "reader sandbox level=full");
    case SandboxLevel::kSyscalls:
      return base::logWarn("ingest", "reader sandbox level=syscalls missing=landlock");
    case SandboxLevel::kRlimits:
      return base::logWarn("ingest", "reader sandbox level=rlimits missing=seccomp");
  }
}

}  // namespace

Result<bool> PdfAssembly::add(ReaderMessage message) {
  if (const auto* refusal = std::get_if<Refusal>(&message))
    return tl::unexpected<base::Error>(refusalError(*refusal));
  if (const auto* head = std::get_if<DocumentHead>(&message)) {
    TRY(addHead(*head));
    return true;
  }
  if (!opened()) return contradiction("something before the document's head");
  if (const auto* remark = std::get_if<PageRemark>(&message)) {
    TRY(addRemark(*remark));
    return true;
  }
  if (auto* page = std::get_if<PageText>(&message)) {
    TRY(addPage(std::move(*page)));
    return true;
  }
  if (std::holds_alternative<Finished>(message) && complete()) return false;
  return contradiction("a message out of turn");
}

Status PdfAssembly::addHead(const DocumentHead& head) {
  if (head.n_pages > limits_.n_pages_max || (opened() && head.n_pages != n_pages_))
    return contradiction("a page count that cannot be");
  n_pages_ = head.n_pages;
  logSandboxOnce(head.sandbox);
  return {};
}

Status PdfAssembly::addRemark(const PageRemark& remark) {
  if (remark.page > n_pages_ || ++n_remarks_ > kRemarksInARowMax)
    return contradiction("remarks that cannot be");
  if (remarks_.insert({remark.remark, remark.page}).second)
    extracted_.diagnostics.push_back(remarkDiagnostic(remark));
  return {};
}

Status PdfAssembly::addPage(PageText page) {
  if (complete() || page.number != nextPage()) return contradiction("pages out of order");
  base::Document& document = extracted_.document;
  if (document.text.size() + page.text.size() > limits_.text_bytes_max)
    return failure(ErrorCode::kTooLarge,
                   "the PDF has more than " + std::to_string(limits_.text_bytes_max >> 20) +
                       " MiB of text",
                   "Split it and add the parts you need.");
  const std::size_t begin = document.text.size();
  for (const PlacedWord& word : page.words)
    document.spans.push_back({.bytes = {begin + word.begin, begin + word.end},
                              .page = page.number,
                              .boxes = {word.box}});
  document.text += page.text;
  document.pages.push_back({.number = page.number,
                            .label = std::move(page.label),
                            .bytes = {begin, document.text.size()},
                            .width = page.width,
                            .height = page.height});
  ++n_read_;
  n_remarks_ = 0;
  return {};
}

void PdfAssembly::addEmptyPage() {
  const std::size_t end = extracted_.document.text.size();
  extracted_.document.pages.push_back({.number = nextPage(),
                                       .label = {},
                                       .bytes = {end, end},
                                       .width = kUnknownWidth,
                                       .height = kUnknownHeight});
}

void PdfAssembly::blameLastPage() {
  const base::Page& page = extracted_.document.pages.back();
  const std::pair remark{Remark::kNoTextLayer, page.number};
  if (page.bytes.empty() && remarks_.insert(remark).second)
    extracted_.diagnostics.push_back(remarkDiagnostic({remark.first, remark.second}));
}

void PdfAssembly::skipPage(const std::string& why) {
  extracted_.diagnostics.push_back(
      {"page_unreadable", "The page was left out: lectern-reader " + why + ".", nextPage()});
  addEmptyPage();
}

void PdfAssembly::cutRest() {
  if (complete()) return;
  extracted_.diagnostics.push_back({"cut",
                                    "Pages " + std::to_string(nextPage()) + " to " +
                                        std::to_string(n_pages_) + " were not read.",
                                    nextPage()});
  while (!complete()) addEmptyPage();
}

base::Extracted PdfAssembly::take() {
  // A scan has no text on any page: one sentence instead of one per page.
  const auto is_picture = [](const base::Diagnostic& d) { return d.code == "no_text_layer"; };
  auto& diagnostics = extracted_.diagnostics;
  if (extracted_.document.text.empty() && std::erase_if(diagnostics, is_picture) > 0)
    diagnostics.push_back({"no_text_layer", "The document is a scan: no page has text.", 0});
  return std::move(extracted_);
}

}  // namespace ingest
