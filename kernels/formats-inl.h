// formats-inl.h: conversions of dtypes.h on vectors, lane by lane the same results. Compiled once
// per target by the *_cpu.cpp files.
#if defined(LECTERN_KERNELS_FORMATS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LECTERN_KERNELS_FORMATS_INL_H
#undef LECTERN_KERNELS_FORMATS_INL_H
#else
#define LECTERN_KERNELS_FORMATS_INL_H
#endif

#include <hwy/highway.h>

#include "kernels/dtypes.h"

HWY_BEFORE_NAMESPACE();
namespace kernels {
namespace HWY_NAMESPACE {

// Twice the value of every e2m1 code: a table for TableLookupBytes.
HWY_ALIGN constexpr std::int8_t kTwiceE2m1[16] = {0, 1,  2,  3,  4,  6,  8,  12,
                                                  0, -1, -2, -3, -4, -6, -8, -12};

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

// Half precision codes, as f16ToFloat gives them.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V f16Lanes(D d, const std::uint16_t* codes) {
  namespace hn = hwy::HWY_NAMESPACE;
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  const hn::Rebind<hwy::float16_t, D> half;
  return hn::PromoteTo(d, hn::LoadU(half, reinterpret_cast<const hwy::float16_t*>(codes)));
#else
  const hn::RebindToUnsigned<D> u;
  const hn::Rebind<std::uint16_t, D> u16;
  const auto code = hn::PromoteTo(u, hn::LoadU(u16, codes));
  const auto rest = hn::ShiftLeft<13>(hn::And(code, hn::Set(u, 0x7fffu)));
  const auto sign = hn::ShiftLeft<16>(hn::And(code, hn::Set(u, 0x8000u)));
  const V finite = hn::Mul(hn::BitCast(d, hn::Or(sign, rest)), hn::Set(d, 0x1p112f));
  const auto infinity = hn::Set(u, 0x7f800000u), code_infinity = hn::Set(u, 0x7c00u << 13);
  const auto quiet = hn::IfThenElseZero(hn::Gt(rest, code_infinity), hn::Set(u, 0x400000u));
  const V special = hn::BitCast(d, hn::Or(hn::Or(sign, rest), hn::Or(infinity, quiet)));
  return hn::IfThenElse(hn::RebindMask(d, hn::Lt(rest, code_infinity)), finite, special);
#endif
}

// e4m3 codes, one per lane, as e4m3ToFloat gives them.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V e4m3Lanes(D d, hwy::HWY_NAMESPACE::Vec<hwy::HWY_NAMESPACE::RebindToUnsigned<D>> code) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RebindToUnsigned<D> u;
  const auto rest = hn::And(code, hn::Set(u, 0x7fu));
  const auto sign = hn::ShiftLeft<24>(hn::AndNot(hn::Set(u, 0x7fu), code));
  const V value = hn::Mul(hn::BitCast(d, hn::Or(sign, hn::ShiftLeft<20>(rest))),
                          hn::Set(d, 0x1p120f));
  return hn::IfThenElse(hn::RebindMask(d, hn::Eq(rest, hn::Set(u, 0x7fu))), hn::NaN(d), value);
}

// The nearest e4m3 value, |value| at most 448 afterwards; the sign of a zero stays.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V nearestE4m3(D d, V value) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RebindToUnsigned<D> u;
  const V magnitude = hn::Min(hn::Abs(value), hn::Set(d, 448.0f));
  const auto bits = hn::BitCast(u, magnitude);
  const auto even = hn::And(hn::ShiftRight<20>(bits), hn::Set(u, 1u));
  const auto sum = hn::Add(hn::Add(bits, hn::Set(u, 0x7ffffu)), even);
  const V normal = hn::BitCast(d, hn::And(sum, hn::Set(u, 0xfff00000u)));
  // Below 2^-6 the steps are 2^-9: those of a float32 at 2^14.
  const V magic = hn::Set(d, 0x1.8p14f);
  const V small = hn::Sub(hn::Add(magnitude, magic), magic);
  const V nearest = hn::IfThenElse(hn::Lt(magnitude, hn::Set(d, 0x1p-6f)), small, normal);
  return hn::IfThenElse(hn::IsNaN(value), value, hn::CopySignToAbs(nearest, value));
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
HWY_AFTER_NAMESPACE();

#endif  // per target
