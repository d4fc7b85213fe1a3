// bpe.h: byte pair merging: of all neighbouring pairs that have a merge, the lowest rank first,
// the leftmost on ties, until none has.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "engine/base/ids.h"

namespace engine {

using base::TokenId;

struct Merge {
  std::uint32_t rank = std::numeric_limits<std::uint32_t>::max();  // this: no merge
  TokenId result = -1;
  bool exists() const { return result >= 0; }
};

// (left, right) → merge. Open addressing, at most half full.
class MergeTable {
 public:
  explicit MergeTable(std::size_t n_merges);
  // False when the pair is there already.
  bool add(TokenId left, TokenId right, Merge merge);
  Merge find(TokenId left, TokenId right) const;

 private:
  struct Entry {
    TokenId left = -1, right = -1;
    Merge merge;
  };
  std::size_t slot(TokenId left, TokenId right) const;

  std::vector<Entry> entries_;
  std::size_t mask_;
};

// What one thread needs while merging: buffers, and the pieces it met lately. A word costs one
// look-up the second time.
class BpeScratch {
 public:
  BpeScratch();

 private:
  friend class Bpe;
  static constexpr std::size_t kPieceBytesMax = 30, kPieceTokensMax = 8;
  struct Known {
    std::uint8_t n_bytes = 0, n_tokens = 0;
    std::array<char, kPieceBytesMax> bytes;
    std::array<TokenId, kPieceTokensMax> tokens;
  };
  struct Node {  // of the linked list over a long piece
    TokenId token;
    std::int64_t previous, next;
  };
  std::vector<Known> known_;
  std::vector<Node> nodes_;
  std::vector<std::uint64_t> heap_;
};

class Bpe {
 public:
  Bpe(const std::array<TokenId, 256>& byte_tokens, MergeTable merges)
      : byte_tokens_(byte_tokens), merges_(std::move(merges)) {}

  // Appends the tokens of one piece. Time n log n for any piece.
  void encode(std::string_view piece, BpeScratch& scratch, std::vector<TokenId>& ids) const;

 private:
  void encodeShort(std::string_view piece, std::vector<TokenId>& ids) const;
  void encodeLong(std::string_view piece, BpeScratch& scratch, std::vector<TokenId>& ids) const;

  std::array<TokenId, 256> byte_tokens_;
  MergeTable merges_;
};

}  // namespace engine
