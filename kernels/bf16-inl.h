// bf16-inl.h: the rounding of dtypes.h on vectors. Compiled once per target by the *_cpu.cpp files.
#if defined(LECTERN_KERNELS_BF16_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LECTERN_KERNELS_BF16_INL_H
#undef LECTERN_KERNELS_BF16_INL_H
#else
#define LECTERN_KERNELS_BF16_INL_H
#endif

#include <hwy/highway.h>

#include "kernels/dtypes.h"

HWY_BEFORE_NAMESPACE();
namespace kernels {
namespace HWY_NAMESPACE {

// Each lane as roundBf16 gives it; NaN stays NaN.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V roundedLanes(D d, V value) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RebindToUnsigned<D> u;
  const auto bits = hn::BitCast(u, value);
  const auto even = hn::And(hn::ShiftRight<16>(bits), hn::Set(u, 1u));
  const auto sum = hn::Add(hn::Add(bits, hn::Set(u, 0x7fffu)), even);
  const V result = hn::BitCast(d, hn::And(sum, hn::Set(u, 0xffff0000u)));
  return hn::IfThenElse(hn::IsNaN(value), value, result);
}

template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V roundedLanes(D d, V value, Rounding rounding) {
  return rounding == Rounding::kBf16 ? roundedLanes(d, value) : value;
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
HWY_AFTER_NAMESPACE();

#endif  // per target
