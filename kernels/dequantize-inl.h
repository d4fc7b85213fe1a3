// dequantize-inl.h: rows of a MatrixView as float32, the same bits as dequantizeRow of
// matrix_view.h. Compiled once per target by the *_cpu.cpp files.
#if defined(LECTERN_KERNELS_DEQUANTIZE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LECTERN_KERNELS_DEQUANTIZE_INL_H
#undef LECTERN_KERNELS_DEQUANTIZE_INL_H
#else
#define LECTERN_KERNELS_DEQUANTIZE_INL_H
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "kernels/dtypes.h"
#include "kernels/formats-inl.h"
#include "kernels/matrix_view.h"

HWY_BEFORE_NAMESPACE();
namespace kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using FloatLanes = hn::CappedTag<float, 16>;

inline void dequantizeFp8(const std::uint8_t* codes, const std::uint8_t* scales, std::int64_t in,
                          float* out) {
  const FloatLanes d;
  const hn::Rebind<std::uint8_t, FloatLanes> d8;
  const hn::RebindToUnsigned<FloatLanes> d32;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t c = 0; c < in; c += 128) {
    const auto scale = hn::Set(d, ue8m0ToFloat(scales[c / 128]));
    const std::int64_t end = std::min<std::int64_t>(c + 128, in);
    std::int64_t i = c;
    for (; i + lanes <= end; i += lanes) {
      const auto value = e4m3Lanes(d, hn::PromoteTo(d32, hn::LoadU(d8, codes + i)));
      hn::StoreU(hn::Mul(value, scale), d, out + i);
    }
    for (; i < end; ++i) out[i] = e4m3ToFloat(codes[i]) * ue8m0ToFloat(scales[c / 128]);
  }
}

inline void dequantizeBf16(const std::uint16_t* codes, std::int64_t in, float* out) {
  const FloatLanes d;
  const hn::Rebind<std::uint16_t, FloatLanes> d16;
  const hn::RebindToUnsigned<FloatLanes> d32;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= in; i += lanes) {
    const auto bits = hn::ShiftLeft<16>(hn::PromoteTo(d32, hn::LoadU(d16, codes + i)));
    hn::StoreU(hn::BitCast(d, bits), d, out + i);
  }
  for (; i < in; ++i) out[i] = bf16ToFloat(codes[i]);
}

inline void dequantizeF16(const std::uint16_t* codes, std::int64_t in, float* out) {
  const FloatLanes d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= in; i += lanes) hn::StoreU(f16Lanes(d, codes + i), d, out + i);
  for (; i < in; ++i) out[i] = f16ToFloat(codes[i]);
}

inline void dequantizeQ8(const std::uint8_t* blocks, std::int64_t in, float* out) {
  const FloatLanes d;
  const hn::Rebind<std::int32_t, FloatLanes> i32;
  const hn::Rebind<std::int8_t, FloatLanes> i8;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t c = 0; c < in; c += kBlockColumns, blocks += kQ8BlockBytes) {
    std::uint16_t code = 0;
    std::memcpy(&code, blocks, 2);
    const auto scale = hn::Set(d, f16ToFloat(code));
    const auto* codes = reinterpret_cast<const std::int8_t*>(blocks + 2);
    for (std::int64_t i = 0; i < kBlockColumns; i += lanes) {
      const auto value = hn::ConvertTo(d, hn::PromoteTo(i32, hn::LoadU(i8, codes + i)));
      hn::StoreU(hn::Mul(scale, value), d, out + c + i);
    }
  }
}

#if HWY_TARGET == HWY_SCALAR
inline void dequantizeMxfp4(const std::uint8_t* blocks, std::int64_t in, float* out) {
  for (std::int64_t c = 0; c < in; c += kBlockColumns, blocks += kMxfp4BlockBytes)
    for (std::int64_t i = 0; i < kBlockColumns; ++i)
      out[c + i] = e2m1ToFloat(static_cast<std::uint8_t>(blocks[1 + i % 16] >> (i / 16 * 4))) *
                   ue8m0ToFloat(blocks[0]);
}

