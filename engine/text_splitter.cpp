#include "engine/text_splitter.h"

#include "engine/unicode_classes.h"
#include "engine/utf8.h"

namespace engine {
namespace {

bool isWord(unsigned char kind) { return kind == kLetter || kind == kMark; }
bool isSign(unsigned char kind) { return kind == kPunctuation || kind == kSymbol; }
bool isLineBreak(char byte) { return byte == '\r' || byte == '\n'; }
bool isAsciiLetter(char byte) {
  return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

}  // namespace

// The third split sees only what the first two left together: numbers and the border between
// CJK and other text end its world.
TextSplitter::Char TextSplitter::peek(std::size_t at) const {
  if (at == text_.size()) return {kRegionEnd, at};
  const char32_t code_point = nextCodePoint(text_, at);
  const std::uint8_t value = unicodeClass(code_point);
  const unsigned char kind = value & kClassMask;
  if (kind == kNumber || (value & kCjkSplit) != region_) return {kRegionEnd, at};
  return {kind, at};
}

std::size_t TextSplitter::skipWords(std::size_t at) const {
  for (Char c = peek(at); isWord(c.kind); c = peek(at)) at = c.end;
  return at;
}

std::string_view TextSplitter::take(std::size_t end) {
  const std::string_view piece = text_.substr(at_, end - at_);
  at_ = end;
  return piece;
}

// End of the third split's match that begins at `at`, or `at` when nothing matches there.
std::size_t TextSplitter::match(std::size_t at) const {
  const Char first = peek(at);
  const char byte = text_[at];

  if (isSign(first.kind)) {
    // ASCII punctuation and ASCII letters; all ASCII signs are in the list.
    if (static_cast<unsigned char>(byte) < 0x80) {
      std::size_t end = first.end;
      while (end < text_.size() && isAsciiLetter(text_[end])) ++end;
      if (end > first.end && region_ == 0) return end;
    }
  } else if (isWord(first.kind)) {
    return skipWords(first.end);
  } else if (!isLineBreak(byte)) {
    const std::size_t end = skipWords(first.end);
    if (end > first.end) return end;
  }

  if (isSign(first.kind) || byte == ' ') {
    std::size_t end = isSign(first.kind) ? at : first.end;
    const std::size_t begin = end;
    for (Char c = peek(end); isSign(c.kind); c = peek(end)) end = c.end;
    if (end > begin) {
      while (end < text_.size() && region_ == 0 && isLineBreak(text_[end])) ++end;
      return end;
    }
  }

  if (first.kind != kWhiteSpace) return at;
  std::size_t end = at, last = at, after_break = at;
  for (Char c = peek(end); c.kind == kWhiteSpace; c = peek(end)) {
    last = end;
    if (isLineBreak(text_[end])) after_break = c.end;
    end = c.end;
  }
  if (after_break > at) return after_break;                    // \s*[\r\n]+
  if (peek(end).kind == kRegionEnd || last == at) return end;  // \s+(?!\S) at the end; \s+
  return last;                                                 // \s+(?!\S): the last one stays
}

std::string_view TextSplitter::next() {
  if (at_ == text_.size()) return {};
  std::size_t end = at_;
  const std::uint8_t value = unicodeClass(nextCodePoint(text_, end));
  if ((value & kClassMask) == kNumber) {
    for (int n = 1; n < 3 && end < text_.size(); ++n) {
      std::size_t after = end;
      if ((unicodeClass(nextCodePoint(text_, after)) & kClassMask) != kNumber) break;
      end = after;
    }
    return take(end);
  }
  region_ = value & kCjkSplit;
  if (const std::size_t matched = match(at_); matched > at_) return take(matched);
  // A gap: everything up to the next match or the end of the region.
  while (peek(end).kind != kRegionEnd && match(end) == end) end = peek(end).end;
  return take(end);
}

}  // namespace engine
