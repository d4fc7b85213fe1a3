#include "ingest/encoding.h"

#include <algorithm>
#include <initializer_list>

#include "ingest/char_converter.h"
#include "ingest/clean_text.h"
#include "ingest/legacy_encoding.h"
#include "ingest/utf8.h"

namespace ingest {
namespace {

using base::ErrorCode;
using base::failure;

constexpr std::size_t kNulProbeBytes = 8000;       // git's rule for binary files
constexpr std::size_t kPatternBytesMax = 64 << 10;  // enough to see the pattern of UTF-16
constexpr std::size_t kStepBytes = 1 << 20;        // decoded between two looks at the stop token
constexpr char32_t kReplacement = 0xFFFD;

std::uint32_t byteAt(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

bool isControl(std::uint32_t c) {
  // Backspace, tab, line ends, page break, DOS end of file and escape occur in text.
  return (c < 0x20 && !(c >= 0x08 && c <= 0x0D) && c != 0x1A && c != 0x1B) || c == 0x7F;
}

bool isNoncharacter(char32_t c) { return (c & 0xFFFE) == 0xFFFE || (c >= 0xFDD0 && c <= 0xFDEF); }

// UTF-16 and UTF-32: units of a fixed size, in one byte order.
struct UnitForm {
  const char* name;
  std::size_t n_bytes;
  bool big_endian;
};
constexpr UnitForm kUtf16Le{"UTF-16LE", 2, false}, kUtf16Be{"UTF-16BE", 2, true};
constexpr UnitForm kUtf32Le{"UTF-32LE", 4, false}, kUtf32Be{"UTF-32BE", 4, true};
constexpr const UnitForm* kUnitForms[] = {&kUtf32Le, &kUtf32Be, &kUtf16Le, &kUtf16Be};

std::uint32_t unitAt(std::string_view bytes, std::size_t at, const UnitForm& form) {
  std::uint32_t unit = 0;
  for (std::size_t i = 0; i < form.n_bytes; ++i)
    unit = unit << 8 | byteAt(bytes, at + (form.big_endian ? i : form.n_bytes - 1 - i));
  return unit;
}

struct UnitStep {
  std::size_t n_bytes;
  char32_t character;
  bool valid;
};

// The character at `at`, where a whole unit lies.
UnitStep nextInUnits(std::string_view bytes, std::size_t at, const UnitForm& form) {
  const std::uint32_t unit = unitAt(bytes, at, form);
  const bool surrogate = unit >= 0xD800 && unit <= 0xDFFF;
  if (form.n_bytes == 4) return {4, unit, !surrogate && unit <= 0x10FFFF};
  if (!surrogate) return {2, unit, true};
  if (unit >= 0xDC00 || at + 4 > bytes.size()) return {2, 0, false};
  const std::uint32_t low = unitAt(bytes, at + 2, form);
  if (low < 0xDC00 || low > 0xDFFF) return {2, 0, false};
  return {4, 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00), true};
}

// Characters whose UTF-16 has no NUL and that texts are full of: Greek to Arabic, Thai, quotation
// marks and dashes, kana, Han, Hangul, full-width forms, pictures.
bool isDense(char32_t c) {
  return (c >= 0x0370 && c <= 0x06FF) || (c >= 0x0E00 && c <= 0x0E7F) ||
         (c >= 0x2010 && c <= 0x205E) || (c >= 0x3000 && c <= 0x30FF) ||
         (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xAC00 && c <= 0xD7A3) ||
         (c >= 0xFF00 && c <= 0xFFEF) || (c >= 0x1F000 && c <= 0x1FFFF);
}

// Whether text in this form would explain where the NULs are.
bool explains(const UnitForm& form, std::string_view bytes) {
  std::size_t n = 0, n_latin = 0, n_ascii = 0, n_dense = 0;
  for (std::size_t at = 0; at + form.n_bytes <= bytes.size();) {
    const UnitStep step = nextInUnits(bytes, at, form);
    const bool cut = !step.valid && at + 4 > bytes.size();
    if (cut) break;
    const char32_t c = step.character;
    if (!step.valid || isControl(c) || isNoncharacter(c)) return false;
    ++n;
    n_ascii += c < 0x80;
    n_latin += c < 0x250;
    n_dense += isDense(c);
    at += step.n_bytes;
  }
  if (n == 0) return false;
  if (form.n_bytes == 4) return true;
  // Mostly Latin: every second byte is a NUL or nearly so.
  if (n_latin * 2 > n && n_latin + n_dense + n / 20 >= n) return true;
  // ASCII text with a NUL here and there makes units of two letters, which look like Han
  // characters; in other scripts every second byte is no ASCII character that text has.
  const auto n_foreign = static_cast<std::size_t>(
      std::count_if(bytes.begin(), bytes.end(), [](char c) {
        return c < 0 || (c != 0 && isControl(static_cast<std::uint8_t>(c)));
      }));
  return n_ascii * 100 >= n && (n_ascii + n_dense) * 20 >= n * 19 &&
         n_foreign * 10 >= bytes.size();
}

const UnitForm* unitForm(std::string_view name) {
  for (const UnitForm* form : kUnitForms)
    if (name == form->name) return form;
  return nullptr;
}

std::optional<Encoding> markedEncoding(std::string_view bytes) {
  const auto marked = [](const char* name, std::size_t n_mark) {
    return Encoding{name, EncodingSource::kMark, n_mark};
  };
  using std::string_view_literals::operator""sv;
  if (bytes.starts_with("\xEF\xBB\xBF"sv)) return marked("UTF-8", 3);
  // FF FE 00 00 could be UTF-16 that begins with a NUL; text does not.
  if (bytes.starts_with("\xFF\xFE\0\0"sv)) return marked("UTF-32LE", 4);
  if (bytes.starts_with("\0\0\xFE\xFF"sv)) return marked("UTF-32BE", 4);
  if (bytes.starts_with("\xFF\xFE"sv)) return marked("UTF-16LE", 2);
  if (bytes.starts_with("\xFE\xFF"sv)) return marked("UTF-16BE", 2);
  return std::nullopt;
}

// ISO-2022 switches character sets by escape sequences and has no byte beyond ASCII.
std::optional<Encoding> escapedEncoding(std::string_view bytes) {
  if (bytes.find('\x1B') == std::string_view::npos) return std::nullopt;
  const auto has = [&](std::initializer_list<std::string_view> sequences) {
    return std::any_of(sequences.begin(), sequences.end(), [&](std::string_view sequence) {
      return bytes.find(sequence) != std::string_view::npos;
    });
  };
  const char* name = has({"\x1B$B", "\x1B$@", "\x1B(J"}) ? "ISO-2022-JP-2"
                     : has({"\x1B$)C"})                  ? "ISO-2022-KR"
                     : has({"\x1B$)A", "\x1B$)G"})       ? "ISO-2022-CN"
                                                         : nullptr;
  if (!name) return std::nullopt;
  auto converter = CharConverter::open(name);
  if (!converter) return std::nullopt;
  std::string text;
  converter->append(bytes, text);
  if (converter->replaced() > 0) return std::nullopt;
  return Encoding{name, EncodingSource::kMark, 0};
}

// ED A0..AF xx ED B0..BF xx: a character beyond the basic plane written as two surrogates (CESU-8).
std::optional<char32_t> surrogatePair(std::string_view bytes) {
  if (bytes.size() < 6) return std::nullopt;
  const auto half = [&](std::size_t at, std::uint32_t low) {
    return byteAt(bytes, at) == 0xED && (byteAt(bytes, at + 1) & 0xF0) == low &&
           (byteAt(bytes, at + 2) & 0xC0) == 0x80;
  };
  if (!half(0, 0xA0) || !half(3, 0xB0)) return std::nullopt;
  const auto bits = [&](std::size_t at) {
    return (byteAt(bytes, at + 1) & 0x0F) << 6 | (byteAt(bytes, at + 2) & 0x3F);
  };
  return 0x10000 + (bits(0) << 10) + bits(3);
}

enum class Utf8Verdict { kValid, kDamaged, kOther };

Utf8Verdict judgeUtf8(std::string_view bytes, Extent extent) {
  std::size_t n_characters = 0, n_bad = 0;  // beyond ASCII
  bool cut_inside = false;
  while (!bytes.empty()) {
    const Utf8Step step = nextUtf8(bytes);
    std::size_t n_bytes = step.n_bytes;
    if (step.character) {
      n_characters += n_bytes > 1;
    } else if (step.cut) {
      cut_inside = n_bytes > 1;
      if (extent == Extent::kHead) break;
      ++n_bad;
    } else {
      ++n_bad;
      if (surrogatePair(bytes)) {
        n_bytes = 6;
        n_characters += 4;
      }
    }
    bytes.remove_prefix(n_bytes);
  }
  if (n_bad == 0) return Utf8Verdict::kValid;
  // In other encodings, bytes that happen to be UTF-8 are few among many that are not.
  if (n_characters >= 4 * n_bad || (n_bad == 1 && cut_inside)) return Utf8Verdict::kDamaged;
  return Utf8Verdict::kOther;
}

class Decoder {
 public:
  explicit Decoder(std::stop_token stop) : stop_(stop) {}

