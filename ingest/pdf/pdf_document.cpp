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
constexpr double kBlankCheckScale = 0.25;

bool repaired = false;

// Poppler tells about repairs only in its messages. They quote the document: none is kept.
void hearPoppler(const QString& message, const QVariant&) {
  if (message.contains(QLatin1String("attempting to reconstruct xref"))) repaired = true;
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

  poppler->document = ::Poppler::Document::load(&poppler->file);
  if (!poppler->document) return tl::unexpected(Refusal::kDamaged);
  if (poppler->document->isLocked()) return tl::unexpected(Refusal::kLocked);
  if (poppler->document->numPages() < 1) return tl::unexpected(Refusal::kNoPages);
  for (const auto hint : {::Poppler::Document::Antialiasing, ::Poppler::Document::TextAntialiasing})
    poppler->document->setRenderHint(hint);
  return std::unique_ptr<PdfDocument>(new PdfDocument(std::move(poppler)));
}

int PdfDocument::pageCount() const { return poppler_->document->numPages(); }
bool PdfDocument::wasRepaired() const { return repaired; }
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
    const QRectF place = box->boundingBox();
    result.words.push_back({.text = toUtf32(box->text()),
                            .box = {place.left(), place.top(), place.right(), place.bottom()},
                            .line = line,
                            .space_after = box->hasSpaceAfter()});
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

bool PdfDocument::isBlank(int number) const {
  const auto image = render(number, kBlankCheckScale);
  return !image || std::all_of(image->rgb.begin(), image->rgb.end(),
                               [](char channel) { return channel == '\xff'; });
}

}  // namespace ingest
