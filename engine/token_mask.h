// token_mask.h: a set of vocabulary ids, one bit each: 16 KB for the published vocabulary, so
// that intersecting it with the logits of a step costs microseconds.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "engine/base/ids.h"

namespace engine {

using base::TokenId;

class TokenMask {
 public:
  explicit TokenMask(int vocab_size = 0)
      : vocab_size_(vocab_size), words_((static_cast<std::size_t>(vocab_size) + 63) / 64) {}

  void allow(TokenId id) { words_[word(id)] |= bit(id); }
  void forbid(TokenId id) { words_[word(id)] &= ~bit(id); }
  bool allows(TokenId id) const {
    return id >= 0 && id < vocab_size_ && (words_[word(id)] & bit(id)) != 0;
  }
  void clear() { words_.assign(words_.size(), 0); }
  int vocabSize() const { return vocab_size_; }
  int count() const {
    int n = 0;
    for (const std::uint64_t word : words_) n += std::popcount(word);
    return n;
  }

  // Calls visit(id) for every allowed id, lowest first.
  template <class Visit>
  void forEach(Visit visit) const {
    for (std::size_t i = 0; i < words_.size(); ++i)
      for (std::uint64_t rest = words_[i]; rest != 0; rest &= rest - 1)
        visit(static_cast<TokenId>(i * 64 + static_cast<std::size_t>(std::countr_zero(rest))));
  }

 private:
  static std::size_t word(TokenId id) { return static_cast<std::size_t>(id) / 64; }
  static std::uint64_t bit(TokenId id) { return std::uint64_t{1} << (id % 64); }

  int vocab_size_;
  std::vector<std::uint64_t> words_;
};

}  // namespace engine
