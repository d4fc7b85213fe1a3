#include "ingest/reader_client.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "engine/base/log.h"
#include "ingest/opened_file.h"
#include "ingest/pdf_assembly.h"
#include "ingest/pdf_composition.h"
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
constexpr std::uint64_t kBytesPerPart = 192 * 1024;

ReaderRequest requestOf(const ReaderLimits& limits, ReaderRequest::Work work) {
  ReaderRequest request;
  request.work = work;
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

// One document and how it is read.
struct Reading {
  const std::filesystem::path& program;
  const OpenedFile& file;
  const ReaderLimits& limits;
  const PdfOptions& options;
  int n_parts = 1;
};

// One part of the document, by one process after the other.
class PartReader {
 public:
  PartReader(const Reading& reading, int part)
      : reading_(reading), part_(part), assembly_(reading.limits, part, reading.n_parts) {}

  // A reader that ends is replaced by one that begins where it stopped: it may have died of the
  // pages before (memory adds up). A page on which a fresh reader ends as well is left out.
  Status readAll(std::stop_token stop) {
    int n_skipped = 0;
    for (int n_readers = 1; !assembly_.complete(); ++n_readers) {
      const std::size_t n_before = assembly_.sentCount();
      const bool was_opened = assembly_.opened();
      TRY_ASSIGN(ending_, readOn(stop));
      if (!ending_) return {};
      const int page = assembly_.opened() ? assembly_.nextPage() : 0;
      base::logWarn("ingest", "reader ended page=" + std::to_string(page) + " why=\"" +
                                  ending_->detail + "\"");
      if (!isPagesFault(ending_->kind) || !assembly_.opened())
        return tl::unexpected<Error>(failureError(*ending_, page));
      // The next one does not try to recognise the page.
      if (!was_opened && assembly_.sentCount() == 0 && reading_.options.recognise) continue;
      if (assembly_.sentCount() > n_before)
        assembly_.blameLastPage();
      else if (n_skipped++ < kPagesSkippedMax)
        assembly_.skipPage(ending_->detail);
      if (n_skipped > kPagesSkippedMax || n_readers >= kReadersMax) assembly_.cutRest();
    }
    return {};
  }

  PdfAssembly& assembly() { return assembly_; }
  const Ending& ending() const { return ending_; }

 private:
  // One process, from the next page on.
  Result<Ending> readOn(std::stop_token stop) {
    ReaderRequest request = requestOf(reading_.limits, ReaderRequest::Work::kText);
    request.page = assembly_.opened() ? assembly_.nextPage() : 0;
    request.part = part_;
    request.n_parts = reading_.n_parts;
    request.recognise = reading_.options.recognise;
    auto reader = ReaderProcess::start(reading_.program, reading_.file.descriptor(), request, stop,
                                       reading_.options.password);
    if (!reader) return reader.error();
    for (;;) {
      auto message = (*reader)->receive(reading_.limits.page_wall_s);
      if (!message) return message.error();
      const auto more = assembly_.add(*std::move(message));
      if (!more && more.error().code == ErrorCode::kInvalidInput)
        return ReaderFailure{Kind::kBadMessage, more.error().message};
      TRY(more);
      if (!*more) return Ending();
    }
  }

  const Reading& reading_;
  const int part_;
  PdfAssembly assembly_;
  Ending ending_;
};

// A process costs some milliseconds and opens the file again: small ones are read by one.
int partsOf(const OpenedFile& file, const ReaderLimits& limits) {
  const auto n_wanted = static_cast<int>(std::min<std::uint64_t>(
      file.size() / kBytesPerPart + 1, static_cast<std::uint64_t>(limits.n_readers_max)));
  const auto n_processors = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return std::clamp(n_wanted, 1, n_processors);
}

void append(ReadPages& all, ReadPages part) {
  std::move(part.pages.begin(), part.pages.end(), std::back_inserter(all.pages));
  if (!part.outline.items.empty()) all.outline = std::move(part.outline);
  for (base::Diagnostic& diagnostic : part.diagnostics) {
    // What is said about the whole document every part says.
    const bool known = diagnostic.page == 0 &&
                       std::any_of(all.diagnostics.begin(), all.diagnostics.end(),
                                   [&](const base::Diagnostic& other) {
                                     return other.page == 0 && other.code == diagnostic.code;
                                   });
    if (!known) all.diagnostics.push_back(std::move(diagnostic));
  }
}

// No page could be read and no process died of it.
Error unreadableError(const ReadPages& pages) {
  const auto too_large = std::any_of(
      pages.diagnostics.begin(), pages.diagnostics.end(),
      [](const base::Diagnostic& d) { return d.message.find("inflates") != std::string::npos; });
  if (too_large)
    return {ErrorCode::kTooLarge,
            "the PDF's pages inflate to more than " + std::to_string(kPageProgramBytesMax >> 20) +
                " MiB",
            "It is probably made to exhaust its reader: leave it out."};
  return {ErrorCode::kCorrupt, "no page of the PDF can be read",
          "Get the file again from where it came from."};
}

// All parts at once, one thread each; the first failure stops the others.
Result<ReadPages> readParts(const Reading& reading, std::stop_token stop) {
  std::vector<std::unique_ptr<PartReader>> parts;
  for (int part = 0; part < reading.n_parts; ++part)
    parts.push_back(std::make_unique<PartReader>(reading, part));
  std::vector<Status> done(parts.size());
  std::stop_source end;
  {
    std::stop_callback on_stop(stop, [&end] { end.request_stop(); });
    std::vector<std::jthread> threads;
    const auto read = [&](std::size_t part) {
      done[part] = parts[part]->readAll(end.get_token());
      if (!done[part]) end.request_stop();
    };
    for (std::size_t part = 1; part < parts.size(); ++part) threads.emplace_back(read, part);
    read(0);
  }
  // Those that were stopped by the failure of another have nothing to say.
  for (const bool stopped_too : {false, true})
    for (const Status& status : done)
      if (!status && (stopped_too || status.error().code != ErrorCode::kCancelled))
        return tl::unexpected<Error>(status.error());

  ReadPages all;
  int n_read = 0;
  Ending ending;
  for (auto& part : parts) {
    if (part->assembly().pageCount() != parts[0]->assembly().pageCount())
      return tl::unexpected<Error>(
          failureError({Kind::kBadMessage, "counted the pages differently"}, 0));
    n_read += part->assembly().readCount();
    if (part->ending()) ending = part->ending();
    append(all, part->assembly().take());
  }
  if (n_read > 0) return all;
  if (ending) return tl::unexpected<Error>(failureError(*ending, 1));
  return tl::unexpected<Error>(unreadableError(all));
}

Result<PdfReading> readOpened(const Reading& reading, const std::string& relative,
                              std::stop_token stop) {
  TRY_ASSIGN(const base::Hash128 hash, reading.file.hash(stop));
  auto read = readParts(reading, stop);
  // Whatever came of it: a file that changed meanwhile explains it best.
  TRY(reading.file.unchanged());
  TRY(read);
  PdfReading whole = composePdf(*std::move(read));
  base::Document& document = whole.extracted.document;
  if (document.text.size() > reading.limits.text_bytes_max) return tooMuchText(reading.limits);
  document.path = relative;
  document.kind = base::DocumentKind::kPdf;
  document.content_hash = hash;
  document.file_bytes = reading.file.size();
  return whole;
}

}  // namespace

