#include "ingest/pdf/pdf_document.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <unordered_map>

#include <QFile>
#include <QImage>
#include <QList>
#include <QVariant>
#include <poppler-qt6.h>

#include "ingest/clean_text.h"

namespace ingest {
namespace {

constexpr qsizetype kHeaderSearchBytes = 1024;  // Poppler looks no further for "%PDF-"
constexpr qint64 kTrailerSearchBytes = 64 * 1024;
constexpr double kInkScale = 0.25;
constexpr int kPaper = 250;  // brightness of what counts as nothing

// Poppler tells some things only in its messages, for the whole process. They quote the document,
// so none is kept.
struct Heard {
  bool repaired = false;
  bool lacks_characters = false;
} heard;

void hearPoppler(const QString& message, const QVariant&) {
  const auto says = [&](const char* words) { return message.contains(QLatin1String(words)); };
  heard.repaired |= says("reconstruct") || says("Couldn't find trailer");
  heard.lacks_characters |= says("language pack") || says("Unknown character collection");
}

bool isTableAt(QFile& file, qint64 offset) {
  if (offset < 0 || !file.seek(offset)) return false;
  const QByteArray bytes = file.read(32).trimmed();
  return bytes.startsWith("xref") || (!bytes.isEmpty() && bytes.contains(" obj"));
}

// Where startxref points to no table, Poppler searches for one without a word.
bool hasStart(QFile& file) {
  const QByteArray head = file.peek(kHeaderSearchBytes);
  const qint64 tail_begin = std::max<qint64>(0, file.size() - kTrailerSearchBytes);
  file.seek(tail_begin);
  const QByteArray tail = file.read(kTrailerSearchBytes);
  const qsizetype keyword = tail.lastIndexOf("startxref");
  qint64 offset = -1;
  if (keyword >= 0) offset = tail.mid(keyword + 9, 32).simplified().split(' ').first().toLongLong();
  // Offsets count from the file's begin or, behind foreign bytes, from the header.
  const bool found = offset > 0 && (isTableAt(file, offset) ||
                                    isTableAt(file, offset + head.indexOf("%PDF-")));
  file.seek(0);
  return found;
}

std::u32string toUtf32(const QString& text) {
  const QList<uint> characters = text.toUcs4();
  return {characters.begin(), characters.end()};
}

std::string cleanLabel(const QString& label, int page) {
  if (label == QString::number(page)) return {};
  std::string clean;
  for (const uint character : label.toUcs4()) {
    if (!isCleanCharacter(character) || clean.size() + 4 > kLabelBytesMax) continue;
    appendUtf8(clean, character);
  }
  return clean;
}

bool isExtent(const QSizeF& size) {
  return std::isfinite(size.width()) && std::isfinite(size.height()) && size.width() > 0 &&
         size.height() > 0 && size.width() <= kPagePointsMax && size.height() <= kPagePointsMax;
}

base::Box toBox(const QRectF& place) {
  return {place.left(), place.top(), place.right(), place.bottom()};
}

// Scripts that put no spaces between words.
bool isIdeographic(char32_t c) {
  return (c >= 0x3005 && c <= 0x3007) || (c >= 0x3041 && c <= 0x30FF) ||
         (c >= 0x3400 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x20000 && c <= 0x3FFFF);
}

// A whole line of Chinese is one word to Poppler; here every character is.
void appendWord(std::vector<PageWord>& words, const Poppler::TextBox& box, int line) {
  const std::u32string text = toUtf32(box.text());
  if (std::none_of(text.begin(), text.end(), isIdeographic)) {
    words.push_back({text, toBox(box.boundingBox()), line, box.hasSpaceAfter()});
    return;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    const QRectF place = box.charBoundingBox(static_cast<int>(i));
    words.push_back({text.substr(i, 1),
                     toBox(place.isEmpty() ? box.boundingBox() : place), line,
                     i + 1 == text.size() && box.hasSpaceAfter()});
  }
}

// Rows of a QImage are padded; those of the message are not.
std::string packedRgb(const QImage& image) {
  std::string rgb;
  const auto n_row_bytes = static_cast<std::size_t>(image.width()) * 3;
  rgb.reserve(n_row_bytes * static_cast<std::size_t>(image.height()));
  for (int y = 0; y < image.height(); ++y) {
    const auto* row = reinterpret_cast<const QRgb*>(image.constScanLine(y));
    for (int x = 0; x < image.width(); ++x)
      for (const int channel : {qRed(row[x]), qGreen(row[x]), qBlue(row[x])})
        rgb.push_back(static_cast<char>(channel));
  }
  return rgb;
}

}  // namespace

struct PdfDocument::Poppler {
  QFile file;
  std::unique_ptr<::Poppler::Document> document;

