// Selection by radix: scores become integers of the same order, and each round keeps the bucket in
// which the k-th best lies. Two passes over the scores, however many there are; the rest works
// on the few that share a bucket.
#include <algorithm>
#include <array>
#include <bit>
#include <vector>

#include "kernels/topk/topk.h"

namespace kernels {
namespace {

struct Candidate {
  std::uint32_t key;  // smaller is better
  std::int32_t index;
};

// Falls with the score; adding +0 makes −0 and +0 the same.
std::uint32_t keyOf(float score) {
  const auto bits = std::bit_cast<std::uint32_t>(score + 0.0f);
  return bits & 0x80000000u ? bits : ~bits & 0x7fffffffu;
}

constexpr std::int64_t kFew = 256;  // sorted as they are
constexpr int kDigitBits = 11;
constexpr std::array<int, 3> kShifts = {21, 10, 0};  // the last digit overlaps the one before

std::uint32_t digitOf(std::uint32_t key, int shift) {
  return key >> shift & ((1u << kDigitBits) - 1);
}

// The digit of the bucket that holds the n_wanted-th smallest; n_wanted becomes its place in it.
template <class Visit>
std::uint32_t bucketOf(Visit forEachKey, int shift, std::int64_t& n_wanted) {
  thread_local std::array<std::uint32_t, 1 << kDigitBits> count;
  count.fill(0);
  forEachKey([&](std::uint32_t key) { ++count[digitOf(key, shift)]; });
  std::uint32_t digit = 0;
  for (; n_wanted > count[digit]; ++digit) n_wanted -= count[digit];
  return digit;
}

// The n_wanted best of n, in no order; 0 < n_wanted < n.
void select(const float* scores, std::int64_t n, std::int64_t n_wanted,
            std::vector<Candidate>& chosen) {
  thread_local std::vector<Candidate> candidates;
  candidates.clear();
  const auto all = [&](auto visit) {
    for (std::int64_t i = 0; i < n; ++i) visit(keyOf(scores[i]));
  };
  const std::uint32_t first_digit = bucketOf(all, kShifts[0], n_wanted);
  for (std::int64_t i = 0; i < n; ++i) {
    const Candidate candidate{keyOf(scores[i]), static_cast<std::int32_t>(i)};
    const std::uint32_t digit = digitOf(candidate.key, kShifts[0]);
    if (digit > first_digit) continue;
    (digit < first_digit ? chosen : candidates).push_back(candidate);
  }
  for (const int shift : {kShifts[1], kShifts[2]}) {
    const auto remaining = [&](auto visit) {
      for (const Candidate& candidate : candidates) visit(candidate.key);
    };
    const std::uint32_t last_digit = bucketOf(remaining, shift, n_wanted);
    std::size_t n_kept = 0;
    for (const Candidate& candidate : candidates) {
      const std::uint32_t digit = digitOf(candidate.key, shift);
      if (digit < last_digit) chosen.push_back(candidate);
      if (digit == last_digit) candidates[n_kept++] = candidate;
    }
    candidates.resize(n_kept);
  }
  // What is left has the same score and is in the order of the indices.
  chosen.insert(chosen.end(), candidates.begin(), candidates.begin() + n_wanted);
}

}  // namespace

void topk(const float* scores, std::int64_t n, std::int64_t k, std::int32_t* indices) {
  thread_local std::vector<Candidate> chosen;
  chosen.clear();
  const std::int64_t n_chosen = std::min(n, k);
  if (n_chosen > 0 && n_chosen < n && n > kFew) {
    select(scores, n, k, chosen);
  } else {
    for (std::int64_t i = 0; i < n; ++i)
      chosen.push_back({keyOf(scores[i]), static_cast<std::int32_t>(i)});
  }
  std::partial_sort(chosen.begin(), chosen.begin() + n_chosen, chosen.end(),
                    [](const Candidate& a, const Candidate& b) {
                      return a.key != b.key ? a.key < b.key : a.index < b.index;
                    });
  for (std::int64_t i = 0; i < n_chosen; ++i)
    indices[i] = chosen[static_cast<std::size_t>(i)].index;
  std::fill(indices + n_chosen, indices + k, -1);
}

void topkCpu(const TopkArgs& args, ThreadPool& pool) {
  pool.parallelFor(args.n, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t)
      topk(args.scores + t * args.scores_stride, args.n_visible[t], args.k,
           args.indices + t * args.k);
  });
}

}  // namespace kernels
