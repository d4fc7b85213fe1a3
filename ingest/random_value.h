// random_value.h: whether a value looks drawn by lot, or written as a stand-in.
#pragma once

#include <string_view>

namespace ingest {

// "your-api-key", "xxxxxxxx", "AKIAIOSFODNN7EXAMPLE", "${TOKEN}", "changeme", "1234567890": what
// documentation and templates write where a secret belongs.
bool isPlaceholder(std::string_view value);

// Bits of entropy per character, from the value's own frequencies.
double entropyBits(std::string_view value);

// Not a placeholder and no repetition: enough where the prefix already says what it is.
bool looksDrawn(std::string_view value);
// A machine made it: long enough, of several sorts of characters, next to no repetition.
bool looksRandom(std::string_view value);
// A person may have chosen it as a password: mixed characters, not a word or a placeholder.
bool looksLikePassword(std::string_view value);

}  // namespace ingest
