#include "ingest/reader_client.h"

#include <optional>
#include <utility>

#include "engine/base/log.h"
#include "ingest/opened_file.h"
#include "ingest/pdf_assembly.h"
#include "ingest/reader_process.h"
#include "ingest/reader_sentences.h"

namespace ingest {
namespace {

using base::Error;
using base::ErrorCode;
using base::failure;
using base::Result;
using base::Status;
using Kind = ReaderFailure::Kind;

constexpr double kScaleMin = 0.05, kScaleMax = 20;
// A document may lose this many pages, and wear out this many readers, before the rest is cut: each
// costs up to page_wall_s.
constexpr int kPagesSkippedMax = 3;
constexpr int kReadersMax = 12;

ReaderRequest requestOf(const ReaderLimits& limits, ReaderRequest::Work work, int page) {
  ReaderRequest request;
  request.work = work;
  request.page = page;
  request.page_cpu_s = limits.page_cpu_s;
  request.memory_bytes = limits.memory_bytes;
  request.n_pages_max = limits.n_pages_max;
  return request;
}

// Whether another process may do better on the page behind the one on which this one ended.
bool isPagesFault(Kind kind) {
  return kind == Kind::kTimeout || kind == Kind::kOutOfMemory || kind == Kind::kCrashed;
}

// Why a reader ended before the document did: empty when it did not.
using Ending = std::optional<ReaderFailure>;

// One process, from the next page on.
Result<Ending> readOn(const std::filesystem::path& program, const OpenedFile& file,
                      const ReaderLimits& limits, std::stop_token stop, PdfAssembly& assembly) {
  const auto request = requestOf(limits, ReaderRequest::Work::kText, assembly.nextPage());
  auto reader = ReaderProcess::start(program, file.descriptor(), request, stop);
  if (!reader) return reader.error();
  for (;;) {
    auto message = (*reader)->receive(limits.page_wall_s);
    if (!message) return message.error();
    const auto more = assembly.add(*std::move(message));
    if (!more && more.error().code == ErrorCode::kInvalidInput)
      return ReaderFailure{Kind::kBadMessage, more.error().message};
    TRY(more);
    if (!*more) return Ending();
  }
}

// A reader that ends is replaced by one that begins where it stopped: it may have died of the pages
// before (memory adds up). A page on which a fresh reader ends as well is left out.
Status readAll(const std::filesystem::path& program, const OpenedFile& file,
               const ReaderLimits& limits, std::stop_token stop, PdfAssembly& assembly) {
  Ending ending;
  int n_skipped = 0;
  for (int n_readers = 1; !assembly.complete(); ++n_readers) {
    const int first_page = assembly.nextPage();
    TRY_ASSIGN(ending, readOn(program, file, limits, stop, assembly));
    if (!ending) return {};
    const int page = assembly.opened() ? assembly.nextPage() : 0;
    base::logWarn("ingest", "reader ended page=" + std::to_string(page) + " why=\"" +
                                ending->detail + "\"");
    if (!isPagesFault(ending->kind) || !assembly.opened())
      return tl::unexpected<Error>(failureError(*ending, page));
    if (page > first_page) assembly.blameLastPage();
    else if (n_skipped++ < kPagesSkippedMax) assembly.skipPage(ending->detail);
    if (n_skipped > kPagesSkippedMax || n_readers == kReadersMax) assembly.cutRest();
  }
  if (assembly.readCount() == 0) return tl::unexpected<Error>(failureError(*ending, 1));
  return {};
}

}  // namespace

Result<base::Extracted> readPdf(const std::filesystem::path& reader_program,
                                const std::filesystem::path& file, const std::string& relative,
                                std::stop_token stop, const ReaderLimits& limits) {
  TRY_ASSIGN(const auto opened, OpenedFile::open(file, limits.file_bytes_max));
  TRY_ASSIGN(const base::Hash128 hash, opened->hash(stop));
  PdfAssembly assembly(limits);
  const Status done = readAll(reader_program, *opened, limits, stop, assembly);
  // Whatever came of it: a file that changed meanwhile explains it best.
  TRY(opened->unchanged());
  TRY(done);
  base::Extracted extracted = assembly.take();
  extracted.document.path = relative;
  extracted.document.kind = base::DocumentKind::kPdf;
  extracted.document.content_hash = hash;
  extracted.document.file_bytes = opened->size();
  return extracted;
}

Result<base::Extracted> readOffice(const std::filesystem::path& reader_program,
                                   const std::filesystem::path& file, const std::string& relative,
                                   std::stop_token stop, const ReaderLimits& limits) {
  TRY_ASSIGN(base::Extracted extracted, readPdf(reader_program, file, relative, stop, limits));
  extracted.document.kind = base::DocumentKind::kMarkdown;
  if (extracted.document.pages.size() == 1) extracted.document.pages.clear();
  return extracted;
}

Result<PageImage> renderPage(const std::filesystem::path& reader_program,
                             const std::filesystem::path& file, int page, double scale,
                             std::stop_token stop, const ReaderLimits& limits) {
  if (page < 1 || !(scale >= kScaleMin && scale <= kScaleMax))
    return failure(ErrorCode::kInvalidInput, "page or scale out of range");
  TRY_ASSIGN(const auto opened, OpenedFile::open(file, limits.file_bytes_max));
  ReaderRequest request = requestOf(limits, ReaderRequest::Work::kImage, page);
  request.scale = scale;
  auto reader = ReaderProcess::start(reader_program, opened->descriptor(), request, stop);
  if (!reader) return tl::unexpected<Error>(failureError(reader.error(), 0));

  PageImage image;
  for (;;) {
    auto message = (*reader)->receive(limits.page_wall_s);
    if (!message) return tl::unexpected<Error>(failureError(message.error(), page));
    if (const auto* refusal = std::get_if<Refusal>(&*message))
      return tl::unexpected<Error>(refusalError(*refusal));
    if (const auto* head = std::get_if<DocumentHead>(&*message)) {
      image.n_pages = head->n_pages;
    } else if (auto* rendered = std::get_if<RenderedPage>(&*message);
               rendered && rendered->number == page && page <= image.n_pages) {
      image.page = page;
      image.label = std::move(rendered->label);
      image.width_pt = rendered->width;
      image.height_pt = rendered->height;
      image.scale = rendered->scale;
      image.width_px = rendered->width_px;
      image.height_px = rendered->height_px;
      image.rgb.assign(rendered->rgb.begin(), rendered->rgb.end());
      return image;
    } else {
      return tl::unexpected<Error>(
          failureError({Kind::kBadMessage, "sent a message out of turn"}, page));
    }
  }
}

}  // namespace ingest
