#include "engine/utf8.h"

#include <cstdint>

namespace engine {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

struct Sequence {
  std::size_t n_bytes;  // length of the character or of the maximal subpart
  bool valid;
  bool unfinished;  // not valid, but more bytes could complete it
};

// What begins at `bytes[at]`, by table 3-7 of the Unicode standard.
Sequence sequenceAt(std::string_view bytes, std::size_t at) {
  const auto first = static_cast<std::uint8_t>(bytes[at]);
  if (first < 0x80) return {1, true, false};
  if (first < 0xC2 || first > 0xF4) return {1, false, false};
  const std::size_t n = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  std::uint8_t low = 0x80, high = 0xBF;  // of the second byte
  if (first == 0xE0) low = 0xA0;
  if (first == 0xED) high = 0x9F;
  if (first == 0xF0) low = 0x90;
  if (first == 0xF4) high = 0x8F;
  for (std::size_t i = 1; i < n; ++i) {
    if (at + i == bytes.size()) return {i, false, true};
    const auto byte = static_cast<std::uint8_t>(bytes[at + i]);
    if (byte < low || byte > high) return {i, false, false};
    low = 0x80, high = 0xBF;
  }
  return {n, true, false};
}

bool isSurrogateTail(char byte) { return (byte & 0xE0) == 0xA0; }

}  // namespace

std::size_t firstInvalidUtf8(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const Sequence sequence = sequenceAt(bytes, at);
    if (!sequence.valid) return at;
    at += sequence.n_bytes;
  }
  return std::string_view::npos;
}

std::string repairUtf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size();) {
    const Sequence sequence = sequenceAt(bytes, at);
    text += sequence.valid ? bytes.substr(at, sequence.n_bytes) : kReplacement;
    at += sequence.n_bytes;
  }
  return text;
}

std::size_t unfinishedUtf8(std::string_view bytes) {
  for (std::size_t n = 1; n <= 3 && n <= bytes.size(); ++n) {
    const Sequence sequence = sequenceAt(bytes, bytes.size() - n);
    if (sequence.unfinished && sequence.n_bytes == n) return n;
    // The beginning of an encoded surrogate is held back although nothing can complete it: the
    // published decoder does, and pieces of a stream are compared with its pieces.
    if (n == 2 && bytes[bytes.size() - 2] == '\xED' && isSurrogateTail(bytes.back())) return n;
  }
  return 0;
}

std::string Utf8Stream::push(std::string_view bytes) {
  pending_ += bytes;
  const std::size_t n_whole = pending_.size() - unfinishedUtf8(pending_);
  std::string text = repairUtf8(std::string_view(pending_).substr(0, n_whole));
  pending_.erase(0, n_whole);
  return text;
}

std::string Utf8Stream::flush() {
  std::string text = repairUtf8(pending_);
  pending_.clear();
  return text;
}

}  // namespace engine
