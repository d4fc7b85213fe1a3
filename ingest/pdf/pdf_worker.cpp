#include "ingest/pdf/pdf_worker.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <string>
#include <utility>

#include "ingest/pdf/glyph_words.h"
#include "ingest/pdf/page_text.h"
#include "ingest/pdf/pdf_document.h"
#include "ingest/pdf/text_recognition.h"
#include "ingest/sandbox.h"

namespace ingest {
namespace {

constexpr std::size_t kSparseTextBytes = 100;     // a stamp or a page number on a scan
constexpr double kPictureInk = 0.02;              // more than rules and frames
constexpr double kRecognitionScale = 300.0 / 72;  // dots per inch that Tesseract is made for
constexpr int kRecognitionCpuSeconds = 45;
constexpr double kRecognitionDrawingSeconds = 10;  // of them

// The parent has gone or hung up: there is nobody left to work for.
struct PipeClosed {};

class PdfWorker {
 public:
  PdfWorker(const ReaderRequest& request, SandboxLevel sandbox, int output)
      : request_(request), sandbox_(sandbox), output_(output) {}

  void run(const std::string& password) {
    allowCpuSeconds(request_.page_cpu_s);
    auto opened = PdfDocument::open(kDocumentDescriptor, password);
    if (!opened) return send(opened.error());
    const PdfDocument& document = **opened;
    const int n_pages = document.pageCount();
    if (n_pages > request_.n_pages_max) return send(Refusal::kTooManyPages);
    if (request_.page > n_pages) return send(Refusal::kNoSuchPage);
    send(DocumentHead{n_pages, sandbox_});
    if (request_.work == ReaderRequest::Work::kImage) return sendImage(document);

    const PageRange part = pagesOfPart(n_pages, request_.part, request_.n_parts);
    first_page_ = std::max(request_.page, part.first);
    if (first_page_ == 1) sendAboutDocument(document);
    for (int page = first_page_; page <= part.last; ++page) sendPage(document, page);
    if (document.lacksCharacters()) remark(Remark::kUnmappedGlyphs, 0);
    if (document.wasRepaired()) remark(Remark::kRepaired, 0);
    send(Finished{});
  }

 private:
  void sendAboutDocument(const PdfDocument& document) {
    send(document.outline());
    if (!document.copyPermitted()) remark(Remark::kNotPermitted, 0);
    if (document.wasRepaired()) remark(Remark::kRepaired, 0);
    if (document.hasActiveContent()) remark(Remark::kActiveContent, 0);
  }

  void sendImage(const PdfDocument& document) {
    auto image = document.render(request_.page, request_.scale);
    if (!image) return send(image.error());
    send(*std::move(image));
    send(Finished{});
  }

  void sendPage(const PdfDocument& document, int number) {
    // The first page shares its time with opening the document.
    if (number > first_page_) allowCpuSeconds(request_.page_cpu_s);
    PageText page;
    page.number = number;
    page.width = page.height = 1;
    const auto head = document.head(number);
    if (!head) {
      remark(Remark::kPageDamaged, number);
      return send(page);
    }
    page.label = head->label;
    page.width = head->width;
    page.height = head->height;
    if (document.isTooLarge(number)) {
      remark(Remark::kPageTooLarge, number);
      return send(page);
    }
    PageGlyphs glyphs = document.glyphs(number);
    // A character without a letter may be a picture too: of a font made of images, say.
    const bool may_be_picture =
        glyphs.has_pictures || std::any_of(glyphs.glyphs.begin(), glyphs.glyphs.end(),
                                           [](const Glyph& glyph) { return glyph.text.empty(); });
    const PageWords words = wordsOf(std::move(glyphs));
    bool active = false;
    page.asides = document.asides(number, active);
    if (active) remark(Remark::kActiveContent, number);
    if (words.has_text_layer) remark(Remark::kOcrLayer, number);
    take(readPage(words), page);
    if (page.text.size() > kSparseTextBytes || !may_be_picture) return send(page);
    sendSparse(document, std::move(page));
  }

  void take(ReadPage read, PageText& page) {
    page.text = std::move(read.text);
    page.words = std::move(read.words);
    page.lines = std::move(read.lines);
    page.hyphens = std::move(read.hyphens);
    if (read.n_unmapped > 0) remark(Remark::kUnmappedGlyphs, page.number);
    if (read.n_off_page > 0) remark(Remark::kOffPageText, page.number);
    if (!read.hidden.empty()) remark(Remark::kHiddenText, page.number);
    for (PageAside& hidden : read.hidden)
      if (page.asides.size() < kAsidesMax) page.asides.push_back(std::move(hidden));
  }

  // A page with next to no text may be a scan. Drawing every page would double the time of a book.
  void sendSparse(const PdfDocument& document, PageText page) {
    // A reader that begins in the middle replaces one that died on this page.
    const bool again = request_.page > 0 && page.number == first_page_;
    if (!request_.recognise || again || !recognition_.isInstalled()) {
      // After the text has been sent: a drawing may cost the process its life.
      send(page);
      if (isMostlyPicture(document, page))
        remark(request_.recognise && !again ? Remark::kNoRecognition : Remark::kNoTextLayer,
               page.number);
      return;
    }
    if (isMostlyPicture(document, page)) {
      const PageWords words = recognised(document, page.number);
      remark(words.words.empty() ? Remark::kNoTextLayer : Remark::kRecognised, page.number);
      if (!words.words.empty()) take(readPage(words), page);
    }
    send(page);
  }

  PageWords recognised(const PdfDocument& document, int number) {
    allowCpuSeconds(kRecognitionCpuSeconds);
    if (!recognition_.ready()) return {};
    const auto image =
        document.renderWithin(number, kRecognitionScale, kRecognitionDrawingSeconds);
    return image ? recognition_.wordsOn(*image) : PageWords{};
  }

  static bool isMostlyPicture(const PdfDocument& document, const PageText& page) {
    const auto ink = document.inkBeside(page.number, page.words);
    // So much drawing leaves ink, but a scan is one picture.
    if (!ink) return page.text.empty();
    return *ink > (page.text.empty() ? 0 : kPictureInk);
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
  TextRecognition recognition_;
  int first_page_ = 1;
  const SandboxLevel sandbox_;
  const int output_;
};

// The parent writes it to stdin and closes that; without one stdin is empty.
std::string readPassword() {
  std::string password(kPasswordBytesMax, '\0');
  std::size_t n_read = 0;
  while (n_read < password.size()) {
    const ssize_t n = ::read(STDIN_FILENO, password.data() + n_read, password.size() - n_read);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    n_read += static_cast<std::size_t>(n);
  }
  password.resize(n_read);
  return password;
}

}  // namespace

int runPdfWorker(const ReaderRequest& request, SandboxLevel sandbox, int output) {
  try {
    PdfWorker(request, sandbox, output).run(readPassword());
  } catch (const std::bad_alloc&) {
    return kExitOutOfMemory;
  } catch (const PipeClosed&) {
    return 0;
  }
  return 0;
}

}  // namespace ingest
