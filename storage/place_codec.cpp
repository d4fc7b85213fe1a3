#include "storage/place_codec.h"

#include <bit>
#include <cstring>

namespace storage {
namespace {

using base::ErrorCode;
using base::Result;

static_assert(std::endian::native == std::endian::little, "blobs are little-endian");

class Writer {
 public:
  void number(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) byte(static_cast<std::uint8_t>(value | 0x80));
    byte(static_cast<std::uint8_t>(value));
  }
  void real(double value) { raw(&value, sizeof value); }
  void text(const std::string& value) {
    number(value.size());
    raw(value.data(), value.size());
  }
  void boxes(const std::vector<base::Box>& boxes) {
    number(boxes.size());
    for (const base::Box& box : boxes)
      for (const double edge : {box.x0, box.y0, box.x1, box.y1}) real(edge);
  }
  Blob take() { return std::move(blob_); }

 private:
  void byte(std::uint8_t value) { blob_.push_back(static_cast<std::byte>(value)); }
  void raw(const void* data, std::size_t n_bytes) {
    const auto* bytes = static_cast<const std::byte*>(data);
    blob_.insert(blob_.end(), bytes, bytes + n_bytes);
  }

  Blob blob_;
};

// After the first thing that does not fit every value is 0 or empty and `ok` stays false.
class Reader {
 public:
  explicit Reader(BlobView blob) : rest_(blob) {}

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      std::uint8_t byte = 0;
      raw(&byte, 1);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return ok_ ? value : 0;
    }
    ok_ = false;
    return 0;
  }
  int integer() {
    const std::uint64_t value = number();
    if (value > 0x7fffffff) ok_ = false;
    return ok_ ? static_cast<int>(value) : 0;
  }
  // A count of things of at least `n_bytes_min` each: cannot exceed what is left.
  std::size_t count(std::size_t n_bytes_min) {
    const std::uint64_t value = number();
    if (value > rest_.size() / n_bytes_min) ok_ = false;
    return ok_ ? static_cast<std::size_t>(value) : 0;
  }
  double real() {
    double value = 0;
    raw(&value, sizeof value);
    return value;
  }
  std::string text() {
    std::string value(count(1), '\0');
    raw(value.data(), value.size());
    return value;
  }
  std::vector<base::Box> boxes() {
    std::vector<base::Box> boxes(count(4 * sizeof(double)));
    for (base::Box& box : boxes)
      for (double* edge : {&box.x0, &box.y0, &box.x1, &box.y1}) *edge = real();
    return boxes;
  }
  template <class T>
  Result<T> finish(T value) const {
    if (ok_ && rest_.empty()) return value;
    return base::failure(ErrorCode::kCorrupt, "a stored blob does not have its layout");
  }

 private:
  void raw(void* data, std::size_t n_bytes) {
    if (n_bytes > rest_.size()) ok_ = false;
    if (!ok_ || n_bytes == 0) return;
    std::memcpy(data, rest_.data(), n_bytes);
    rest_ = rest_.subspan(n_bytes);
  }

  BlobView rest_;
  bool ok_ = true;
};

}  // namespace

Blob encodePages(const std::vector<base::Page>& pages) {
  Writer out;
  out.number(pages.size());
  for (const base::Page& page : pages) {
    out.number(page.number);
    out.text(page.label);
    out.number(page.bytes.begin);
    out.number(page.bytes.end);
    out.real(page.width);
    out.real(page.height);
  }
  return out.take();
}

Result<std::vector<base::Page>> decodePages(BlobView blob) {
  Reader in(blob);
  std::vector<base::Page> pages(in.count(4 + 2 * sizeof(double)));
  for (base::Page& page : pages) {
    page.number = in.integer();
    page.label = in.text();
    page.bytes.begin = in.number();
    page.bytes.end = in.number();
    page.width = in.real();
    page.height = in.real();
  }
  return in.finish(std::move(pages));
}

Blob encodeSpans(const std::vector<base::SourceSpan>& spans) {
  Writer out;
  out.number(spans.size());
  std::size_t end = 0;
  for (const base::SourceSpan& span : spans) {
    out.number(span.bytes.begin - end);
    out.number(span.bytes.size());
    out.number(span.page);
    out.boxes(span.boxes);
    end = span.bytes.end;
  }
  return out.take();
}

Result<std::vector<base::SourceSpan>> decodeSpans(BlobView blob) {
  Reader in(blob);
  std::vector<base::SourceSpan> spans(in.count(4));
  std::size_t end = 0;
  for (base::SourceSpan& span : spans) {
    span.bytes.begin = end + in.number();
    span.bytes.end = span.bytes.begin + in.number();
    span.page = in.integer();
    span.boxes = in.boxes();
    end = span.bytes.end;
  }
  return in.finish(std::move(spans));
}

Blob encodeBoxes(const std::vector<base::Box>& boxes) {
  Writer out;
  out.boxes(boxes);
  return out.take();
}

Result<std::vector<base::Box>> decodeBoxes(BlobView blob) {
  Reader in(blob);
  auto boxes = in.boxes();
  return in.finish(std::move(boxes));
}

Blob encodeDiagnostics(const std::vector<base::Diagnostic>& diagnostics) {
  Writer out;
  out.number(diagnostics.size());
  for (const base::Diagnostic& diagnostic : diagnostics) {
    out.text(diagnostic.code);
    out.text(diagnostic.message);
    out.number(diagnostic.page);
  }
  return out.take();
}

Result<std::vector<base::Diagnostic>> decodeDiagnostics(BlobView blob) {
  Reader in(blob);
  std::vector<base::Diagnostic> diagnostics(in.count(3));
  for (base::Diagnostic& diagnostic : diagnostics) {
    diagnostic.code = in.text();
    diagnostic.message = in.text();
    diagnostic.page = in.integer();
  }
  return in.finish(std::move(diagnostics));
}

Blob encodeTokens(const std::vector<base::TokenId>& tokens) {
  const BlobView bytes = std::as_bytes(std::span(tokens));
  return Blob(bytes.begin(), bytes.end());
}

Result<std::vector<base::TokenId>> decodeTokens(BlobView blob) {
  if (blob.size() % sizeof(base::TokenId) != 0)
    return base::failure(ErrorCode::kCorrupt, "stored tokens are not whole");
  std::vector<base::TokenId> tokens(blob.size() / sizeof(base::TokenId));
  if (!blob.empty()) std::memcpy(tokens.data(), blob.data(), blob.size());
  return tokens;
}

}  // namespace storage
