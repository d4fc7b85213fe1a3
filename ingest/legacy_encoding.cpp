#include "ingest/legacy_encoding.h"

#include <algorithm>
#include <memory>

#include <uchardet/uchardet.h>

#include "ingest/char_converter.h"

namespace ingest {
namespace {

struct UchardetFree {
  void operator()(uchardet* detector) const noexcept { uchardet_delete(detector); }
};

constexpr std::size_t kSampleBytesMax = 256 << 10;
constexpr const char* kFallback = "WINDOWS-1252";

// The lines that say something: those with a byte beyond ASCII.
std::string tellingLines(std::string_view bytes) {
  std::string sample;
  while (!bytes.empty() && sample.size() < kSampleBytesMax) {
    const std::size_t n = std::min(bytes.find('\n'), bytes.size() - 1) + 1;
    const std::string_view line = bytes.substr(0, std::min(n, kSampleBytesMax));
    if (std::any_of(line.begin(), line.end(), [](char c) { return c < 0; })) sample += line;
    bytes.remove_prefix(n);
  }
  return sample;
}

std::string detectorsName(const std::string& sample) {
  const std::unique_ptr<uchardet, UchardetFree> detector(uchardet_new());
  if (!detector || uchardet_handle_data(detector.get(), sample.data(), sample.size()) != 0)
    return {};
  uchardet_data_end(detector.get());
  return uchardet_get_charset(detector.get());
}

// The supersets that are in use under these names (WHATWG's encoding standard says the same).
std::string supersetOf(const std::string& name) {
  if (name == "ISO-8859-1") return "WINDOWS-1252";
  if (name == "ISO-8859-9") return "WINDOWS-1254";
  if (name == "SHIFT_JIS") return "CP932";
  if (name == "EUC-KR" || name == "UHC") return "CP949";
  if (name == "GB2312" || name == "GBK" || name == "HZ-GB-2312") return "GB18030";
  if (name == "BIG5") return "BIG5-HKSCS";
  if (name == "TIS-620" || name == "ISO-8859-11") return "CP874";
  if (name == "MAC-CYRILLIC") return "MAC-CYRILLIC";
  return name;
}

// A detector may be wrong about its own guess: text in the right encoding decodes.
bool decodes(const std::string& encoding, const std::string& sample) {
  auto converter = CharConverter::open(encoding);
  if (!converter) return false;
  std::string text;
  converter->append(sample, text);
  return static_cast<std::size_t>(converter->replaced()) * 100 <= sample.size();
}

}  // namespace

std::string guessLegacyEncoding(std::string_view bytes) {
  const std::string sample = tellingLines(bytes);
  const std::string name = supersetOf(detectorsName(sample));
  const bool no_code_page = name.empty() || name == "ASCII" || name.starts_with("UTF-");
  return !no_code_page && decodes(name, sample) ? name : kFallback;
}

}  // namespace ingest
