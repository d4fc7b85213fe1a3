#include "ingest/pdf/pdf_worker.h"

#include <cerrno>
#include <new>
#include <utility>

#include <unistd.h>

#include "ingest/pdf/page_text.h"
#include "ingest/pdf/pdf_document.h"
#include "ingest/sandbox.h"

namespace ingest {
namespace {

constexpr std::size_t kSparseTextBytes = 100;  // a stamp or a page number on a scan
constexpr double kPictureInk = 0.02;           // more than rules and frames

// The parent has gone or hung up: there is nobody left to work for.
struct PipeClosed {};

class PdfWorker {
 public:
  PdfWorker(const ReaderRequest& request, SandboxLevel sandbox, int output)
      : request_(request), sandbox_(sandbox), output_(output) {}

  void run() {
    allowCpuSeconds(request_.page_cpu_s);
    auto document = PdfDocument::open(kDocumentDescriptor);
    if (!document) return send(document.error());
    const int n_pages = (*document)->pageCount();
    if (n_pages > request_.n_pages_max) return send(Refusal::kTooManyPages);
    if (request_.page > n_pages) return send(Refusal::kNoSuchPage);
    send(DocumentHead{n_pages, sandbox_});
    if (request_.work == ReaderRequest::Work::kImage) return sendImage(**document);
    if (!(*document)->copyPermitted()) remark(Remark::kNotPermitted, 0);
    if ((*document)->wasRepaired()) remark(Remark::kRepaired, 0);
    for (int page = request_.page; page <= n_pages; ++page) sendPage(**document, page);
    if ((*document)->wasRepaired()) remark(Remark::kRepaired, 0);  // while reading
    send(Finished{});
  }

 private:
  void sendImage(const PdfDocument& document) {
    auto image = document.render(request_.page, request_.scale);
    if (!image) return send(image.error());
    send(*std::move(image));
    send(Finished{});
  }

  void sendPage(const PdfDocument& document, int number) {
    // The first page shares its time with opening the document.
    if (number > request_.page) allowCpuSeconds(request_.page_cpu_s);
    PageText page{.number = number, .label = {}, .width = 1, .height = 1, .text = {}, .words = {}};
    const auto head = document.head(number);
    const auto words = head ? document.words(number) : std::nullopt;
    if (!words) {
      remark(Remark::kPageDamaged, number);
      return send(page);
    }
    page.label = head->label;
    page.width = head->width;
    page.height = head->height;
    ReadPage read = readPage(*words);
    page.text = std::move(read.text);
    page.words = std::move(read.words);
    if (read.n_unmapped > 0 || document.lacksCharacters()) remark(Remark::kUnmappedGlyphs, number);
    if (read.n_off_page > 0) remark(Remark::kOffPageText, number);
    send(page);
    // After the text has been sent: a drawing may cost the process its life.
    if (isMostlyPicture(document, page)) remark(Remark::kNoTextLayer, number);
  }

  // Drawing every page would double the time of a book; only those with next to no text are drawn.
  static bool isMostlyPicture(const PdfDocument& document, const PageText& page) {
    if (page.text.size() > kSparseTextBytes) return false;
    const double ink = document.inkBeside(page.number, page.words);
    return page.text.empty() ? ink > 0 : ink > kPictureInk;
  }

  void remark(Remark remark, int page) { send(PageRemark{remark, page}); }

  void send(const ReaderMessage& message) {
    const std::string bytes = encodeMessage(message);
    std::size_t n_done = 0;
    while (n_done < bytes.size()) {
      const ssize_t n = ::write(output_, bytes.data() + n_done, bytes.size() - n_done);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw PipeClosed{};
      n_done += static_cast<std::size_t>(n);
    }
  }

  const ReaderRequest request_;
  const SandboxLevel sandbox_;
  const int output_;
};

}  // namespace

int runPdfWorker(const ReaderRequest& request, SandboxLevel sandbox, int output) {
  try {
    PdfWorker(request, sandbox, output).run();
  } catch (const std::bad_alloc&) {
    return kExitOutOfMemory;
  } catch (const PipeClosed&) {
    return 0;
  }
  return 0;
}

}  // namespace ingest
