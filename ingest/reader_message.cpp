#include "ingest/reader_message.h"

#include <cmath>
#include <cstring>
#include <utility>

#include "ingest/byte_reader.h"
#include "ingest/clean_text.h"

namespace ingest {
namespace {

using base::ErrorCode;
using base::failure;
using base::Result;
using base::Status;

template <class T>
void put(std::string& body, T value) {
  char raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  body.append(raw, sizeof value);
}

void putBox(std::string& body, const base::Box& box) {
  for (const double edge : {box.x0, box.y0, box.x1, box.y1}) put(body, static_cast<float>(edge));
}

void putString(std::string& body, std::string_view text) {
  put(body, static_cast<std::uint32_t>(text.size()));
  body += text;
}

struct Encoder {
  std::string& body;

  void operator()(const DocumentHead& head) const {
    put<std::int32_t>(body, head.n_pages);
    put(body, static_cast<std::uint32_t>(head.sandbox));
  }
  void operator()(const PageText& page) const {
    put<std::int32_t>(body, page.number);
    putString(body, page.label);
    put(body, page.width);
    put(body, page.height);
    putString(body, page.text);
    put(body, static_cast<std::uint32_t>(page.words.size()));
    for (const PlacedWord& word : page.words) {
      put(body, word.begin);
      put(body, word.end);
      putBox(body, word.box);
    }
    put(body, static_cast<std::uint32_t>(page.lines.size()));
    for (const PageLine& line : page.lines) {
      put(body, line.begin);
      put(body, line.end);
      putBox(body, line.box);
      put(body, static_cast<float>(line.size));
      put(body, static_cast<std::uint32_t>((line.bold ? 1 : 0) | (line.mono ? 2 : 0)));
    }
    put(body, static_cast<std::uint32_t>(page.hyphens.size()));
    for (const std::uint32_t at : page.hyphens) put(body, at);
    put(body, static_cast<std::uint32_t>(page.asides.size()));
    for (const PageAside& aside : page.asides) {
      put(body, static_cast<std::uint32_t>(aside.kind));
      putString(body, aside.text);
      putString(body, aside.target);
      putBox(body, aside.box);
    }
  }
  void operator()(const PageRemark& remark) const {
    put(body, static_cast<std::uint32_t>(remark.remark));
    put<std::int32_t>(body, remark.page);
  }
  void operator()(const RenderedPage& image) const {
    put<std::int32_t>(body, image.number);
    putString(body, image.label);
    put(body, image.width);
    put(body, image.height);
    put(body, image.scale);
    put<std::int32_t>(body, image.width_px);
    put<std::int32_t>(body, image.height_px);
    putString(body, image.rgb);
  }
  void operator()(Refusal refusal) const { put(body, static_cast<std::uint32_t>(refusal)); }
  void operator()(Finished) const {}
  void operator()(const Outline& outline) const {
    put(body, static_cast<std::uint32_t>(outline.items.size()));
    for (const OutlineItem& item : outline.items) {
      put<std::int32_t>(body, item.level);
      putString(body, item.title);
      put<std::int32_t>(body, item.page);
      put(body, item.y);
    }
  }
};

tl::unexpected<base::Error> broken(const char* what) {
  return failure(ErrorCode::kInvalidInput, std::string("lectern-reader sent ") + what);
}

bool isExtent(double points) {
  return std::isfinite(points) && points > 0 && points <= kPagePointsMax;
}

bool isLabel(const std::string& label) {
  return label.size() <= kLabelBytesMax && isCleanText(label) &&
         label.find_first_of("\n\t") == std::string::npos;
}

bool isCharacterBegin(std::string_view text, std::size_t at) {
  return at == text.size() || (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
}

// Floats of the wire may stick out of the page by their rounding.
bool liesOnPage(const base::Box& box, const PageText& page) {
  for (const double edge : {box.x0, box.y0, box.x1, box.y1})
    if (!std::isfinite(edge)) return false;
  const double slack = 1e-6 * (page.width + page.height) + 1e-3;
  return box.x0 >= -slack && box.x0 <= box.x1 && box.x1 <= page.width + slack && box.y0 >= -slack &&
         box.y0 <= box.y1 && box.y1 <= page.height + slack;
}

Result<ReaderMessage> decodeHead(ByteReader& reader) {
  DocumentHead head;
  head.n_pages = reader.number<std::int32_t>();
  const auto level = reader.number<std::uint32_t>();
  if (!reader.finished() || head.n_pages < 1 ||
      level > static_cast<std::uint32_t>(SandboxLevel::kFull))
    return broken("a bad document head");
  head.sandbox = static_cast<SandboxLevel>(level);
  return head;
}

// Thousandths of a point are less than anybody sees, and short wherever they are written.
base::Box takeBox(ByteReader& reader) {
  base::Box box;
  for (double* edge : {&box.x0, &box.y0, &box.x1, &box.y1})
    *edge = std::round(1000.0 * reader.number<float>()) / 1000;
  return box;
}

// Whether so many things of at least this size can still come: nothing is reserved for more.
bool canHold(const ByteReader& reader, std::uint32_t n, std::size_t n_bytes_each) {
  return reader.ok() && std::uint64_t{n} * n_bytes_each <= reader.remaining();
}

constexpr std::size_t kBoxBytes = 4 * sizeof(float);

Status decodeWords(ByteReader& reader, std::uint32_t n_words, PageText& page) {
  if (!canHold(reader, n_words, 2 * sizeof(std::uint32_t) + kBoxBytes))
    return broken("a page with missing words");
  page.words.reserve(n_words);
  std::uint32_t end = 0;
  for (std::uint32_t i = 0; i < n_words; ++i) {
    PlacedWord word;
    word.begin = reader.number<std::uint32_t>();
    word.end = reader.number<std::uint32_t>();
    word.box = takeBox(reader);
    if (word.begin < end || word.end <= word.begin || word.end > page.text.size())
      return broken("words out of order");
    if (!isCharacterBegin(page.text, word.begin) || !isCharacterBegin(page.text, word.end))
      return broken("a word that cuts a character");
    if (!liesOnPage(word.box, page)) return broken("a word outside of its page");
    end = word.end;
    page.words.push_back(word);
  }
  return {};
}

Status decodeLines(ByteReader& reader, PageText& page) {
  const auto n_lines = reader.number<std::uint32_t>();
  if (!canHold(reader, n_lines, 2 * sizeof(std::uint32_t) + kBoxBytes))
    return broken("a page with missing lines");
  std::uint32_t end = 0;
  for (std::uint32_t i = 0; i < n_lines; ++i) {
    PageLine line;
    line.begin = reader.number<std::uint32_t>();
    line.end = reader.number<std::uint32_t>();
    line.box = takeBox(reader);
    line.size = reader.number<float>();
    const auto style = reader.number<std::uint32_t>();
    if (line.begin < end || line.end <= line.begin || line.end > page.text.size() || style > 3 ||
        !isCharacterBegin(page.text, line.begin) || !isCharacterBegin(page.text, line.end))
      return broken("lines out of order");
    if (!liesOnPage(line.box, page) || !std::isfinite(line.size) || line.size < 0)
      return broken("a line outside of its page");
    line.bold = (style & 1) != 0;
    line.mono = (style & 2) != 0;
    end = line.end;
    page.lines.push_back(line);
  }
  return {};
}

Status decodeHyphens(ByteReader& reader, PageText& page) {
  const auto n_hyphens = reader.number<std::uint32_t>();
  if (!canHold(reader, n_hyphens, sizeof(std::uint32_t)))
    return broken("a page with missing hyphens");
  for (std::uint32_t i = 0; i < n_hyphens; ++i) {
    const auto at = reader.number<std::uint32_t>();
    if (at >= page.text.size() || page.text[at] != '-' ||
        (!page.hyphens.empty() && at <= page.hyphens.back()))
      return broken("hyphens that are none");
    page.hyphens.push_back(at);
  }
  return {};
}

Status decodeAsides(ByteReader& reader, PageText& page) {
  const auto n_asides = reader.number<std::uint32_t>();
  if (n_asides > kAsidesMax || !reader.ok()) return broken("too many notes on a page");
  for (std::uint32_t i = 0; i < n_asides; ++i) {
    PageAside aside;
    const auto kind = reader.number<std::uint32_t>();
    aside.text = reader.string();
    aside.target = reader.string();
    aside.box = takeBox(reader);
    if (!reader.ok() || kind > static_cast<std::uint32_t>(PageAside::Kind::kField) ||
        aside.text.size() > kAsideBytesMax || aside.target.size() > kAsideBytesMax ||
        !isCleanText(aside.text) || !isCleanText(aside.target) || !liesOnPage(aside.box, page))
      return broken("a bad note");
    aside.kind = static_cast<PageAside::Kind>(kind);
    page.asides.push_back(std::move(aside));
  }
  return {};
}

Result<ReaderMessage> decodePage(ByteReader& reader) {
  PageText page;
  page.number = reader.number<std::int32_t>();
  page.label = reader.string();
  page.width = reader.number<double>();
  page.height = reader.number<double>();
  page.text = reader.string();
  const auto n_words = reader.number<std::uint32_t>();
  if (!reader.ok() || page.number < 1 || !isLabel(page.label)) return broken("a bad page");
  if (!isExtent(page.width) || !isExtent(page.height)) return broken("a page of no size");
  if (!isCleanText(page.text) || (!page.text.empty() && page.text.back() != '\n'))
    return broken("a page with unclean text");
  TRY(decodeWords(reader, n_words, page));
  TRY(decodeLines(reader, page));
  TRY(decodeHyphens(reader, page));
  TRY(decodeAsides(reader, page));
  if (!reader.finished()) return broken("a page with something behind it");
  return page;
}

Result<ReaderMessage> decodeRemark(ByteReader& reader) {
  PageRemark remark;
  const auto number = reader.number<std::uint32_t>();
  remark.page = reader.number<std::int32_t>();
  if (!reader.finished() || number > static_cast<std::uint32_t>(kLastRemark) || remark.page < 0)
    return broken("a bad remark");
  remark.remark = static_cast<Remark>(number);
  return remark;
}

Result<ReaderMessage> decodeImage(ByteReader& reader) {
  RenderedPage image;
  image.number = reader.number<std::int32_t>();
  image.label = reader.string();
  image.width = reader.number<double>();
  image.height = reader.number<double>();
  image.scale = reader.number<double>();
  image.width_px = reader.number<std::int32_t>();
  image.height_px = reader.number<std::int32_t>();
  image.rgb = reader.string();
  if (!reader.finished() || image.number < 1 || !isLabel(image.label) || !isExtent(image.width) ||
      !isExtent(image.height) || !isExtent(image.scale))
    return broken("a bad page image");
  if (image.width_px < 1 || image.height_px < 1) return broken("an image of no size");
  const std::uint64_t n_pixels =
      static_cast<std::uint64_t>(image.width_px) * static_cast<std::uint64_t>(image.height_px);
  if (n_pixels > kImagePixelsMax || image.rgb.size() != n_pixels * 3)
    return broken("an image with missing pixels");
  return image;
}

Result<ReaderMessage> decodeOutline(ByteReader& reader) {
  const auto n_items = reader.number<std::uint32_t>();
  if (n_items > kOutlineItemsMax) return broken("an outline without end");
  Outline outline;
  for (std::uint32_t i = 0; i < n_items && reader.ok(); ++i) {
    OutlineItem item;
    item.level = reader.number<std::int32_t>();
    item.title = reader.string();
    item.page = reader.number<std::int32_t>();
    item.y = reader.number<double>();
    if (item.level < 0 || item.level > 64 || item.page < 0 || !std::isfinite(item.y) ||
        item.title.size() > kTitleBytesMax || !isCleanText(item.title))
      return broken("a bad outline");
    outline.items.push_back(std::move(item));
  }
  if (!reader.finished()) return broken("a bad outline");
  return outline;
}

Result<ReaderMessage> decodeRefusal(ByteReader& reader) {
  const auto number = reader.number<std::uint32_t>();
  if (!reader.finished() || number > static_cast<std::uint32_t>(Refusal::kXmlEntities))
    return broken("a bad refusal");
  return static_cast<Refusal>(number);
}

}  // namespace

std::string encodeMessage(const ReaderMessage& message) {
  std::string bytes(sizeof(MessageHeader), '\0');
  std::visit(Encoder{bytes}, message);
  const MessageHeader header{static_cast<std::uint32_t>(message.index()),
                             static_cast<std::uint32_t>(bytes.size() - sizeof(MessageHeader))};
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

Result<ReaderMessage> decodeMessage(std::uint32_t kind, std::string_view body) {
  ByteReader reader(body);
  switch (kind) {
    case 0:
      return decodeHead(reader);
    case 1:
      return decodePage(reader);
    case 2:
      return decodeRemark(reader);
    case 3:
      return decodeImage(reader);
    case 4:
      return decodeRefusal(reader);
    case 5:
      if (!body.empty()) return broken("a bad end");
      return Finished{};
    case 6:
      return decodeOutline(reader);
    default:
      return broken("a message of unknown kind");
  }
}

}  // namespace ingest
