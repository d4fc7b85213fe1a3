// clean_text.h: which characters of a foreign document may reach a context, a screen or a log.
#pragma once

#include <string>
#include <string_view>

namespace ingest {

// What a page's text may contain: valid UTF-8 of characters that are shown or separate others.
// Controls, noncharacters, and the invisible ones that reorder or smuggle text (bidi controls,
// zero-width characters, Unicode tags) are not among them.
bool isCleanCharacter(char32_t character);

// Valid UTF-8, clean characters, and of the controls only line feed and tab.
bool isCleanText(std::string_view text);

// Appends `character` as UTF-8. It must be a Unicode scalar value.
void appendUtf8(std::string& text, char32_t character);

}  // namespace ingest
