// encoding.h: bytes of unknown origin: text or not, in which encoding, and as UTF-8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace ingest {

enum class EncodingSource {
  kCertain,   // valid UTF-8, which other encodings practically never are by accident
  kMark,      // byte order mark or escape sequences
  kPattern,   // the places of the NULs of UTF-16 and UTF-32
  kGuess,     // statistics
};

struct Encoding {
  std::string name;          // as iconv calls it
  EncodingSource source = EncodingSource::kCertain;
  std::size_t n_mark = 0;    // bytes of the byte order mark
};

enum class Extent { kWhole, kHead };  // of a file; a head may end inside a character

// The encoding of a text; nullopt for bytes that are no text: a NUL in the first 8,000 bytes (git's
// rule) that UTF-16 or UTF-32 does not explain, or too many control characters. An empty file is
// text. For a head the name may be empty: text, but the rest decides about the encoding.
std::optional<Encoding> detectEncoding(std::string_view bytes, Extent extent);

struct DecodedText {
  std::string text;              // valid UTF-8 without NULs
  std::int64_t n_replaced = 0;   // places that became U+FFFD
  std::int64_t n_joined = 0;     // pairs of surrogates that UTF-8 must not hold, joined
  std::int64_t n_nul = 0;
};

// kCancelled; kUnsupported if iconv does not know the encoding.
base::Result<DecodedText> decodeText(std::string_view bytes, const Encoding& encoding,
                                     std::stop_token stop);

}  // namespace ingest
