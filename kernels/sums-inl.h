// sums-inl.h: sums across the lanes of several vectors at once. Compiled once per target by the
// *_cpu.cpp files.
#if defined(LECTERN_KERNELS_SUMS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LECTERN_KERNELS_SUMS_INL_H
#undef LECTERN_KERNELS_SUMS_INL_H
#else
#define LECTERN_KERNELS_SUMS_INL_H
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace kernels {
namespace HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR
// sums[i] = the one lane of v[i], plus what stands there with `add`.
template <class D>
HWY_INLINE void fourSums(D d, const hwy::HWY_NAMESPACE::Vec<D>* v, float* sums, bool add = false) {
  namespace hn = hwy::HWY_NAMESPACE;
  for (int i = 0; i < 4; ++i)
    hn::StoreU(add ? hn::Add(hn::LoadU(d, sums + i), v[i]) : v[i], d, sums + i);
}
#else
using FourFloats = hwy::HWY_NAMESPACE::FixedTag<float, 4>;

// Halves added until four lanes are left.
template <class D>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<FourFloats> folded([[maybe_unused]] D d,
                                                      hwy::HWY_NAMESPACE::Vec<D> v) {
  namespace hn = hwy::HWY_NAMESPACE;
  if constexpr (hn::MaxLanes(D()) == 4) {
    return v;
  } else {
    const hn::Half<D> half;
    return folded(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
}

// sums[i] = sum of the lanes of v[i], plus what stands there with `add`. First inside blocks of
// four lanes, for all four vectors at once, then halves to halves.
template <class D>
HWY_INLINE void fourSums(D d, const hwy::HWY_NAMESPACE::Vec<D>* v, float* sums, bool add = false) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RepartitionToWide<D> d64;
  const auto ab = hn::Add(hn::InterleaveLower(d, v[0], v[1]), hn::InterleaveUpper(d, v[0], v[1]));
  const auto ce = hn::Add(hn::InterleaveLower(d, v[2], v[3]), hn::InterleaveUpper(d, v[2], v[3]));
  const auto low = hn::InterleaveLower(d64, hn::BitCast(d64, ab), hn::BitCast(d64, ce));
  const auto high = hn::InterleaveUpper(d64, hn::BitCast(d64, ab), hn::BitCast(d64, ce));
  const auto total = folded(d, hn::Add(hn::BitCast(d, low), hn::BitCast(d, high)));
  const FourFloats d4;
  hn::StoreU(add ? hn::Add(hn::LoadU(d4, sums), total) : total, d4, sums);
}
#endif

}  // namespace HWY_NAMESPACE
}  // namespace kernels
HWY_AFTER_NAMESPACE();

#endif  // per target