inline void dequantizeFp4(const std::uint8_t* codes, const std::uint8_t* scales, std::int64_t in,
                          float* out) {
  for (std::int64_t c = 0; c < in; ++c)
    out[c] = e2m1ToFloat(static_cast<std::uint8_t>(codes[c / 2] >> (c % 2 * 4))) *
             ue8m0ToFloat(scales[c / 32]);
}
#else
inline void dequantizeFp4(const std::uint8_t* codes, const std::uint8_t* scales, std::int64_t in,
                          float* out) {
  const hn::FixedTag<std::uint8_t, 16> u8;
  const hn::FixedTag<std::int8_t, 16> i8;
  const FloatLanes d;
  const hn::Rebind<std::int32_t, FloatLanes> i32;
  const hn::Rebind<std::int8_t, FloatLanes> narrow;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto table = hn::Load(i8, kTwiceE2m1);
  const auto mask = hn::Set(u8, 15);
  std::int8_t twice[32];
  for (std::int64_t c = 0; c < in; c += 32) {
    const auto bytes = hn::LoadU(u8, codes + c / 2);
    const auto low = hn::And(bytes, mask), high = hn::ShiftRight<4>(bytes);
    const auto first = hn::InterleaveLower(u8, low, high);
    const auto second = hn::InterleaveUpper(u8, low, high);
    hn::StoreU(hn::TableLookupBytes(table, hn::BitCast(i8, first)), i8, twice);
    hn::StoreU(hn::TableLookupBytes(table, hn::BitCast(i8, second)), i8, twice + 16);
    const auto scale = hn::Set(d, 0.5f * ue8m0ToFloat(scales[c / 32]));
    for (std::int64_t i = 0; i < 32; i += lanes) {
      const auto value = hn::ConvertTo(d, hn::PromoteTo(i32, hn::LoadU(narrow, twice + i)));
      hn::StoreU(hn::Mul(value, scale), d, out + c + i);
    }
  }
}

inline void dequantizeMxfp4(const std::uint8_t* blocks, std::int64_t in, float* out) {
  const hn::FixedTag<std::uint8_t, 16> u8;
  const hn::FixedTag<std::int8_t, 16> i8;
  const FloatLanes d;
  const hn::Rebind<std::int32_t, FloatLanes> i32;
  const hn::Rebind<std::int8_t, FloatLanes> narrow;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto table = hn::Load(i8, kTwiceE2m1);
  std::int8_t twice[kBlockColumns];
  for (std::int64_t c = 0; c < in; c += kBlockColumns, blocks += kMxfp4BlockBytes) {
    const auto bytes = hn::LoadU(u8, blocks + 1);
    const auto low = hn::And(bytes, hn::Set(u8, 15)), high = hn::ShiftRight<4>(bytes);
    hn::StoreU(hn::TableLookupBytes(table, hn::BitCast(i8, low)), i8, twice);
    hn::StoreU(hn::TableLookupBytes(table, hn::BitCast(i8, high)), i8, twice + 16);
    const auto scale = hn::Set(d, 0.5f * ue8m0ToFloat(blocks[0]));
    for (std::int64_t i = 0; i < kBlockColumns; i += lanes) {
      const auto value = hn::ConvertTo(d, hn::PromoteTo(i32, hn::LoadU(narrow, twice + i)));
      hn::StoreU(hn::Mul(value, scale), d, out + c + i);
    }
  }
}
#endif

// Row `row` of w as float32, as dequantizeRow gives it, bit for bit.
inline void dequantize(const MatrixView& w, std::int64_t row, float* out) {
  const std::byte* bytes = w.rowData(row);
  switch (w.type) {
    case WeightType::kF32:
      std::memcpy(out, bytes, static_cast<std::size_t>(w.in) * 4);
      return;
    case WeightType::kF16:
      return dequantizeF16(reinterpret_cast<const std::uint16_t*>(bytes), w.in, out);
    case WeightType::kBf16:
      return dequantizeBf16(reinterpret_cast<const std::uint16_t*>(bytes), w.in, out);
    case WeightType::kFp8:
      return dequantizeFp8(reinterpret_cast<const std::uint8_t*>(bytes), w.scaleRow(row), w.in,
                           out);
    case WeightType::kFp4:
      return dequantizeFp4(reinterpret_cast<const std::uint8_t*>(bytes), w.scaleRow(row), w.in,
                           out);
    case WeightType::kQ8_0:
      return dequantizeQ8(reinterpret_cast<const std::uint8_t*>(bytes), w.in, out);
    case WeightType::kMxfp4:
      return dequantizeMxfp4(reinterpret_cast<const std::uint8_t*>(bytes), w.in, out);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
HWY_AFTER_NAMESPACE();

#endif  // per target
