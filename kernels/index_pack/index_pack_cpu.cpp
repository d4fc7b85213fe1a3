#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/index_pack/index_pack_cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/dtypes.h"
#include "kernels/formats-inl.h"
#include "kernels/index_pack/index_pack.h"

HWY_BEFORE_NAMESPACE();
namespace kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;

// One round of the transform, on vectors of at most kWidth lanes.
template <std::size_t kWidth>
void butterflies(float* x, std::int64_t n, std::int64_t width) {
  const hn::CappedTag<float, kWidth> d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t i = 0; i < n; i += 2 * width)
    for (std::int64_t j = i; j < i + width; j += lanes) {
      const auto a = hn::LoadU(d, x + j), b = hn::LoadU(d, x + j + width);
      hn::StoreU(hn::Add(a, b), d, x + j);
      hn::StoreU(hn::Sub(a, b), d, x + j + width);
    }
}

// Each lane as floatToE2m1 gives it; NaN becomes the largest code.
hn::Vec<hn::RebindToSigned<D>> e2m1Codes(V value) {
  const D d;
  const hn::RebindToSigned<D> i32;
  const V magnitude = hn::Abs(value);
  // Bit 3 is the sign; each bound passed counts one.
  auto code = hn::And(hn::ShiftRight<28>(hn::BitCast(i32, value)), hn::Set(i32, 8));
  const auto count = [&](auto below) {
    const auto passed = hn::VecFromMask(i32, hn::RebindMask(i32, hn::Not(below)));
    code = hn::Sub(code, passed);
  };
  for (const float tie_below : {0.25f, 1.25f, 2.5f, 5.0f})
    count(hn::Le(magnitude, hn::Set(d, tie_below)));
  for (const float tie_above : {0.75f, 1.75f, 3.5f})
    count(hn::Lt(magnitude, hn::Set(d, tie_above)));
  return code;
}

// 16 bytes of codes of 32 values; returns their scale.
std::uint8_t packFp4Group(const float* x, std::uint8_t* out) {
  const D d;
  const hn::Rebind<std::uint8_t, D> u8;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V largest = hn::Zero(d);
  for (std::int64_t i = 0; i < 32; i += lanes)
    largest = hn::Max(hn::Abs(hn::LoadU(d, x + i)), largest);
  const float amax = std::max(hn::GetLane(hn::MaxOfLanes(d, largest)), 6.0f * 0x1p-126f);
  const std::uint8_t scale = powerOfTwoScale(amax, 1.0f / 6.0f);
  const V inverse = hn::Set(d, std::ldexp(1.0f, 127 - static_cast<int>(scale)));
  std::uint8_t codes[32];
  for (std::int64_t i = 0; i < 32; i += lanes)
    hn::StoreU(hn::DemoteTo(u8, e2m1Codes(hn::Mul(hn::LoadU(d, x + i), inverse))), u8, codes + i);
  for (int i = 0; i < 16; ++i)
    out[i] = static_cast<std::uint8_t>(codes[2 * i] | codes[2 * i + 1] << 4);
  return scale;
}

void packRotatedRow(const IndexRowFormat& format, const float* row, std::uint8_t* out) {
  const D d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d)), n = format.dim;
  float x[512];
  std::memcpy(x, row, static_cast<std::size_t>(n) * 4);
  butterflies<1>(x, n, 1);
  butterflies<2>(x, n, 2);
  butterflies<4>(x, n, 4);
  butterflies<8>(x, n, 8);
  for (std::int64_t width = 16; width < n; width *= 2) butterflies<16>(x, n, width);
  const V scale = hn::Set(d, static_cast<float>(1.0 / std::sqrt(static_cast<double>(n))));
  for (std::int64_t i = 0; i < n; i += lanes)
    hn::StoreU(roundedLanes(d, hn::Mul(hn::LoadU(d, x + i), scale)), d, x + i);
  for (std::int64_t g = 0; g < n / 32; ++g) out[n / 2 + g] = packFp4Group(x + g * 32, out + g * 16);
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kernels {
HWY_EXPORT(packRotatedRow);

void packIndexRow(const IndexRowFormat& format, const float* row, std::byte* out) {
  if (format.packing == RowPacking::kFloat)
    std::memcpy(out, row, static_cast<std::size_t>(format.dim) * 4);
  else
    HWY_DYNAMIC_DISPATCH(packRotatedRow)(format, row, reinterpret_cast<std::uint8_t*>(out));
}

}  // namespace kernels
#endif
