#include "ingest/pdf/pdf_document.h"

#include <poppler/Error.h>
#include <poppler/ErrorCodes.h>
#include <poppler/GlobalParams.h>
#include <poppler/Outline.h>
#include <poppler/PDFDoc.h>
#include <poppler/Page.h>
#include <poppler/SplashOutputDev.h>
#include <poppler/Stream.h>
#include <poppler/goo/gfile.h>
#include <poppler/splash/SplashBitmap.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <string_view>

#include "ingest/pdf/glyph_collector.h"
#include "ingest/pdf/page_notes.h"
#include "ingest/pdf/poppler_text.h"

namespace ingest {
namespace {

constexpr std::size_t kHeaderSearchBytes = 1024;  // Poppler looks no further for "%PDF-"
constexpr std::size_t kTrailerSearchBytes = 64 * 1024;
constexpr double kInkScale = 0.25;
constexpr double kInkCpuSeconds = 1.5;
constexpr int kPaper = 250;  // brightness of what counts as nothing
// One pass of deflate makes a thousand bytes of one at most.
constexpr std::uint64_t kDeflateFactor = 1032;
constexpr int kOutlineDepthMax = 16;

// Poppler tells some things only in its messages, for the whole process. They quote the document,
// so none is kept.
struct Heard {
  bool repaired = false;
  bool lacks_characters = false;
} heard;

void hearPoppler(ErrorCategory, Goffset, const char* message) {
  const std::string_view words(message);
  const auto says = [&](const char* part) { return words.find(part) != std::string_view::npos; };
  heard.repaired |= says("reconstruct") || says("Couldn't find trailer");
  heard.lacks_characters |= says("language pack") || says("Unknown character collection");
}

std::string readAt(int descriptor, Goffset offset, std::size_t n_bytes) {
  std::string bytes(n_bytes, '\0');
  const ssize_t n = ::pread(descriptor, bytes.data(), n_bytes, offset);
  bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return bytes;
}

bool isTableAt(int descriptor, Goffset offset) {
  if (offset < 0) return false;
  const std::string bytes = readAt(descriptor, offset, 32);
  const std::size_t begin = bytes.find_first_not_of(" \t\r\n\f");
  if (begin == std::string::npos) return false;
  return bytes.compare(begin, 4, "xref") == 0 || bytes.find(" obj") != std::string::npos;
}

// Where startxref points to no table, Poppler searches for one without a word.
bool hasStart(int descriptor, const std::string& head) {
  const Goffset size = ::lseek(descriptor, 0, SEEK_END);
  const Goffset tail_begin = std::max<Goffset>(0, size - static_cast<Goffset>(kTrailerSearchBytes));
  const std::string tail = readAt(descriptor, tail_begin, kTrailerSearchBytes);
  const std::size_t keyword = tail.rfind("startxref");
  if (keyword == std::string::npos) return false;
  const long long offset = std::atoll(tail.c_str() + keyword + 9);
  // Offsets count from the file's begin or, behind foreign bytes, from the header.
  return offset > 0 && (isTableAt(descriptor, offset) ||
                        isTableAt(descriptor, offset + static_cast<Goffset>(head.find("%PDF-"))));
}

// Rows of a bitmap are padded; those of the message are not.
std::string packedRgb(SplashBitmap& bitmap) {
  std::string rgb;
  const auto n_row_bytes = static_cast<std::size_t>(bitmap.getWidth()) * 3;
  rgb.reserve(n_row_bytes * static_cast<std::size_t>(bitmap.getHeight()));
  for (int y = 0; y < bitmap.getHeight(); ++y)
    rgb.append(reinterpret_cast<const char*>(bitmap.getDataPtr()) +
                   static_cast<std::ptrdiff_t>(y) * bitmap.getRowSize(),
               n_row_bytes);
  return rgb;
}

bool isExtent(double width, double height) {
  return std::isfinite(width) && std::isfinite(height) && width > 0 && height > 0 &&
         width <= kPagePointsMax && height <= kPagePointsMax;
}

// How many filters a stream has, and whether one pass of deflate is the worst of them.
bool inflatesLittle(Dict& dict) {
  const Object filter = dict.lookup("Filter");
  const Object length = dict.lookup("Length");
  const std::uint64_t n_bytes =
      length.isInt() && length.getInt() > 0 ? static_cast<std::uint64_t>(length.getInt()) : 0;
  const bool one_pass = !filter.isArray() || filter.arrayGetLength() <= 1;
  return one_pass && n_bytes > 0 && n_bytes * kDeflateFactor <= kPageProgramBytesMax;
}

// Ends a drawing that takes too long.
class CpuBudget {
 public:
  explicit CpuBudget(double seconds) : seconds_(seconds), begin_(std::clock()) {}
  static bool isSpent(void* budget) {
    const auto* self = static_cast<const CpuBudget*>(budget);
    return static_cast<double>(std::clock() - self->begin_) / CLOCKS_PER_SEC > self->seconds_;
  }

