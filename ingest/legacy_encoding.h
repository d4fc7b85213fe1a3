// legacy_encoding.h: which code page text is in that is neither UTF-8 nor UTF-16: a guess.
#pragma once

#include <string>
#include <string_view>

namespace ingest {

// The most likely encoding as iconv calls it; never empty. Windows-1252 where nothing speaks for
// another one: every byte has a meaning there.
std::string guessLegacyEncoding(std::string_view bytes);

}  // namespace ingest
