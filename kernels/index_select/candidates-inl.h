// candidates-inl.h: offering keys to Candidates and cutting them down. Compiled once per target by
// index_select_cpu.cpp.
#if defined(LECTERN_KERNELS_CANDIDATES_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LECTERN_KERNELS_CANDIDATES_INL_H
#undef LECTERN_KERNELS_CANDIDATES_INL_H
#else
#define LECTERN_KERNELS_CANDIDATES_INL_H
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <vector>

#include "kernels/index_select/candidates.h"

HWY_BEFORE_NAMESPACE();
namespace kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;

// Takes the better ones of the keys first, first + 1, ... of which n_valid exist. There is room.
template <int kVectors>
HWY_INLINE void offer(const V (&scores)[kVectors], std::int64_t first, std::int64_t n_valid,
                      Candidates& best) {
  const D d;
  const hn::RebindToSigned<D> i32;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const V threshold = hn::Set(d, best.threshold);
  auto all_worse = hn::Le(scores[0], threshold);
  for (int j = 1; j < kVectors; ++j) all_worse = hn::And(all_worse, hn::Le(scores[j], threshold));
  if (hn::AllTrue(d, all_worse)) return;
  for (int j = 0; j < kVectors && j * lanes < n_valid; ++j) {
    auto better = hn::Not(hn::Le(scores[j], threshold));
    if (n_valid < (j + 1) * lanes)
      better = hn::And(better, hn::FirstN(d, static_cast<std::size_t>(n_valid - j * lanes)));
    const auto indices = hn::Iota(i32, static_cast<std::int32_t>(first + j * lanes));
    hn::StoreU(hn::Compress(scores[j], better), d, best.scores + best.count);
    hn::StoreU(hn::Compress(indices, hn::RebindMask(i32, better)), i32, best.indices + best.count);
    best.count += static_cast<std::int64_t>(hn::CountTrue(d, better));
  }
}

// Leaves the k best and sets the threshold; nothing when there are at most k.
inline void keepBest(Candidates& best, std::int64_t k) {
  if (best.count <= k) return;
  const hn::RebindToSigned<D> i32;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(i32));
  const std::int64_t n_whole = (best.count + lanes - 1) / lanes * lanes;
  thread_local std::vector<std::int32_t> orders;
  constexpr std::int64_t kLowest = std::numeric_limits<std::int32_t>::min();
  orders.assign(static_cast<std::size_t>(n_whole), kLowest);
  std::int64_t highest = kLowest, lowest = -kLowest;
  for (std::int64_t i = 0; i < best.count; ++i) {
    orders[i] = orderOf(best.scores[i]);
    highest = std::max<std::int64_t>(highest, orders[i]);
    lowest = std::min<std::int64_t>(lowest, orders[i]);
  }
  // How many are at least `bound`; the places that fill the last vector never are.
  const auto countFrom = [&](std::int64_t bound) {
    const auto below = hn::Set(i32, static_cast<std::int32_t>(bound - 1));
    std::int64_t count = 0;
    for (std::int64_t i = 0; i < n_whole; i += lanes)
      count += hn::CountTrue(i32, hn::Gt(hn::LoadU(i32, orders.data() + i), below));
    return count;
  };
  // k or more are at least `cut`, fewer are at least `above`.
  std::int64_t cut = lowest, above = highest + 1, n_cut = best.count, n_above = 0;
  while (n_cut > k && above - cut > 1) {
    const std::int64_t middle = cut + (above - cut) / 2, count = countFrom(middle);
    (count >= k ? cut : above) = middle;
    (count >= k ? n_cut : n_above) = count;
  }
  // When more than k are left, they equal the cut and too many do: the first ones stay.
  std::int64_t n_missing = k - n_above, n_kept = 0;
  for (std::int64_t i = 0; i < best.count; ++i) {
    const bool greater = orders[i] >= above;
    const bool equal = !greater && orders[i] >= cut && n_missing > 0;
    n_missing -= equal;
    best.scores[n_kept] = best.scores[i];
    best.indices[n_kept] = best.indices[i];
    n_kept += greater || equal;
  }
  best.count = k;
  best.threshold = *std::min_element(best.scores, best.scores + k);
}

// Room for another tile.
HWY_INLINE void makeRoom(Candidates& best, std::int64_t k) {
  if (best.count + kTileKeys > best.capacity) keepBest(best, k);
}

// The best of `later`, whose keys come after those of `best`, are added.
inline void mergeBest(Candidates& best, const Candidates& later, std::int64_t k) {
  std::copy_n(later.scores, later.count, best.scores + best.count);
  std::copy_n(later.indices, later.count, best.indices + best.count);
  best.count += later.count;
  keepBest(best, k);
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
HWY_AFTER_NAMESPACE();

#endif  // per target
