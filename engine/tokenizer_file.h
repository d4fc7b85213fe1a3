// tokenizer_file.h: what a tokenizer is made of, and what tokenizer.json says of it, checked: the
// only place that knows the layout of that file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/result.h"

namespace engine {

using base::TokenId;

struct AddedToken {
  TokenId id = 0;
  std::string spelling;  // valid UTF-8, not empty
  bool special = false;
};

struct FileMerge {
  TokenId left = 0, right = 0, result = 0;
};

// Invariant: `bytes` has every id exactly once; each of the 256 bytes has a token; merges are pairs
// of distinct neighbours by rank, none yields an added token.
struct TokenizerFile {
  std::vector<std::string> bytes;  // by id: the bytes of each token
  std::vector<FileMerge> merges;   // lowest rank first
  std::vector<AddedToken> added;
};

// kInvalidInput when the file contradicts itself, kTooLarge beyond 64 MB or a million tokens;
// kUnsupported when it is a tokenizer with other splits, a normaliser or another model.
base::Result<TokenizerFile> parseTokenizerFile(std::string_view json);

}  // namespace engine
