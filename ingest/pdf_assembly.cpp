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
    case SandboxLevel::kFull:
      return base::logInfo("ingest", "reader sandbox level=full");
    case SandboxLevel::kSyscalls:
      return base::logWarn("ingest", "reader sandbox level=syscalls missing=landlock");
    case SandboxLevel::kRlimits:
      return base::logWarn("ingest", "reader sandbox level=rlimits missing=seccomp");
  }
}

}  // namespace

tl::unexpected<base::Error> tooMuchText(const ReaderLimits& limits) {
  return failure(
      ErrorCode::kTooLarge,
      "the document has more than " + std::to_string(limits.text_bytes_max >> 20) + " MiB of text",
      "Split it and add the parts you need.");
}

Result<bool> PdfAssembly::add(ReaderMessage message) {
  if (const auto* refusal = std::get_if<Refusal>(&message))
    return tl::unexpected<base::Error>(refusalError(*refusal));
  if (const auto* head = std::get_if<DocumentHead>(&message)) {
    TRY(addHead(*head));
    return true;
  }
  if (!opened()) return contradiction("something before the document's head");
  if (auto* outline = std::get_if<Outline>(&message)) {
    TRY(addOutline(std::move(*outline)));
    return true;
  }
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
  range_ = pagesOfPart(n_pages_, part_, n_parts_);
  logSandboxOnce(head.sandbox);
  return {};
}

Status PdfAssembly::addOutline(Outline outline) {
  for (const OutlineItem& item : outline.items)
    if (item.page > n_pages_) return contradiction("an outline that leads nowhere");
  read_.outline = std::move(outline);
  return {};
}

Status PdfAssembly::addRemark(const PageRemark& remark) {
  if (remark.page > n_pages_ || ++n_remarks_ > kRemarksInARowMax)
    return contradiction("remarks that cannot be");
  if (remarks_.insert({remark.remark, remark.page}).second)
    read_.diagnostics.push_back(remarkDiagnostic(remark));
  // A page that was not read is no page that has no text.
  if (remark.remark == Remark::kPageTooLarge || remark.remark == Remark::kPageDamaged) --n_read_;
  return {};
}

Status PdfAssembly::addPage(PageText page) {
  if (complete() || page.number != nextPage()) return contradiction("pages out of order");
  n_text_bytes_ += page.text.size();
  if (n_text_bytes_ > limits_.text_bytes_max) return tooMuchText(limits_);
  read_.pages.push_back(std::move(page));
  ++n_read_;
  n_remarks_ = 0;
  return {};
}

void PdfAssembly::addEmptyPage() {
  PageText page;
  page.number = nextPage();
  page.width = kUnknownWidth;
  page.height = kUnknownHeight;
  read_.pages.push_back(std::move(page));
}

void PdfAssembly::blameLastPage() {
  const PageText& page = read_.pages.back();
  const std::pair remark{Remark::kNoTextLayer, page.number};
  if (page.text.empty() && remarks_.insert(remark).second)
    read_.diagnostics.push_back(remarkDiagnostic({remark.first, remark.second}));
}

void PdfAssembly::skipPage(const std::string& why) {
  read_.diagnostics.push_back(
      {"page_unreadable", "The page was left out: lectern-reader " + why + ".", nextPage()});
  addEmptyPage();
}

void PdfAssembly::cutRest() {
  if (complete()) return;
  read_.diagnostics.push_back({"cut",
                               "Pages " + std::to_string(nextPage()) + " to " +
                                   std::to_string(range_.last) + " were not read.",
                               nextPage()});
  while (!complete()) addEmptyPage();
}

}  // namespace ingest