  std::unique_ptr<::Poppler::Page> page(int number) const {
    if (number < 1 || number > document->numPages()) return nullptr;
    auto page = document->page(number - 1);
    return page && isExtent(page->pageSizeF()) ? std::move(page) : nullptr;
  }
};

PdfDocument::PdfDocument(std::unique_ptr<Poppler> poppler) : poppler_(std::move(poppler)) {}
PdfDocument::~PdfDocument() = default;

tl::expected<std::unique_ptr<PdfDocument>, Refusal> PdfDocument::open(int descriptor) {
  ::Poppler::setDebugErrorFunction(hearPoppler, {});
  auto poppler = std::make_unique<Poppler>();
  if (!poppler->file.open(descriptor, QIODevice::ReadOnly, QFileDevice::DontCloseHandle))
    return tl::unexpected(Refusal::kNotPdf);
  if (!poppler->file.peek(kHeaderSearchBytes).contains("%PDF-"))
    return tl::unexpected(Refusal::kNotPdf);

  heard.repaired = !hasStart(poppler->file);
  poppler->document = ::Poppler::Document::load(&poppler->file);
  if (!poppler->document) return tl::unexpected(Refusal::kDamaged);
  if (poppler->document->isLocked()) return tl::unexpected(Refusal::kLocked);
  if (poppler->document->numPages() < 1) return tl::unexpected(Refusal::kNoPages);
  for (const auto hint : {::Poppler::Document::Antialiasing, ::Poppler::Document::TextAntialiasing})
    poppler->document->setRenderHint(hint);
  return std::unique_ptr<PdfDocument>(new PdfDocument(std::move(poppler)));
}

int PdfDocument::pageCount() const { return poppler_->document->numPages(); }
bool PdfDocument::wasRepaired() const { return heard.repaired; }
bool PdfDocument::lacksCharacters() const { return heard.lacks_characters; }
bool PdfDocument::copyPermitted() const { return poppler_->document->okToCopy(); }

std::optional<PageHead> PdfDocument::head(int number) const {
  const auto page = poppler_->page(number);
  if (!page) return std::nullopt;
  const QSizeF size = page->pageSizeF();
  return PageHead{cleanLabel(page->label(), number), size.width(), size.height()};
}

std::optional<PageWords> PdfDocument::words(int number) const {
  const auto page = poppler_->page(number);
  if (!page) return std::nullopt;
  PageWords result{.width = page->pageSizeF().width(),
                   .height = page->pageSizeF().height(),
                   .words = {}};
  const auto boxes = page->textList();
  // Poppler links each word to the next one of its line; the links give every word its line.
  std::unordered_map<const ::Poppler::TextBox*, int> line_of;
  int n_lines = 0;
  for (const auto& box : boxes) {
    const auto known = line_of.find(box.get());
    const int line = known != line_of.end() ? known->second : n_lines++;
    if (box->nextWord() != nullptr) line_of.emplace(box->nextWord(), line);
    appendWord(result.words, *box, line);
  }
  return result;
}

tl::expected<RenderedPage, Refusal> PdfDocument::render(int number, double scale) const {
  const auto page = poppler_->page(number);
  if (!page) return tl::unexpected(Refusal::kNoSuchPage);
  const QSizeF size = page->pageSizeF();
  // A tenth off for the rounding of both sides to whole pixels.
  const double pixels_max = 0.9 * static_cast<double>(kImagePixelsMax);
  scale = std::min(scale, std::sqrt(pixels_max / (size.width() * size.height())));
  scale = std::min(scale, 30'000 / std::max(size.width(), size.height()));
  const QImage image = page->renderToImage(72 * scale, 72 * scale);
  if (image.isNull() || image.depth() != 32) return tl::unexpected(Refusal::kImageTooLarge);
  return RenderedPage{.number = number,
                      .label = cleanLabel(page->label(), number),
                      .width = size.width(),
                      .height = size.height(),
                      .scale = scale,
                      .width_px = image.width(),
                      .height_px = image.height(),
                      .rgb = packedRgb(image)};
}

double PdfDocument::inkBeside(int number, const std::vector<PlacedWord>& words) const {
  const auto image = render(number, kInkScale);
  if (!image) return 0;
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
