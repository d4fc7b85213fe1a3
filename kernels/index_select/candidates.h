// candidates.h: the best keys of one query so far, while keys pass in the order of their indices.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

namespace kernels {

// Keys that are scored, and offered as candidates, at once.
inline constexpr std::int64_t kTileKeys = 64;

// Grows until it is full and is then cut down to the k best. From that moment a key needs a score
// above `threshold`: an equal one has a higher index than the k that are there. Always in the order
// of the indices; scores are no NaN.
struct Candidates {
  float threshold = std::numeric_limits<float>::quiet_NaN();  // NaN: every key is taken
  std::int64_t count = 0, capacity = 0;
  float* scores = nullptr;          // [capacity and a vector]
  std::int32_t* indices = nullptr;  // [capacity and a vector]
};

// Candidates of n queries with their memory; room for twice k and two tiles.
class CandidateLists {
 public:
  CandidateLists(std::int64_t n, std::int64_t k);
  Candidates& operator[](std::int64_t query) { return lists_[static_cast<std::size_t>(query)]; }
  Candidates* data() { return lists_.data(); }

 private:
  std::unique_ptr<float[]> scores_;
  std::unique_ptr<std::int32_t[]> indices_;
  std::vector<Candidates> lists_;  // [n]
};

// The number that orders like the score; −0 and +0 are the same.
inline std::int32_t orderOf(float score) {
  const auto bits = std::bit_cast<std::int32_t>(score + 0.0f);
  return bits ^ (bits >> 31 & 0x7fffffff);
}

// Descending score, the lowest index first among equals.
void sortBest(Candidates& candidates);

}  // namespace kernels
