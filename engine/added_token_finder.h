// added_token_finder.h: the first added token in a text, the longest one at that place.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/base/ids.h"

namespace engine {

using base::TokenId;

// A trie over bytes. The published tokenizer searches in two passes; no pair of its tokens can
// overlap so that this changes a result, so one leftmost-longest pass gives the same ids.
class AddedTokenFinder {
 public:
  void add(std::string_view spelling, TokenId id);

  struct Match {
    std::size_t begin = 0, end = 0;
    TokenId id = 0;
  };
  std::optional<Match> find(std::string_view text, std::size_t from) const;
  std::optional<TokenId> exactly(std::string_view spelling) const;

 private:
  struct Node {
    std::vector<std::pair<unsigned char, std::int32_t>> next;
    TokenId id = -1;
  };
  std::int32_t child(std::int32_t node, unsigned char byte) const;  // -1: none

  std::vector<Node> nodes_ = std::vector<Node>(1);
};

}  // namespace engine