 private:
  const double seconds_;
  const std::clock_t begin_;
};

std::uint64_t inflatedBytes(Object& stream) {
  if (!stream.isStream() || inflatesLittle(*stream.streamGetDict())) return 0;
  Stream* bytes = stream.getStream();
  bytes->reset();
  std::uint64_t n_bytes = 0;
  std::vector<unsigned char> chunk(1 << 16);
  for (;;) {
    const int n = bytes->doGetChars(static_cast<int>(chunk.size()), chunk.data());
    if (n <= 0) break;
    n_bytes += static_cast<std::uint64_t>(n);
    if (n_bytes > kPageProgramBytesMax) break;
  }
  bytes->close();
  return n_bytes;
}

}  // namespace

struct PdfDocument::Poppler {
  std::unique_ptr<GooFile> file;
  std::unique_ptr<PDFDoc> document;
  GlyphCollector collector;

  Page* page(int number) const {
    if (number < 1 || number > document->getNumPages()) return nullptr;
    Page* page = document->getPage(number);
    return page != nullptr && page->isOk() ? page : nullptr;
  }

  void addOutline(const std::vector<::OutlineItem*>* items, int level, Outline& outline) const {
    if (items == nullptr || level > kOutlineDepthMax) return;
    for (::OutlineItem* item : *items) {
      if (outline.items.size() >= kOutlineItemsMax) return;
      OutlineItem& added = outline.items.emplace_back();
      added.level = level;
      added.title =
          cleanUtf8(std::u32string(item->getTitle(), item->getTitle() + item->getTitleLength()),
                    kTitleBytesMax);
      placeOf(*item, added);
      item->open();
      addOutline(item->getKids(), level + 1, outline);
    }
  }

