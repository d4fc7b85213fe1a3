#include "ingest/utf8.h"

#include <cstdint>

namespace ingest {

// Table 3-7 of the Unicode standard: the second byte's range depends on the first byte.
Utf8Step nextUtf8(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return {1, lead, false};
  if (lead < 0xC2 || lead > 0xF4) return {1, std::nullopt, false};

  const std::size_t n_bytes = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  std::uint8_t low = 0x80, high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;

  char32_t character = lead & (0x7F >> n_bytes);
  for (std::size_t i = 1; i < n_bytes; ++i, low = 0x80, high = 0xBF) {
    if (i == text.size()) return {i, std::nullopt, true};
    if (byte(i) < low || byte(i) > high) return {i, std::nullopt, false};
    character = character << 6 | (byte(i) & 0x3F);
  }
  return {n_bytes, character, false};
}

bool isUtf8(std::string_view text) {
  while (!text.empty()) {
    const Utf8Step step = nextUtf8(text);
    if (!step.character) return false;
    text.remove_prefix(step.n_bytes);
  }
  return true;
}

}  // namespace ingest