  base::Status utf8(std::string_view bytes) {
    out_.text.reserve(bytes.size());
    for (std::size_t n_done = 0; !bytes.empty();) {
      const Utf8Step step = nextUtf8(bytes);
      std::size_t n_bytes = step.n_bytes;
      if (step.character) {
        add(*step.character);
      } else if (const auto pair = surrogatePair(bytes)) {
        add(*pair);
        ++out_.n_joined;
        n_bytes = 6;
      } else {
        addReplacement();
      }
      bytes.remove_prefix(n_bytes);
      n_done += n_bytes;
      if (n_done < kStepBytes) continue;
      n_done = 0;
      TRY(goOn());
    }
    return {};
  }

  base::Status units(std::string_view bytes, const UnitForm& form) {
    out_.text.reserve(bytes.size());
    std::size_t at = 0;
    for (std::size_t n_steps = 1; at + form.n_bytes <= bytes.size(); ++n_steps) {
      const UnitStep step = nextInUnits(bytes, at, form);
      if (step.valid) add(step.character);
      else addReplacement();
      at += step.n_bytes;
      if (n_steps % kStepBytes == 0) TRY(goOn());
    }
    if (at < bytes.size()) addReplacement();
    return {};
  }

  base::Status codePage(std::string_view bytes, const std::string& name) {
    auto converter = CharConverter::open(name);
    if (!converter)
      return failure(ErrorCode::kUnsupported, "this system cannot convert " + name);
    std::string text;
    while (!bytes.empty()) {
      const std::string_view step = bytes.substr(0, kStepBytes);
      const std::size_t n_taken = converter->append(step, text);
      if (n_taken == 0 || (n_taken < step.size() && step.size() == bytes.size())) {
        bytes.remove_prefix(bytes.size());  // a character that the end cuts
        text += "\xEF\xBF\xBD";
        ++out_.n_replaced;
      } else {
        bytes.remove_prefix(n_taken);
      }
      TRY(goOn());
    }
    converter->finish(text);
    out_.n_replaced += converter->replaced();
    const std::int64_t n_before = out_.n_replaced;
    TRY(utf8(text));  // counts and replaces NULs; iconv writes nothing but UTF-8
    if (out_.n_replaced != n_before)
      return failure(ErrorCode::kInternal, "iconv wrote no UTF-8 for " + name);
    return {};
  }

