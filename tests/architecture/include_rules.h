// include_rules.h: the arrows between rooms, and which room keeps which outside library.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace architecture {

// The room of a source file, from its path below the project: "engine/base", "ingest", "tests".
std::string roomOf(std::string_view path);

// What is wrong with one include of the file `path`; empty when it is allowed. `included` is what
// stands between the quotes or the angle brackets.
std::string offence(std::string_view path, std::string_view included, bool in_brackets);

// Every offence of a file, as "line 12: ...".
std::vector<std::string> offences(std::string_view path, std::string_view text);

}  // namespace architecture
