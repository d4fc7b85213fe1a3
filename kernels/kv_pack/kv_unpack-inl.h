// kv_unpack-inl.h: parts of packed rows as vectors, the same bits as unpackKvRow. Compiled once
// per target by the *_cpu.cpp files.
#if defined(LECTERN_KERNELS_KV_UNPACK_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LECTERN_KERNELS_KV_UNPACK_INL_H
#undef LECTERN_KERNELS_KV_UNPACK_INL_H
#else
#define LECTERN_KERNELS_KV_UNPACK_INL_H
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstring>

#include "kernels/formats-inl.h"
#include "kernels/kv_pack/kv_pack.h"

HWY_BEFORE_NAMESPACE();
namespace kernels {
namespace HWY_NAMESPACE {

// Dims [begin, end) of a row; both are multiples of 16, and so is the row's rope part.
inline void unpackDims(const KvRowFormat& format, const std::byte* packed, std::int64_t begin,
                       std::int64_t end, float* out) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::CappedTag<float, 16> d;
  const hn::RebindToUnsigned<decltype(d)> u32;
  const hn::Rebind<std::uint8_t, decltype(d)> u8;
  const hn::Rebind<std::uint16_t, decltype(d)> u16;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  if (format.packing == RowPacking::kFloat) {
    std::memcpy(out, packed + begin * 4, static_cast<std::size_t>(end - begin) * 4);
    return;
  }
  const std::int64_t nope = format.nopeDim();
  const auto* codes = reinterpret_cast<const std::uint8_t*>(packed);
  const std::uint8_t* scales = codes + nope + 2 * format.rope_dim;
  std::int64_t i = begin;
  for (; i < std::min(end, nope); i += lanes) {
    const auto value = e4m3Lanes(d, hn::PromoteTo(u32, hn::LoadU(u8, codes + i)));
    hn::StoreU(hn::Mul(value, hn::Set(d, ue8m0ToFloat(scales[i / 64]))), d, out + i - begin);
  }
  std::uint16_t halves[16];  // a row may begin at an odd address
  for (; i < end; i += lanes) {
    std::memcpy(halves, codes + nope + 2 * (i - nope), static_cast<std::size_t>(2 * lanes));
    const auto bits = hn::ShiftLeft<16>(hn::PromoteTo(u32, hn::LoadU(u16, halves)));
    hn::StoreU(hn::BitCast(d, bits), d, out + i - begin);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
HWY_AFTER_NAMESPACE();

#endif  // per target