  DecodedText take() { return std::move(out_); }

 private:
  void add(char32_t c) {
    if (c == 0) {
      ++out_.n_nul;
      c = kReplacement;
    }
    if (c < 0x80) out_.text += static_cast<char>(c);
    else appendUtf8(out_.text, c);
  }
  void addReplacement() {
    ++out_.n_replaced;
    appendUtf8(out_.text, kReplacement);
  }
  base::Status goOn() const {
    if (stop_.stop_requested()) return failure(ErrorCode::kCancelled, "reading stopped");
    return {};
  }

  const std::stop_token stop_;
  DecodedText out_;
};

}  // namespace

std::optional<Encoding> detectEncoding(std::string_view bytes, Extent extent) {
  if (bytes.empty()) return Encoding{"UTF-8", EncodingSource::kCertain, 0};
  if (auto marked = markedEncoding(bytes)) return marked;

  if (bytes.substr(0, kNulProbeBytes).find('\0') != std::string_view::npos) {
    const bool whole = extent == Extent::kWhole;
    for (const UnitForm* form : kUnitForms) {
      if (whole && bytes.size() % form->n_bytes != 0) continue;
      if (explains(*form, bytes.substr(0, kPatternBytesMax)))
        return Encoding{form->name, EncodingSource::kPattern, 0};
    }
    return std::nullopt;
  }

  const auto n_controls = static_cast<std::size_t>(
      std::count_if(bytes.begin(), bytes.end(), [](char c) {
        return isControl(static_cast<std::uint8_t>(c));
      }));
  if (auto escaped = escapedEncoding(bytes)) return escaped;  // shifts are control characters
  if (n_controls * 10 > bytes.size()) return std::nullopt;

  const Utf8Verdict verdict = judgeUtf8(bytes, extent);
  if (verdict != Utf8Verdict::kOther) return Encoding{"UTF-8", EncodingSource::kCertain, 0};
  // Compressed or encrypted data has a control character in every ten bytes, text has none.
  if (n_controls * 50 > bytes.size()) return std::nullopt;
  if (extent == Extent::kHead) return Encoding{"", EncodingSource::kGuess, 0};
  return Encoding{guessLegacyEncoding(bytes), EncodingSource::kGuess, 0};
}

base::Result<DecodedText> decodeText(std::string_view bytes, const Encoding& encoding,
                                     std::stop_token stop) {
  bytes.remove_prefix(encoding.n_mark);
  Decoder decoder(stop);
  if (encoding.name == "UTF-8") TRY(decoder.utf8(bytes));
  else if (const UnitForm* form = unitForm(encoding.name)) TRY(decoder.units(bytes, *form));
  else TRY(decoder.codePage(bytes, encoding.name));
  return decoder.take();
}

}  // namespace ingest
