// matrix_view.h: a weight matrix in the bytes of the checkpoint (specification §3.6).
#pragma once

#include <cstddef>
#include <cstdint>

namespace kernels {

enum class WeightType {
  kF32,
  kF16,
  kBf16,
  kFp8,  // e4m3 [out, in], one UE8M0 scale per 128 x 128 tile: [ceil(out/128), ceil(in/128)]
  kFp4,  // e2m1, two per byte (even column in the low nibble), one UE8M0 scale per 32 columns
  // Of GGUF files (specification §15.8), in blocks of 32 columns that hold their own scale:
  kQ8_0,   // 34 bytes: scale f16, then 32 int8
  kMxfp4,  // 17 bytes: scale UE8M0, then 16 bytes of e2m1: columns 0..15 low, 16..31 high nibbles
};

inline constexpr std::int64_t kBlockColumns = 32, kQ8BlockBytes = 34, kMxfp4BlockBytes = 17;

// Row-major [out, in]; the bytes belong to the mapped checkpoint.
struct MatrixView {
  const std::byte* data = nullptr;
  const std::uint8_t* scale = nullptr;  // kFp8, kFp4 only
  WeightType type = WeightType::kF32;
  std::int64_t out = 0, in = 0;
  std::int64_t first_row = 0;  // of this part in the stored matrix: FP8 tiles count from there

  // Of `columns` columns from a multiple of 32 on.
  std::int64_t columnBytes(std::int64_t columns) const {
    switch (type) {
      case WeightType::kF32: return columns * 4;
      case WeightType::kF16:
      case WeightType::kBf16: return columns * 2;
      case WeightType::kFp8: return columns;
      case WeightType::kFp4: return columns / 2;
      case WeightType::kQ8_0: return columns / kBlockColumns * kQ8BlockBytes;
      case WeightType::kMxfp4: return columns / kBlockColumns * kMxfp4BlockBytes;
    }
    return 0;
  }
  std::int64_t rowBytes() const { return columnBytes(in); }
  std::int64_t scaleColumns() const {
    return type == WeightType::kFp8 ? (in + 127) / 128 : type == WeightType::kFp4 ? in / 32 : 0;
  }
  const std::uint8_t* scaleRow(std::int64_t row) const {
    const std::int64_t stored = first_row + row;
    return scale + (type == WeightType::kFp8 ? stored / 128 : stored) * scaleColumns();
  }
  const std::byte* rowData(std::int64_t row) const {
    return data + (first_row + row) * rowBytes();
  }
  // Rows [first, first + count).
  MatrixView rows(std::int64_t first, std::int64_t count) const {
    MatrixView part = *this;
    part.first_row += first;
    part.out = count;
    return part;
  }
};

// Row `row` as float32 [in]: exact for every type.
void dequantizeRow(const MatrixView& w, std::int64_t row, float* out);

}  // namespace kernels
