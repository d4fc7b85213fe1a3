// weight_lanes-inl.h: weights of one row as float32 vectors without a detour over memory, the same
// bits as dequantize. For single tokens, where each weight is used once. Compiled once per target
// by linear_cpu.cpp.
//
// A reader is opened at a column that is a multiple of 128; false where the n columns from there on
// need the general conversion. group(k) prepares the kGroup columns from k on, at(i) gives the
// i-th vector of them.
#if defined(LECTERN_KERNELS_WEIGHT_LANES_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LECTERN_KERNELS_WEIGHT_LANES_INL_H
#undef LECTERN_KERNELS_WEIGHT_LANES_INL_H
#else
#define LECTERN_KERNELS_WEIGHT_LANES_INL_H
#endif

#include <hwy/highway.h>

#include <cstdint>
#include <cstring>

#include "kernels/dequantize-inl.h"
#include "kernels/dtypes.h"
#include "kernels/matrix_view.h"

HWY_BEFORE_NAMESPACE();
namespace kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

class Bf16Lanes {
 public:
  static constexpr std::int64_t kGroup = 128;
  HWY_INLINE bool open(const MatrixView& w, std::int64_t row, std::int64_t first, std::int64_t) {
    codes_ = reinterpret_cast<const std::uint16_t*>(w.rowData(row) + w.columnBytes(first));
    return true;
  }
  HWY_INLINE void group(std::int64_t k) { at_ = codes_ + k; }
  HWY_INLINE hn::Vec<FloatLanes> at(std::int64_t i) const {
    const FloatLanes d;
    const hn::Rebind<std::uint16_t, FloatLanes> d16;
    const hn::RebindToUnsigned<FloatLanes> d32;
    const auto code = hn::LoadU(d16, at_ + i * static_cast<std::int64_t>(hn::Lanes(d)));
    return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(d32, code)));
  }

 private:
  const std::uint16_t *codes_ = nullptr, *at_ = nullptr;
};

class F16Lanes {
 public:
  static constexpr std::int64_t kGroup = 128;
  HWY_INLINE bool open(const MatrixView& w, std::int64_t row, std::int64_t first, std::int64_t) {
    codes_ = reinterpret_cast<const std::uint16_t*>(w.rowData(row) + w.columnBytes(first));
    return true;
  }
  HWY_INLINE void group(std::int64_t k) { at_ = codes_ + k; }
  HWY_INLINE hn::Vec<FloatLanes> at(std::int64_t i) const {
    const FloatLanes d;
    return f16Lanes(d, at_ + i * static_cast<std::int64_t>(hn::Lanes(d)));
  }

 private:
  const std::uint16_t *codes_ = nullptr, *at_ = nullptr;
};

class Fp8Lanes {
 public:
  static constexpr std::int64_t kGroup = 128;
  HWY_INLINE bool open(const MatrixView& w, std::int64_t row, std::int64_t first, std::int64_t n) {
    codes_ = reinterpret_cast<const std::uint8_t*>(w.rowData(row) + w.columnBytes(first));
    scales_ = w.scaleRow(row) + first / 128;
    for (std::int64_t k = 0; k < n; k += 128)
      if (!isPlainFp8(codes_ + k, scales_[k / 128])) return false;
    return true;
  }
  HWY_INLINE void group(std::int64_t k) {
    at_ = reinterpret_cast<const std::int8_t*>(codes_ + k);
    factor_ = hn::Set(FloatLanes(), ue8m0ToFloat(scales_[k / 128]) * 0x1p120f);
  }
  HWY_INLINE hn::Vec<FloatLanes> at(std::int64_t i) const {
    return plainE4m3Lanes(at_ + i * static_cast<std::int64_t>(hn::Lanes(FloatLanes())), factor_);
  }

 private:
  const std::uint8_t *codes_ = nullptr, *scales_ = nullptr;
  const std::int8_t* at_ = nullptr;
  hn::Vec<FloatLanes> factor_;  // set by group()
};

class Q8Lanes {
 public:
  static constexpr std::int64_t kGroup = kBlockColumns;
  HWY_INLINE bool open(const MatrixView& w, std::int64_t row, std::int64_t first, std::int64_t) {
    blocks_ = reinterpret_cast<const std::uint8_t*>(w.rowData(row) + w.columnBytes(first));
    return true;
  }
  HWY_INLINE void group(std::int64_t k) {
    const std::uint8_t* block = blocks_ + k / kBlockColumns * kQ8BlockBytes;
    std::uint16_t code = 0;
    std::memcpy(&code, block, 2);
    scale_ = hn::Set(FloatLanes(), f16ToFloat(code));
    at_ = reinterpret_cast<const std::int8_t*>(block + 2);
  }
  HWY_INLINE hn::Vec<FloatLanes> at(std::int64_t i) const {
    const FloatLanes d;
    const hn::Rebind<std::int32_t, FloatLanes> d32;
    const hn::Rebind<std::int8_t, FloatLanes> d8;
    const auto codes = hn::LoadU(d8, at_ + i * static_cast<std::int64_t>(hn::Lanes(d)));
    return hn::Mul(scale_, hn::ConvertTo(d, hn::PromoteTo(d32, codes)));
  }

