// shown_path.h: the bytes of a file name as valid UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace ingest {

// Names that are valid UTF-8 stay as they are, whatever they hold (line ends and control characters
// included: whoever prints them decides how). Bytes that are not UTF-8 are written \xNN.
std::string shownPath(std::string_view bytes);

}  // namespace ingest
