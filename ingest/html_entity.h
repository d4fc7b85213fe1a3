// html_entity.h: "&amp;" and "&#x2014;" to characters.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ingest {

// `text` begins with '&'. Appends what it stands for and returns how many bytes it took; an ampersand
// that begins nothing known is itself.
std::size_t appendEntity(std::string_view text, std::string& into);

}  // namespace ingest
