// secret_formats.h: how the tokens of known services are spelled.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace ingest {

enum class Alphabet {
  kHex,           // 0-9 a-f, either case
  kAlphanumeric,
  kUrlSafe,       // and - _
  kUrlSafeDots,   // and .
  kBase64,        // and + / =
  kUpperBase32,   // A-Z 2-7
  kUpper,         // A-Z 0-9
  kPath,          // alphanumeric and / - _
};

bool isIn(Alphabet alphabet, char c);

// A token is the prefix, then n_min to n_max characters of the alphabet, then none of them.
struct TokenFormat {
  std::string_view prefix;
  std::string_view kind;
  Alphabet alphabet;
  std::size_t n_min, n_max;
};

std::span<const TokenFormat> tokenFormats();

}  // namespace ingest
