#include "ingest/legacy_encoding.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>

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

std::uint8_t byteOf(char c) { return static_cast<std::uint8_t>(c); }
bool isLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Bytes that ISO-8859 gives to control characters and Windows to letters and quotation marks.
bool hasWindowsBytes(const std::string& sample) {
  return std::any_of(sample.begin(), sample.end(),
                     [](char c) { return byteOf(c) >= 0x80 && byteOf(c) < 0xA0; });
}

// KOI8-U is KOI8-R with eight Ukrainian letters in the place of line-drawing characters.
bool hasUkrainianLetters(const std::string& sample) {
  static constexpr std::string_view kLetters = "\xA4\xA6\xA7\xAD\xB4\xB6\xB7\xBD";
  bool found = false;
  for (const char c : sample) {
    const bool letter = kLetters.find(c) != std::string_view::npos;
    const bool lines = byteOf(c) >= 0x80 && byteOf(c) < 0xC0 && !letter && byteOf(c) != 0xA3 &&
                       byteOf(c) != 0xB3;
    if (lines) return false;
    found |= letter;
  }
  return found;
}

// Whether every byte beyond ASCII belongs to a pair that is a frequent Chinese character (the first
// level of GB 2312), and no pair touches a Latin letter.
bool isChinesePairs(const std::string& sample) {
  int n_pairs = 0;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    if (byteOf(sample[i]) < 0x80) continue;
    const bool pair = byteOf(sample[i]) >= 0xB0 && byteOf(sample[i]) <= 0xD7 &&
                      i + 1 < sample.size() && byteOf(sample[i + 1]) >= 0xA1;
    const bool in_word = (i > 0 && isLetter(sample[i - 1])) ||
                         (i + 2 < sample.size() && isLetter(sample[i + 2]));
    if (!pair || in_word) return false;
    ++n_pairs;
    ++i;
  }
  return n_pairs >= 2;
}

// Windows-1252 that has symbols inside words is Polish in the code page of Windows or of ISO, where
// these bytes are letters; the detector does not know it.
std::optional<std::string> polishCodePage(const std::string& sample) {
  static constexpr std::string_view kWindows = "\xA3\xA5\xAF\xB3\xB9\xBF";
  static constexpr std::string_view kIso = "\xA1\xA3\xA6\xAC\xAF\xB1\xB3\xB6\xBC\xBF";
  const auto inWord = [](char c) { return isLetter(c) || byteOf(c) >= 0xC0; };
  int n_high = 0, n_windows = 0, n_iso = 0;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    n_high += sample[i] < 0;
    if (i == 0 || i + 1 == sample.size() || !inWord(sample[i - 1]) || !inWord(sample[i + 1]))
      continue;
    n_windows += kWindows.find(sample[i]) != std::string_view::npos;
    n_iso += kIso.find(sample[i]) != std::string_view::npos;
  }
  const int n_symbols = std::max(n_windows, n_iso);
  if (n_symbols < 2 || n_symbols * 10 < n_high) return std::nullopt;
  return n_windows > n_iso || hasWindowsBytes(sample) ? "WINDOWS-1250" : "ISO-8859-2";
}

// The detector knows statistics of rare Latin code pages; a few bytes do not speak for one of them.
constexpr int kFewBytes = 64;
bool isRareLatin(const std::string& name) {
  static constexpr std::string_view kRare[] = {"ISO-8859-3",  "ISO-8859-4",  "ISO-8859-10",
                                               "ISO-8859-13", "ISO-8859-14", "ISO-8859-16",
                                               "VISCII",      "WINDOWS-1258"};
  return std::find(std::begin(kRare), std::end(kRare), name) != std::end(kRare);
}

// What is in use under the detector's names: the Windows code pages and other supersets, as in
// WHATWG's encoding standard.
std::string inUse(const std::string& name, const std::string& sample) {
  const auto n_high = std::count_if(sample.begin(), sample.end(), [](char c) { return c < 0; });
  if (n_high < kFewBytes && isRareLatin(name))
    return isChinesePairs(sample) ? "GB18030" : kFallback;
  if (n_high < kFewBytes && name == "MAC-CYRILLIC") return "WINDOWS-1251";
  if (name == "KOI8-R" && hasUkrainianLetters(sample)) return "KOI8-U";

  struct Name {
    std::string_view detected, used;
  };
  static constexpr Name kAlways[] = {
      {"ISO-8859-1", "WINDOWS-1252"}, {"ISO-8859-9", "WINDOWS-1254"}, {"SHIFT_JIS", "CP932"},
      {"EUC-KR", "CP949"},            {"UHC", "CP949"},               {"GB2312", "GB18030"},
      {"GBK", "GB18030"},             {"HZ-GB-2312", "GB18030"},      {"BIG5", "BIG5-HKSCS"},
      {"TIS-620", "CP874"},           {"ISO-8859-11", "CP874"}};
  static constexpr Name kWithWindowsBytes[] = {
      {"ISO-8859-2", "WINDOWS-1250"}, {"ISO-8859-5", "WINDOWS-1251"},
      {"ISO-8859-6", "WINDOWS-1256"}, {"ISO-8859-7", "WINDOWS-1253"},
      {"ISO-8859-8", "WINDOWS-1255"}, {"ISO-8859-13", "WINDOWS-1257"},
      {"ISO-8859-15", "WINDOWS-1252"}};
  for (const Name& known : kAlways)
    if (name == known.detected) return std::string(known.used);
  if (hasWindowsBytes(sample))
    for (const Name& known : kWithWindowsBytes)
      if (name == known.detected) return std::string(known.used);
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
  const std::string name = inUse(detectorsName(sample), sample);
  const bool no_code_page = name.empty() || name == "ASCII" || name.starts_with("UTF-");
  if (!no_code_page && name != kFallback && decodes(name, sample)) return name;
  return polishCodePage(sample).value_or(kFallback);
}

}  // namespace ingest
