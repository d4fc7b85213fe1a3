#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/kv_pack/kv_pack_cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "kernels/dtypes.h"
#include "kernels/formats-inl.h"
#include "kernels/kv_pack/kv_pack.h"

HWY_BEFORE_NAMESPACE();
namespace kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;

// Each lane as floatToE4m3 gives it.
hn::Vec<hn::RebindToUnsigned<D>> e4m3Codes(V value) {
  const D d;
  const hn::RebindToUnsigned<D> u;
  const hn::RebindToSigned<D> i;
  const V nearest = nearestE4m3(d, value);
  const V magnitude = hn::Abs(nearest);
  const auto normal =
      hn::Sub(hn::ShiftRight<20>(hn::BitCast(u, magnitude)), hn::Set(u, (127u - 7u) << 3));
  // Below 2^-6 a code counts steps of 2^-9; NaN is not converted.
  const auto is_small = hn::Lt(magnitude, hn::Set(d, 0x1p-6f));
  const V steps = hn::IfThenElseZero(is_small, hn::Mul(magnitude, hn::Set(d, 0x1p9f)));
  const auto small = hn::BitCast(u, hn::ConvertTo(i, steps));
  auto code = hn::IfThenElse(hn::RebindMask(u, is_small), small, normal);
  code = hn::IfThenElse(hn::RebindMask(u, hn::IsNaN(value)), hn::Set(u, 0x7fu), code);
  const auto sign = hn::ShiftRight<24>(hn::And(hn::BitCast(u, value), hn::Set(u, 0x80000000u)));
  return hn::Or(code, sign);
}

// Codes of 64 values; returns their scale.
std::uint8_t packGroup(const float* x, std::uint8_t* codes) {
  const D d;
  const hn::Rebind<std::uint8_t, D> u8;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V largest = hn::Zero(d);
  for (std::int64_t i = 0; i < 64; i += lanes)
    largest = hn::Max(hn::Abs(hn::LoadU(d, x + i)), largest);
  const float amax = std::max(hn::GetLane(hn::MaxOfLanes(d, largest)), 1e-4f);
  const std::uint8_t scale = powerOfTwoScale(amax, 1.0f / 448.0f);
  const V inverse = hn::Set(d, std::ldexp(1.0f, 127 - static_cast<int>(scale)));
  for (std::int64_t i = 0; i < 64; i += lanes)
    hn::StoreU(hn::TruncateTo(u8, e4m3Codes(hn::Mul(hn::LoadU(d, x + i), inverse))), u8,
               codes + i);
  return scale;
}

void packRow(const KvRowFormat& format, const float* row, std::uint8_t* out) {
  const D d;
  const hn::RebindToUnsigned<D> u32;
  const hn::Rebind<std::uint16_t, D> u16;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t nope = format.nopeDim();
  std::uint8_t* scales = out + nope + 2 * format.rope_dim;
  std::memset(scales, 0, static_cast<std::size_t>(out + format.rowBytes() - scales));
  for (std::int64_t g = 0; g < nope / 64; ++g) scales[g] = packGroup(row + g * 64, out + g * 64);
  std::uint16_t halves[16];  // a row may begin at an odd address
  for (std::int64_t i = 0; i < format.rope_dim; i += lanes) {
    const V value = hn::LoadU(d, row + nope + i);
    const auto quiet = hn::Or(hn::BitCast(u32, value), hn::Set(u32, 0x400000u));
    const auto bits = hn::IfThenElse(hn::RebindMask(u32, hn::IsNaN(value)), quiet,
                                     hn::BitCast(u32, roundedLanes(d, value)));
    hn::StoreU(hn::TruncateTo(u16, hn::ShiftRight<16>(bits)), u16, halves);
    std::memcpy(out + nope + 2 * i, halves, static_cast<std::size_t>(2 * lanes));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kernels {
HWY_EXPORT(packRow);

void packKvRow(const KvRowFormat& format, const float* row, std::byte* out) {
  if (format.packing == RowPacking::kFloat)
    std::memcpy(out, row, static_cast<std::size_t>(format.head_dim) * 4);
  else
    HWY_DYNAMIC_DISPATCH(packRow)(format, row, reinterpret_cast<std::uint8_t*>(out));
}

}  // namespace kernels
#endif
