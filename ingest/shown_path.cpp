#include "ingest/shown_path.h"

#include <cstdint>

#include "ingest/utf8.h"

namespace ingest {

std::string shownPath(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string shown;
  while (!bytes.empty()) {
    const Utf8Step step = nextUtf8(bytes);
    const std::string_view part = bytes.substr(0, step.n_bytes);
    bytes.remove_prefix(step.n_bytes);
    if (step.character) {
      shown += part;
      continue;
    }
    for (const char c : part) {
      const auto byte = static_cast<std::uint8_t>(c);
      shown += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return shown;
}

}  // namespace ingest
