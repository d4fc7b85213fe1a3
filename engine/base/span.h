// span.h: where a piece of text lies: in bytes, on a page.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace base {

// Half-open range of bytes [begin, end).
struct ByteRange {
  std::size_t begin = 0, end = 0;
  std::size_t size() const { return end - begin; }
  bool empty() const { return begin == end; }
  bool contains(const ByteRange& other) const { return begin <= other.begin && other.end <= end; }
  auto operator<=>(const ByteRange&) const = default;
};

// Half-open range of token positions in a context [begin, end).
struct TokenRange {
  std::int64_t begin = 0, end = 0;
  std::int64_t size() const { return end - begin; }
  auto operator<=>(const TokenRange&) const = default;
};

// Rectangle on a page: PDF points (1/72 inch), origin at the top left of the page as displayed.
struct Box {
  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;
  bool operator==(const Box&) const = default;
};

// A piece of a document's text with its place. For paged documents a span never crosses a page.
struct SourceSpan {
  ByteRange bytes;         // in Document::text
  int page = 0;            // 1-based; 0 for documents without pages
  std::vector<Box> boxes;  // one per line of the span; empty without pages
};

}  // namespace base