  void placeOf(const ::OutlineItem& item, OutlineItem& place) const {
    const LinkAction* action = item.getAction();
    if (action == nullptr || action->getKind() != actionGoTo) return;
    const auto* go = static_cast<const LinkGoTo*>(action);
    std::unique_ptr<LinkDest> named;
    const LinkDest* destination = go->getDest();
    if (destination == nullptr && go->getNamedDest() != nullptr) {
      named = document->findDest(go->getNamedDest());
      destination = named.get();
    }
    if (destination == nullptr || !destination->isOk()) return;
    const int number = destination->isPageRef() ? document->findPage(destination->getPageRef())
                                                : destination->getPageNum();
    Page* target = page(number);
    if (target == nullptr) return;
    place.page = number;
    if (!destination->getChangeTop()) return;
    double matrix[6];
    target->getDefaultCTM(matrix, 72, 72, 0, false, true);
    const double y =
        matrix[1] * destination->getLeft() + matrix[3] * destination->getTop() + matrix[5];
    if (std::isfinite(y)) place.y = std::clamp(y, 0.0, kPagePointsMax);
  }
};

PdfDocument::PdfDocument(std::unique_ptr<Poppler> poppler) : poppler_(std::move(poppler)) {}
PdfDocument::~PdfDocument() = default;

tl::expected<std::unique_ptr<PdfDocument>, Refusal> PdfDocument::open(int descriptor,
                                                                      const std::string& password) {
  setErrorCallback(hearPoppler);
  if (!globalParams) globalParams = std::make_unique<GlobalParams>();
  const std::string head = readAt(descriptor, 0, kHeaderSearchBytes);
  if (head.find("%PDF-") == std::string::npos) return tl::unexpected(Refusal::kNotPdf);

  heard.repaired = !hasStart(descriptor, head);
  auto poppler = std::make_unique<Poppler>();
  poppler->file = GooFile::open(descriptor);
  if (!poppler->file) return tl::unexpected(Refusal::kNotPdf);
  std::optional<GooString> key;
  if (!password.empty()) key.emplace(password);
  // The document takes the stream over.
  poppler->document = std::make_unique<PDFDoc>(
      new FileStream(poppler->file.get(), 0, false, poppler->file->size(), Object(objNull)), key,
      key);
  if (!poppler->document->isOk())
    return tl::unexpected(poppler->document->getErrorCode() == errEncrypted ? Refusal::kLocked
                                                                            : Refusal::kDamaged);
  if (poppler->document->getNumPages() < 1) return tl::unexpected(Refusal::kNoPages);
  return std::unique_ptr<PdfDocument>(new PdfDocument(std::move(poppler)));
}

int PdfDocument::pageCount() const { return poppler_->document->getNumPages(); }
bool PdfDocument::wasRepaired() const { return heard.repaired; }
bool PdfDocument::lacksCharacters() const { return heard.lacks_characters; }
bool PdfDocument::copyPermitted() const { return poppler_->document->okToCopy(); }
bool PdfDocument::hasActiveContent() const { return isActive(*poppler_->document); }

Outline PdfDocument::outline() const {
  Outline outline;
  if (::Outline* items = poppler_->document->getOutline())
    poppler_->addOutline(items->getItems(), 0, outline);
  return outline;
}

std::optional<PageHead> PdfDocument::head(int number) const {
  Page* page = poppler_->page(number);
  if (page == nullptr) return std::nullopt;
  double width = page->getCropWidth(), height = page->getCropHeight();
  if (page->getRotate() % 180 != 0) std::swap(width, height);
  if (!isExtent(width, height)) return std::nullopt;
  PageHead head{.label = {}, .width = width, .height = height};
  GooString label;
  if (poppler_->document->getCatalog()->indexToLabel(number - 1, &label))
    head.label = cleanUtf8(textOf(&label), kLabelBytesMax);
  std::erase_if(head.label, [](char c) { return c == '\n' || c == '\t'; });
  if (head.label == std::to_string(number)) head.label.clear();
  return head;
}

bool PdfDocument::isTooLarge(int number) const {
  Object contents = poppler_->page(number)->getContents();
  if (!contents.isArray()) return inflatedBytes(contents) > kPageProgramBytesMax;
  std::uint64_t n_bytes = 0;
  for (int i = 0; i < contents.arrayGetLength() && n_bytes <= kPageProgramBytesMax; ++i) {
    Object part = contents.arrayGet(i);
    n_bytes += inflatedBytes(part);
  }
  return n_bytes > kPageProgramBytesMax;
}

PageGlyphs PdfDocument::glyphs(int number) const {
  PageGlyphs result;
  const auto size = head(number);
  if (!size) return result;
  result.width = size->width;
  result.height = size->height;
  poppler_->collector.collectInto(result);
  poppler_->document->displayPage(&poppler_->collector, number, 72, 72, 0, false, true, false);
  poppler_->collector.finishPage();
  return result;
}

std::vector<PageAside> PdfDocument::asides(int number, bool& active) const {
  return pageNotes(*poppler_->page(number), active);
}

tl::expected<RenderedPage, Refusal> PdfDocument::render(int number, double scale) const {
  bool finished = true;
  return draw(number, scale, nullptr, finished);
}

std::optional<RenderedPage> PdfDocument::renderWithin(int number, double scale,
                                                      double cpu_seconds) const {
  bool finished = true;
  auto image = draw(number, scale, &cpu_seconds, finished);
  if (!finished || !image) return std::nullopt;
  return *std::move(image);
}

tl::expected<RenderedPage, Refusal> PdfDocument::draw(int number, double scale,
                                                      const double* cpu_seconds,
                                                      bool& finished) const {
  const auto size = head(number);
  if (!size) return tl::unexpected(Refusal::kNoSuchPage);
  // A tenth off for the rounding of both sides to whole pixels.
  const double pixels_max = 0.9 * static_cast<double>(kImagePixelsMax);
  scale = std::min(scale, std::sqrt(pixels_max / (size->width * size->height)));
  scale = std::min(scale, 30'000 / std::max(size->width, size->height));
  SplashColor paper = {255, 255, 255};
  SplashOutputDev output(splashModeRGB8, 1, false, paper);
  output.setFontAntialias(true);
  output.setVectorAntialias(cpu_seconds == nullptr);  // a glance need not be beautiful
  output.startDoc(poppler_->document.get());
  CpuBudget budget(cpu_seconds != nullptr ? *cpu_seconds : std::numeric_limits<double>::max());
  poppler_->document->displayPage(&output, number, 72 * scale, 72 * scale, 0, false, true, false,
                                  CpuBudget::isSpent, &budget);
  finished = !CpuBudget::isSpent(&budget);
  SplashBitmap* bitmap = output.getBitmap();
  if (bitmap == nullptr || bitmap->getDataPtr() == nullptr || bitmap->getWidth() < 1 ||
      bitmap->getHeight() < 1 ||
      static_cast<std::uint64_t>(bitmap->getWidth()) *
              static_cast<std::uint64_t>(bitmap->getHeight()) >
          kImagePixelsMax)
    return tl::unexpected(Refusal::kImageTooLarge);
  return RenderedPage{.number = number,
                      .label = size->label,
                      .width = size->width,
                      .height = size->height,
                      .scale = scale,
                      .width_px = bitmap->getWidth(),
                      .height_px = bitmap->getHeight(),
                      .rgb = packedRgb(*bitmap)};
}

std::optional<double> PdfDocument::inkBeside(int number,
                                             const std::vector<PlacedWord>& words) const {
  const auto image = renderWithin(number, kInkScale, kInkCpuSeconds);
  if (!image) return std::nullopt;
  std::vector<bool> text(image->rgb.size() / 3, false);
  for (const PlacedWord& word : words) {
    const auto pixel = [&](double points, int n) {
      return std::clamp(static_cast<int>(points * image->scale), 0, n - 1);
    };
    for (int y = pixel(word.box.y0, image->height_px); y <= pixel(word.box.y1, image->height_px);
         ++y)
      for (int x = pixel(word.box.x0, image->width_px); x <= pixel(word.box.x1, image->width_px);
           ++x)
        text[static_cast<std::size_t>(y) * static_cast<std::size_t>(image->width_px) +
             static_cast<std::size_t>(x)] = true;
  }
  std::size_t n_ink = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto channel = [&](std::size_t k) {
      return static_cast<unsigned char>(image->rgb[3 * i + k]);
    };
    n_ink += !text[i] && std::min({channel(0), channel(1), channel(2)}) < kPaper;
  }
  return static_cast<double>(n_ink) / static_cast<double>(text.size());
}

}  // namespace ingest
