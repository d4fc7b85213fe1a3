#include "kernels/index_select/candidates.h"

#include <array>
#include <utility>

namespace kernels {

CandidateLists::CandidateLists(std::int64_t n, std::int64_t k) {
  constexpr std::int64_t kWidestVector = 16;
  const std::int64_t capacity = 2 * k + 2 * kTileKeys, stride = capacity + kWidestVector;
  scores_ = std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(n * stride));
  indices_ = std::make_unique_for_overwrite<std::int32_t[]>(static_cast<std::size_t>(n * stride));
  for (std::int64_t i = 0; i < n; ++i) {
    Candidates candidates;
    candidates.capacity = capacity;
    candidates.scores = scores_.get() + i * stride;
    candidates.indices = indices_.get() + i * stride;
    lists_.push_back(candidates);
  }
}

// By radix, byte after byte from the lowest; equal scores keep the order of their indices. Bytes
// that all scores share, such as the lower half of bf16 values, need no round.
void sortBest(Candidates& candidates) {
  struct Entry {
    std::uint32_t key;  // smaller is better
    float score;
    std::int32_t index;
  };
  thread_local std::vector<Entry> from, to;
  thread_local std::array<std::array<std::uint32_t, 256>, 4> counts;
  const auto n = static_cast<std::size_t>(candidates.count);
  from.resize(n);
  to.resize(n);
  for (auto& count : counts) count.fill(0);
  for (std::size_t i = 0; i < n; ++i) {
    const float score = candidates.scores[i];
    const std::uint32_t key = ~static_cast<std::uint32_t>(orderOf(score)) ^ 0x80000000u;
    from[i] = {key, score, candidates.indices[i]};
    for (int byte = 0; byte < 4; ++byte) ++counts[byte][key >> 8 * byte & 255];
  }
  for (int byte = 0; byte < 4 && n > 0; ++byte) {
    auto& count = counts[byte];
    if (count[from[0].key >> 8 * byte & 255] == n) continue;
    std::uint32_t begin = 0;
    for (std::uint32_t& entry : count) begin += std::exchange(entry, begin);
    for (const Entry& entry : from) to[count[entry.key >> 8 * byte & 255]++] = entry;
    from.swap(to);
  }
  for (std::size_t i = 0; i < n; ++i) {
    candidates.scores[i] = from[i].score;
    candidates.indices[i] = from[i].index;
  }
}

}  // namespace kernels
