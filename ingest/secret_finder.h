// secret_finder.h: keys, tokens and passwords that should not lie in a context by accident.
//
// Local does not excuse it: answers and exported sessions leave the machine. Files with a find are
// left out, listed, and read only when the user says so. A find is an estimate: formats that
// services document, names of key files, and values that are assigned to names like `password` and
// look random. Knows no files: the caller brings name and text. Any thread may call.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ingest {

struct Secret {
  std::string kind;  // "private_key", "aws_key", "github_token", ...
  int line = 0;      // 1-based; 0: known by the name of the file
};

// `name` without folders. Key stores and files that exist to hold secrets, whatever is in them.
std::optional<Secret> secretByName(std::string_view name);

// The first find of the text. Takes time proportional to it, at about the speed of memory.
std::optional<Secret> findSecret(std::string_view name, std::string_view text);

// One sentence for the receipt: what was found and where, never what it says.
std::string secretSentence(const Secret& secret);

}  // namespace ingest
