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
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/index_select/candidates.h"

HWY_BEFORE_NAMESPACE();
namespace kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;
using I32 = hn::RebindToSigned<D>;

// Takes the better ones of the keys first, first + 1, ... of which n_valid exist. There is room.
HWY_INLINE void offer(V scores, std::int64_t first, std::int64_t n_valid, Candidates& best) {
  const D d;
  const I32 i32;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t n = std::clamp<std::int64_t>(n_valid, 0, lanes);
  const auto worse = hn::Le(scores, hn::Set(d, best.threshold));
  const auto better = hn::AndNot(worse, hn::FirstN(d, static_cast<std::size_t>(n)));
  const auto indices = hn::Add(hn::Set(i32, static_cast<std::int32_t>(first)), hn::Iota(i32, 0));
  hn::StoreU(hn::Compress(scores, better), d, best.scores + best.count);
  hn::StoreU(hn::Compress(indices, hn::RebindMask(i32, better)), i32, best.indices + best.count);
  best.count += static_cast<std::int64_t>(hn::CountTrue(d, better));
}

// Numbers that order as orderOf() has it, in whole vectors; the places behind the last candidate
// hold the lowest number there is.
struct Orders {
  std::vector<std::int32_t> values;
  std::int64_t lowest = 0, highest = 0;  // of the candidates

  void set(const Candidates& of) {
    const D d;
    const I32 i32;
    const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(i32));
    const auto none = hn::Set(i32, std::numeric_limits<std::int32_t>::min());
    auto least = hn::Set(i32, std::numeric_limits<std::int32_t>::max()), most = none;
    values.resize(static_cast<std::size_t>((of.count + lanes - 1) / lanes * lanes));
    for (std::int64_t i = 0; i < of.count; i += lanes) {
      const auto exists = hn::FirstN(i32, static_cast<std::size_t>(std::min(lanes, of.count - i)));
      const auto bits = hn::BitCast(i32, hn::Add(hn::LoadU(d, of.scores + i), hn::Zero(d)));
      const auto negative = hn::And(hn::ShiftRight<31>(bits), hn::Set(i32, 0x7fffffff));
      const auto order = hn::IfThenElse(exists, hn::Xor(bits, negative), none);
      least = hn::IfThenElse(exists, hn::Min(least, order), least);
      most = hn::Max(most, order);
      hn::StoreU(order, i32, values.data() + i);
    }
    lowest = hn::GetLane(hn::MinOfLanes(i32, least));
    highest = hn::GetLane(hn::MaxOfLanes(i32, most));
  }

  std::int64_t countFrom(std::int64_t bound) const {
    const I32 i32;
    const auto below = hn::Set(i32, static_cast<std::int32_t>(bound - 1));
    std::size_t count = 0;
    for (std::size_t i = 0; i < values.size(); i += hn::Lanes(i32))
      count += hn::CountTrue(i32, hn::Gt(hn::LoadU(i32, values.data() + i), below));
    return static_cast<std::int64_t>(count);
  }
};

// The mask without all but its first n lanes.
HWY_INLINE hn::Mask<I32> firstOf(hn::Mask<I32> mask, std::int64_t n) {
  const I32 i32;
  std::uint64_t bits = 0, rest = 0;
  std::uint8_t bytes[8] = {};
  hn::StoreMaskBits(i32, mask, bytes);
  std::memcpy(&bits, bytes, sizeof bits);
  for (rest = bits; n > 0; --n) rest &= rest - 1;
  bits &= ~rest;
  std::memcpy(bytes, &bits, sizeof bits);
  return hn::LoadMaskBits(i32, bytes);
}

// Leaves the k best and sets the threshold; nothing when there are at most k.
inline void keepBest(Candidates& best, std::int64_t k) {
  if (best.count <= k) return;
  const D d;
  const I32 i32;
  thread_local Orders orders;
  orders.set(best);
  // k or more are at least `cut`, fewer are at least `above`.
  std::int64_t cut = orders.lowest, above = orders.highest + 1, n_cut = best.count, n_above = 0;
  while (n_cut > k && above - cut > 1) {
    const std::int64_t middle = cut + (above - cut) / 2, count = orders.countFrom(middle);
    (count >= k ? cut : above) = middle;
    (count >= k ? n_cut : n_above) = count;
  }
  // When more than k are left, they equal the cut and too many do: the first ones stay.
  std::int64_t n_missing = k - n_above, n_kept = 0;
  const auto last = hn::Set(i32, static_cast<std::int32_t>(above - 1));
  const auto before = hn::Set(i32, static_cast<std::int32_t>(cut - 1));
  V least = hn::Set(d, std::numeric_limits<float>::infinity());
  for (std::int64_t i = 0; i < best.count; i += static_cast<std::int64_t>(hn::Lanes(i32))) {
    const auto order = hn::LoadU(i32, orders.values.data() + i);
    const auto greater = hn::Gt(order, last);
    auto equal = hn::AndNot(greater, hn::Gt(order, before));
    const auto n_equal = static_cast<std::int64_t>(hn::CountTrue(i32, equal));
    if (n_equal > n_missing) equal = firstOf(equal, n_missing);
    n_missing -= std::min(n_equal, n_missing);
    const auto kept = hn::Or(greater, equal);
    const auto scores = hn::LoadU(d, best.scores + i);
    const auto indices = hn::LoadU(i32, best.indices + i);
    least = hn::Min(least, hn::IfThenElse(hn::RebindMask(d, kept), scores, least));
    hn::StoreU(hn::Compress(scores, hn::RebindMask(d, kept)), d, best.scores + n_kept);
    hn::StoreU(hn::Compress(indices, kept), i32, best.indices + n_kept);
    n_kept += static_cast<std::int64_t>(hn::CountTrue(i32, kept));
  }
  best.count = k;
  best.threshold = hn::GetLane(hn::MinOfLanes(d, least));
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