Result<PdfReading> readWholePdf(const std::filesystem::path& reader_program,
                                const std::filesystem::path& file, const std::string& relative,
                                std::stop_token stop, const ReaderLimits& limits,
                                const PdfOptions& options) {
  TRY_ASSIGN(const auto opened, OpenedFile::open(file, limits.file_bytes_max));
  return readOpened({reader_program, *opened, limits, options, partsOf(*opened, limits)}, relative,
                    stop);
}

Result<base::Extracted> readPdf(const std::filesystem::path& reader_program,
                                const std::filesystem::path& file, const std::string& relative,
                                std::stop_token stop, const ReaderLimits& limits) {
  TRY_ASSIGN(PdfReading whole, readWholePdf(reader_program, file, relative, stop, limits, {}));
  return std::move(whole.extracted);
}

Result<base::Extracted> readOffice(const std::filesystem::path& reader_program,
                                   const std::filesystem::path& file, const std::string& relative,
                                   std::stop_token stop, const ReaderLimits& limits) {
  TRY_ASSIGN(const auto opened, OpenedFile::open(file, limits.file_bytes_max));
  // Every process would unpack all of it: one does.
  TRY_ASSIGN(PdfReading whole,
             readOpened({reader_program, *opened, limits, PdfOptions{}, 1}, relative, stop));
  base::Document& document = whole.extracted.document;
  document.kind = base::DocumentKind::kMarkdown;
  if (document.pages.size() == 1) document.pages.clear();
  return std::move(whole.extracted);
}

Result<PageImage> renderPage(const std::filesystem::path& reader_program,
                             const std::filesystem::path& file, int page, double scale,
                             std::stop_token stop, const ReaderLimits& limits,
                             const PdfOptions& options) {
  if (page < 1 || !(scale >= kScaleMin && scale <= kScaleMax))
    return failure(ErrorCode::kInvalidInput, "page or scale out of range");
  TRY_ASSIGN(const auto opened, OpenedFile::open(file, limits.file_bytes_max));
  ReaderRequest request = requestOf(limits, ReaderRequest::Work::kImage);
  request.page = page;
  request.scale = scale;
  auto reader =
      ReaderProcess::start(reader_program, opened->descriptor(), request, stop, options.password);
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
