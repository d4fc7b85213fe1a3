// poppler_text.h: Poppler's strings to ours.
#pragma once

#include <string>
#include <string_view>

class GooString;

namespace ingest {

// A text string of a PDF: UTF-16 or the format's own encoding.
std::u32string textOf(const GooString* text);

// Without what is not clean (clean_text.h), line ends as blanks, cut to `bytes_max`.
std::string cleanUtf8(std::u32string_view text, std::size_t bytes_max);

}  // namespace ingest
