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

// One group of at most 128 codes under one scale, any codes, any scale.
inline void dequantizeFp8Group(const std::uint8_t* codes, float scale, std::int64_t n, float* out) {
  const FloatLanes d;
  const hn::Rebind<std::uint8_t, FloatLanes> d8;
  const hn::RebindToUnsigned<FloatLanes> d32;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto value = e4m3Lanes(d, hn::PromoteTo(d32, hn::LoadU(d8, codes + i)));
    hn::StoreU(hn::Mul(value, hn::Set(d, scale)), d, out + i);
  }
  for (; i < n; ++i) out[i] = e4m3ToFloat(codes[i]) * scale;
}

// Whether one of 128 codes is a NaN.
inline bool hasE4m3Nan(const std::uint8_t* codes) {
  const hn::CappedTag<std::uint8_t, 64> d8;
  const auto nan = hn::Set(d8, std::uint8_t{0x7f});
  auto none = hn::Zero(d8);
  for (std::int64_t i = 0; i < 128; i += static_cast<std::int64_t>(hn::Lanes(d8)))
    none = hn::Or(none, hn::VecFromMask(d8, hn::Eq(hn::And(hn::LoadU(d8, codes + i), nan), nan)));
  return !hn::AllTrue(d8, hn::Eq(none, hn::Zero(d8)));
}

// Whether one exact product turns the 128 codes under this scale into their values: no NaN among
// them, and scale · 2^120 is finite.
inline bool isPlainFp8(const std::uint8_t* codes, std::uint8_t scale) {
  return scale < 127 + 8 && !hasE4m3Nan(codes);
}

// Plain codes, one vector of them: exponent and mantissa placed in a float are 2^120 too small,
// which `factor` = scale · 2^120 makes good.
HWY_INLINE hn::Vec<FloatLanes> plainE4m3Lanes(const std::int8_t* codes,
                                              hn::Vec<FloatLanes> factor) {
  const FloatLanes d;
  const hn::Rebind<std::int8_t, FloatLanes> d8;
  const hn::RebindToSigned<FloatLanes> d32;
  const auto bits = hn::ShiftLeft<20>(hn::PromoteTo(d32, hn::LoadU(d8, codes)));
  const auto mask = hn::Set(d32, static_cast<std::int32_t>(0x87f00000u));
  return hn::Mul(hn::BitCast(d, hn::And(bits, mask)), factor);
}

inline void dequantizeFp8(const std::uint8_t* codes, const std::uint8_t* scales, std::int64_t in,
                          float* out) {
  const FloatLanes d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t c = 0; c < in; c += 128, codes += 128, out += 128, ++scales) {
    const float scale = ue8m0ToFloat(*scales);
    if (in - c < 128 || !isPlainFp8(codes, *scales)) {
      dequantizeFp8Group(codes, scale, std::min<std::int64_t>(128, in - c), out);
      continue;
    }
    const auto factor = hn::Set(d, scale * 0x1p120f);
    for (std::int64_t i = 0; i < 128; i += lanes)
      hn::StoreU(plainE4m3Lanes(reinterpret_cast<const std::int8_t*>(codes) + i, factor), d,
                 out + i);
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
// Sixteen e2m1 codes, one per byte, as float32 under one scale.
template <class D>
class E2m1Decoder {
 public:
  explicit E2m1Decoder(float scale) {
    const D d;
    if constexpr (kWide) {
      factor_or_table_ = hn::Mul(hn::Load(d, kE2m1), hn::Set(d, scale));
    } else {
      factor_or_table_ = hn::Set(d, 0.5f * scale);
    }
  }
  template <class Codes>
  void operator()(Codes codes, float* out) const {
    const D d;
    const hn::Rebind<std::int32_t, D> i32;
    if constexpr (kWide) {
      const auto lanes = hn::IndicesFromVec(d, hn::PromoteTo(i32, codes));
      hn::StoreU(hn::TableLookupLanes(factor_or_table_, lanes), d, out);
    } else {
      const hn::FixedTag<std::int8_t, 16> i8;
      const hn::Rebind<std::int8_t, D> narrow;
      std::int8_t twice[16];
      hn::StoreU(hn::TableLookupBytes(hn::Load(i8, kTwiceE2m1), hn::BitCast(i8, codes)), i8, twice);
      for (std::size_t i = 0; i < 16; i += hn::Lanes(d)) {
        const auto value = hn::ConvertTo(d, hn::PromoteTo(i32, hn::LoadU(narrow, twice + i)));
        hn::StoreU(hn::Mul(value, factor_or_table_), d, out + i);
      }
    }
  }

 private:
  static constexpr bool kWide = hn::MaxLanes(D()) == 16;  // all values fit into one vector
  hn::Vec<D> factor_or_table_;
};

inline void dequantizeFp4(const std::uint8_t* codes, const std::uint8_t* scales, std::int64_t in,
                          float* out) {
  const hn::FixedTag<std::uint8_t, 16> u8;
  for (std::int64_t c = 0; c < in; c += 32) {
    const auto bytes = hn::LoadU(u8, codes + c / 2);
    const auto low = hn::And(bytes, hn::Set(u8, 15)), high = hn::ShiftRight<4>(bytes);
    const E2m1Decoder<FloatLanes> decode(ue8m0ToFloat(scales[c / 32]));
    decode(hn::InterleaveLower(u8, low, high), out + c);
    decode(hn::InterleaveUpper(u8, low, high), out + c + 16);
  }
}

inline void dequantizeMxfp4(const std::uint8_t* blocks, std::int64_t in, float* out) {
  const hn::FixedTag<std::uint8_t, 16> u8;
  for (std::int64_t c = 0; c < in; c += kBlockColumns, blocks += kMxfp4BlockBytes) {
    const auto bytes = hn::LoadU(u8, blocks + 1);
    const E2m1Decoder<FloatLanes> decode(ue8m0ToFloat(blocks[0]));
    decode(hn::And(bytes, hn::Set(u8, 15)), out + c);
    decode(hn::ShiftRight<4>(bytes), out + c + 16);
  }
}
#endif

// Columns [first, first + n) of row `row` of w as float32, as dequantizeRow gives them, bit for
// bit; first % 128 == 0.
inline void dequantize(const MatrixView& w, std::int64_t row, std::int64_t first, std::int64_t n,
                       float* out) {
  const std::byte* data = w.rowData(row) + w.columnBytes(first);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(data);
  switch (w.type) {
    case WeightType::kF32:
      std::memcpy(out, data, static_cast<std::size_t>(n) * 4);
      return;
    case WeightType::kF16:
      return dequantizeF16(reinterpret_cast<const std::uint16_t*>(data), n, out);
    case WeightType::kBf16:
      return dequantizeBf16(reinterpret_cast<const std::uint16_t*>(data), n, out);
    case WeightType::kFp8:
      return dequantizeFp8(bytes, w.scaleRow(row) + first / 128, n, out);
    case WeightType::kFp4:
      return dequantizeFp4(bytes, w.scaleRow(row) + first / 32, n, out);
    case WeightType::kQ8_0:
      return dequantizeQ8(bytes, n, out);
    case WeightType::kMxfp4:
      return dequantizeMxfp4(bytes, n, out);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
HWY_AFTER_NAMESPACE();

#endif  // per target
