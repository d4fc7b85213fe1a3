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
// sums[i] = the one lane of v[i].
template <class D>
HWY_INLINE void fourSums(D d, const hwy::HWY_NAMESPACE::Vec<D>* v, float* sums) {
  for (int i = 0; i < 4; ++i) hwy::HWY_NAMESPACE::StoreU(v[i], d, sums + i);
}
#else
using FourFloats = hwy::HWY_NAMESPACE::FixedTag<float, 4>;

// Halves added until four lanes are left.
template <class D>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<FourFloats> folded(D d, hwy::HWY_NAMESPACE::Vec<D> v) {
  namespace hn = hwy::HWY_NAMESPACE;
  if constexpr (hn::MaxLanes(D()) == 4) {
    return v;
  } else {
    const hn::Half<D> half;
    return folded(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
}

// sums[i] = sum of the lanes of v[i], halves added to halves.
template <class D>
HWY_INLINE void fourSums(D d, const hwy::HWY_NAMESPACE::Vec<D>* v, float* sums) {
  namespace hn = hwy::HWY_NAMESPACE;
  const FourFloats d4;
  const auto a = folded(d, v[0]), b = folded(d, v[1]), c = folded(d, v[2]), e = folded(d, v[3]);
  const auto ab = hn::Add(hn::ConcatLowerLower(d4, b, a), hn::ConcatUpperUpper(d4, b, a));
  const auto ce = hn::Add(hn::ConcatLowerLower(d4, e, c), hn::ConcatUpperUpper(d4, e, c));
  hn::StoreU(hn::Add(hn::ConcatEven(d4, ce, ab), hn::ConcatOdd(d4, ce, ab)), d4, sums);
}
#endif

}  // namespace HWY_NAMESPACE
}  // namespace kernels
HWY_AFTER_NAMESPACE();

#endif  // per target