 private:
  const std::uint8_t* blocks_ = nullptr;
  const std::int8_t* at_ = nullptr;
  hn::Vec<FloatLanes> scale_;  // set by group()
};

#if HWY_TARGET <= HWY_AVX3
// Lane i becomes values[codes[i] & 15].
HWY_INLINE hn::Vec<FloatLanes> valuesOf(hn::Vec<FloatLanes> values,
                                        hn::Vec<hn::RebindToUnsigned<FloatLanes>> codes) {
  return hn::Vec<FloatLanes>{_mm512_permutexvar_ps(codes.raw, values.raw)};
}

// The sixteen values of e2m1 under one scale fill one vector.
class Fp4Lanes {
 public:
  static constexpr std::int64_t kGroup = 32;
  HWY_INLINE bool open(const MatrixView& w, std::int64_t row, std::int64_t first, std::int64_t) {
    codes_ = reinterpret_cast<const std::uint8_t*>(w.rowData(row) + w.columnBytes(first));
    scales_ = w.scaleRow(row) + first / 32;
    return true;
  }
  HWY_INLINE void group(std::int64_t k) {
    const FloatLanes d;
    at_ = codes_ + k / 2;
    values_ = hn::Mul(hn::Load(d, kE2m1), hn::Set(d, ue8m0ToFloat(scales_[k / 32])));
  }
  HWY_INLINE hn::Vec<FloatLanes> at(std::int64_t i) const {
    const hn::RebindToUnsigned<FloatLanes> d32;
    const hn::Repartition<std::uint8_t, FloatLanes> d8;
    const hn::Repartition<std::uint64_t, FloatLanes> d64;
    // Byte i / 2 to lane i; the upper nibble of odd lanes moves down.
    HWY_ALIGN static constexpr std::uint8_t kPlaces[64] = {
        0, 128, 128, 128, 0, 128, 128, 128, 1, 128, 128, 128, 1, 128, 128, 128,
        2, 128, 128, 128, 2, 128, 128, 128, 3, 128, 128, 128, 3, 128, 128, 128,
        4, 128, 128, 128, 4, 128, 128, 128, 5, 128, 128, 128, 5, 128, 128, 128,
        6, 128, 128, 128, 6, 128, 128, 128, 7, 128, 128, 128, 7, 128, 128, 128};
    HWY_ALIGN static constexpr std::uint32_t kShifts[16] = {0, 4, 0, 4, 0, 4, 0, 4,
                                                            0, 4, 0, 4, 0, 4, 0, 4};
    std::uint64_t eight = 0;
    std::memcpy(&eight, at_ + i * 8, 8);
    const auto bytes = hn::BitCast(d8, hn::Set(d64, eight));
    const auto spread = hn::BitCast(d32, hn::TableLookupBytesOr0(bytes, hn::Load(d8, kPlaces)));
    return valuesOf(values_, hn::Shr(spread, hn::Load(d32, kShifts)));
  }

 private:
  const std::uint8_t *codes_ = nullptr, *scales_ = nullptr, *at_ = nullptr;
  hn::Vec<FloatLanes> values_;  // set by group()
};

class Mxfp4Lanes {
 public:
  static constexpr std::int64_t kGroup = kBlockColumns;
  HWY_INLINE bool open(const MatrixView& w, std::int64_t row, std::int64_t first, std::int64_t) {
    blocks_ = reinterpret_cast<const std::uint8_t*>(w.rowData(row) + w.columnBytes(first));
    return true;
  }
  HWY_INLINE void group(std::int64_t k) {
    const FloatLanes d;
    const std::uint8_t* block = blocks_ + k / kBlockColumns * kMxfp4BlockBytes;
    values_ = hn::Mul(hn::Load(d, kE2m1), hn::Set(d, ue8m0ToFloat(block[0])));
    codes_ = hn::PromoteTo(Codes(), hn::LoadU(hn::Rebind<std::uint8_t, FloatLanes>(), block + 1));
  }
  // The low nibbles of the block are its first sixteen columns, the high ones the others.
  HWY_INLINE hn::Vec<FloatLanes> at(std::int64_t i) const {
    return valuesOf(values_, i == 0 ? codes_ : hn::ShiftRight<4>(codes_));
  }

 private:
  using Codes = hn::RebindToUnsigned<FloatLanes>;
  const std::uint8_t* blocks_ = nullptr;
  hn::Vec<FloatLanes> values_;  // set by group(), as the next
  hn::Vec<Codes> codes_;
};
#endif

}  // namespace HWY_NAMESPACE
}  // namespace kernels
HWY_AFTER_NAMESPACE();

#endif  // per target
