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

template <class T>
void put(std::string& body, T value) {
  char raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  body.append(raw, sizeof value);
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
      for (const double edge : {word.box.x0, word.box.y0, word.box.x1, word.box.y1})
        put(body, static_cast<float>(edge));
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
  return box.x0 >= -slack && box.x0 <= box.x1 && box.x1 <= page.width + slack &&
         box.y0 >= -slack && box.y0 <= box.y1 && box.y1 <= page.height + slack;
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
  if (reader.remaining() !=
      std::uint64_t{n_words} * (2 * sizeof(std::uint32_t) + 4 * sizeof(float)))
    return broken("a page with missing words");

  page.words.reserve(n_words);
  std::uint32_t end = 0;
  for (std::uint32_t i = 0; i < n_words; ++i) {
    PlacedWord word;
    word.begin = reader.number<std::uint32_t>();
    word.end = reader.number<std::uint32_t>();
    for (double* edge : {&word.box.x0, &word.box.y0, &word.box.x1, &word.box.y1})
      *edge = reader.number<float>();
    if (word.begin < end || word.end <= word.begin || word.end > page.text.size())
      return broken("words out of order");
    if (!isCharacterBegin(page.text, word.begin) || !isCharacterBegin(page.text, word.end))
      return broken("a word that cuts a character");
    if (!liesOnPage(word.box, page)) return broken("a word outside of its page");
    end = word.end;
    page.words.push_back(word);
  }
  return page;
}

Result<ReaderMessage> decodeRemark(ByteReader& reader) {
  PageRemark remark;
  const auto number = reader.number<std::uint32_t>();
  remark.page = reader.number<std::int32_t>();
  if (!reader.finished() || number > static_cast<std::uint32_t>(Remark::kPageDamaged) ||
      remark.page < 0)
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
  if (!reader.finished() || image.number < 1 || !isLabel(image.label) ||
      !isExtent(image.width) || !isExtent(image.height) || !isExtent(image.scale))
    return broken("a bad page image");
  if (image.width_px < 1 || image.height_px < 1) return broken("an image of no size");
  const std::uint64_t n_pixels = static_cast<std::uint64_t>(image.width_px) *
                                 static_cast<std::uint64_t>(image.height_px);
  if (n_pixels > kImagePixelsMax || image.rgb.size() != n_pixels * 3)
    return broken("an image with missing pixels");
  return image;
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
    case 0: return decodeHead(reader);
    case 1: return decodePage(reader);
    case 2: return decodeRemark(reader);
    case 3: return decodeImage(reader);
    case 4: return decodeRefusal(reader);
    case 5:
      if (!body.empty()) return broken("a bad end");
      return Finished{};
    default: return broken("a message of unknown kind");
  }
}

}  // namespace ingest
