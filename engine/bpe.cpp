#include "engine/bpe.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>

namespace engine {
namespace {

constexpr std::size_t kShortBytesMax = 48;  // up to here a scan for the lowest rank beats a heap
constexpr std::size_t kKnownPieces = std::size_t{1} << 14;
constexpr int kPlaceBits = 40;  // of a heap key: rank above, place in the piece below

std::uint64_t mix(std::uint64_t x) {
  x *= 0x9E3779B97F4A7C15ull;
  return x ^ (x >> 29);
}

std::uint64_t hashPiece(std::string_view piece) {
  std::uint64_t hash = piece.size();
  while (piece.size() >= 8) {
    std::uint64_t word;
    std::memcpy(&word, piece.data(), 8);
    hash = mix(hash ^ word);
    piece.remove_prefix(8);
  }
  std::uint64_t word = 0;
  std::memcpy(&word, piece.data(), piece.size());
  return mix(hash ^ word) >> 20;
}

}  // namespace

MergeTable::MergeTable(std::size_t n_merges)
    : entries_(std::bit_ceil(std::max<std::size_t>(2 * n_merges, 16))),
      mask_(entries_.size() - 1) {}

std::size_t MergeTable::slot(TokenId left, TokenId right) const {
  const std::uint64_t key = static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 |
                            static_cast<std::uint32_t>(right);
  std::size_t at = (mix(key) >> 17) & mask_;
  while (entries_[at].left >= 0 && (entries_[at].left != left || entries_[at].right != right))
    at = (at + 1) & mask_;
  return at;
}

bool MergeTable::add(TokenId left, TokenId right, Merge merge) {
  Entry& entry = entries_[slot(left, right)];
  if (entry.left >= 0) return false;
  entry = {left, right, merge};
  return true;
}

Merge MergeTable::find(TokenId left, TokenId right) const {
  return entries_[slot(left, right)].merge;
}

BpeScratch::BpeScratch() : known_(kKnownPieces) {}

void Bpe::encode(std::string_view piece, BpeScratch& scratch, std::vector<TokenId>& ids) const {
  if (piece.size() == 1) {
    ids.push_back(byte_tokens_[static_cast<std::uint8_t>(piece[0])]);
    return;
  }
  if (piece.size() > kShortBytesMax) return encodeLong(piece, scratch, ids);
  if (piece.size() > BpeScratch::kPieceBytesMax) return encodeShort(piece, ids);

  BpeScratch::Known& known = scratch.known_[hashPiece(piece) % kKnownPieces];
  if (std::string_view(known.bytes.data(), known.n_bytes) == piece) {
    ids.insert(ids.end(), known.tokens.begin(), known.tokens.begin() + known.n_tokens);
    return;
  }
  const std::size_t n_before = ids.size();
  encodeShort(piece, ids);
  const std::size_t n_tokens = ids.size() - n_before;
  if (n_tokens > BpeScratch::kPieceTokensMax) return;
  known.n_bytes = static_cast<std::uint8_t>(piece.size());
  known.n_tokens = static_cast<std::uint8_t>(n_tokens);
  std::copy(piece.begin(), piece.end(), known.bytes.begin());
  std::copy(ids.begin() + static_cast<std::ptrdiff_t>(n_before), ids.end(), known.tokens.begin());
}

void Bpe::encodeShort(std::string_view piece, std::vector<TokenId>& ids) const {
  std::array<TokenId, kShortBytesMax> tokens;
  std::array<Merge, kShortBytesMax> merges;  // of each token with the next
  std::size_t n = piece.size();
  for (std::size_t i = 0; i < n; ++i) tokens[i] = byte_tokens_[static_cast<std::uint8_t>(piece[i])];
  for (std::size_t i = 0; i + 1 < n; ++i) merges[i] = merges_.find(tokens[i], tokens[i + 1]);
  while (n > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < n; ++i)
      if (merges[i].rank < merges[best].rank) best = i;
    if (!merges[best].exists()) break;
    tokens[best] = merges[best].result;
    --n;
    for (std::size_t i = best + 1; i < n; ++i) {
      tokens[i] = tokens[i + 1];
      merges[i - 1] = merges[i];
    }
    if (best > 0) merges[best - 1] = merges_.find(tokens[best - 1], tokens[best]);
    if (best + 1 < n) merges[best] = merges_.find(tokens[best], tokens[best + 1]);
  }
  ids.insert(ids.end(), tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(n));
}

// The pieces of a linked list and a heap of candidate merges. A key whose pair has changed
// meanwhile is recognised by its rank: tokens only grow, so a place never gets an old pair back.
void Bpe::encodeLong(std::string_view piece, BpeScratch& scratch, std::vector<TokenId>& ids) const {
  auto& nodes = scratch.nodes_;
  auto& heap = scratch.heap_;
  const auto n = static_cast<std::int64_t>(piece.size());
  nodes.resize(piece.size());
  heap.clear();
  const auto node = [&](std::int64_t i) -> BpeScratch::Node& {
    return nodes[static_cast<std::size_t>(i)];
  };
  const auto mergeAt = [&](std::int64_t i) {
    if (node(i).token < 0 || node(i).next == n) return Merge();
    return merges_.find(node(i).token, node(node(i).next).token);
  };
  const auto key = [](Merge merge, std::int64_t i) {
    return static_cast<std::uint64_t>(merge.rank) << kPlaceBits | static_cast<std::uint64_t>(i);
  };

  for (std::int64_t i = 0; i < n; ++i)
    node(i) = {byte_tokens_[static_cast<std::uint8_t>(piece[static_cast<std::size_t>(i)])], i - 1,
               i + 1};
  for (std::int64_t i = 0; i < n; ++i)
    if (const Merge merge = mergeAt(i); merge.exists()) heap.push_back(key(merge, i));
  std::make_heap(heap.begin(), heap.end(), std::greater<>());

  const auto push = [&](std::int64_t i) {
    const Merge merge = mergeAt(i);
    if (!merge.exists()) return;
    heap.push_back(key(merge, i));
    std::push_heap(heap.begin(), heap.end(), std::greater<>());
  };
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    const std::uint64_t top = heap.back();
    heap.pop_back();
    const auto i = static_cast<std::int64_t>(top & ((std::uint64_t{1} << kPlaceBits) - 1));
    const Merge merge = mergeAt(i);
    if (!merge.exists() || key(merge, i) != top) continue;
    BpeScratch::Node& right = node(node(i).next);
    node(i) = {merge.result, node(i).previous, right.next};
    right.token = -1;
    if (node(i).next < n) node(node(i).next).previous = i;
    push(i);
    if (node(i).previous >= 0) push(node(i).previous);
  }
  for (std::int64_t i = 0; i < n; i = node(i).next) ids.push_back(node(i).token);
  constexpr std::size_t kKeptMax = std::size_t{1} << 16;  // a freak piece must not stay in memory
  if (nodes.size() > kKeptMax) nodes = {}, heap = {};
}

}  // namespace engine
