#include "engine/added_token_finder.h"

namespace engine {

std::int32_t AddedTokenFinder::child(std::int32_t node, unsigned char byte) const {
  for (const auto& [edge, target] : nodes_[static_cast<std::size_t>(node)].next)
    if (edge == byte) return target;
  return -1;
}

void AddedTokenFinder::add(std::string_view spelling, TokenId id) {
  std::int32_t node = 0;
  for (const char c : spelling) {
    const auto byte = static_cast<unsigned char>(c);
    std::int32_t target = child(node, byte);
    if (target < 0) {
      target = static_cast<std::int32_t>(nodes_.size());
      nodes_[static_cast<std::size_t>(node)].next.emplace_back(byte, target);
      nodes_.emplace_back();
    }
    node = target;
  }
  nodes_[static_cast<std::size_t>(node)].id = id;
}

std::optional<AddedTokenFinder::Match> AddedTokenFinder::find(std::string_view text,
                                                              std::size_t from) const {
  for (std::size_t begin = from; begin < text.size(); ++begin) {
    std::optional<Match> longest;
    std::int32_t node = 0;
    for (std::size_t at = begin; at < text.size();) {
      node = child(node, static_cast<unsigned char>(text[at]));
      if (node < 0) break;
      ++at;
      if (const TokenId id = nodes_[static_cast<std::size_t>(node)].id; id >= 0)
        longest = Match{begin, at, id};
    }
    if (longest) return longest;
  }
  return std::nullopt;
}

std::optional<TokenId> AddedTokenFinder::exactly(std::string_view spelling) const {
  std::int32_t node = 0;
  for (const char c : spelling)
    if ((node = child(node, static_cast<unsigned char>(c))) < 0) return std::nullopt;
  const TokenId id = nodes_[static_cast<std::size_t>(node)].id;
  return id < 0 ? std::nullopt : std::optional(id);
}

}  // namespace engine
