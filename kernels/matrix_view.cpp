#include "kernels/matrix_view.h"

#include <algorithm>
#include <cstring>

#include "kernels/dtypes.h"

namespace kernels {

void dequantizeRow(const MatrixView& w, std::int64_t row, float* out) {
  const std::byte* bytes = w.rowData(row);
  switch (w.type) {
    case WeightType::kF32:
      std::memcpy(out, bytes, static_cast<std::size_t>(w.in) * 4);
      return;
    case WeightType::kF16: {
      const auto* codes = reinterpret_cast<const std::uint16_t*>(bytes);
      for (std::int64_t c = 0; c < w.in; ++c) out[c] = f16ToFloat(codes[c]);
      return;
    }
    case WeightType::kBf16: {
      const auto* codes = reinterpret_cast<const std::uint16_t*>(bytes);
      for (std::int64_t c = 0; c < w.in; ++c) out[c] = bf16ToFloat(codes[c]);
      return;
    }
    case WeightType::kFp8: {
      const auto* codes = reinterpret_cast<const std::uint8_t*>(bytes);
      const std::uint8_t* scales = w.scaleRow(row);
      for (std::int64_t c = 0; c < w.in; ++c)
        out[c] = e4m3ToFloat(codes[c]) * ue8m0ToFloat(scales[c / 128]);
      return;
    }
    case WeightType::kFp4: {
      const auto* codes = reinterpret_cast<const std::uint8_t*>(bytes);
      const std::uint8_t* scales = w.scaleRow(row);
      for (std::int64_t c = 0; c < w.in; c += 2) {
        const float scale = ue8m0ToFloat(scales[c / 32]);
        out[c] = e2m1ToFloat(codes[c / 2]) * scale;
        out[c + 1] = e2m1ToFloat(codes[c / 2] >> 4) * scale;
      }
      return;
    }
    case WeightType::kQ8_0:
      for (std::int64_t c = 0; c < w.in; c += kBlockColumns, bytes += kQ8BlockBytes) {
        std::uint16_t scale = 0;
        std::memcpy(&scale, bytes, 2);
        const auto* codes = reinterpret_cast<const std::int8_t*>(bytes + 2);
        for (std::int64_t i = 0; i < kBlockColumns; ++i)
          out[c + i] = f16ToFloat(scale) * static_cast<float>(codes[i]);
      }
      return;
    case WeightType::kMxfp4:
      for (std::int64_t c = 0; c < w.in; c += kBlockColumns, bytes += kMxfp4BlockBytes) {
        const auto* block = reinterpret_cast<const std::uint8_t*>(bytes);
        const float scale = ue8m0ToFloat(block[0]);
        for (std::int64_t i = 0; i < kBlockColumns / 2; ++i) {
          out[c + i] = e2m1ToFloat(block[1 + i]) * scale;
          out[c + kBlockColumns / 2 + i] = e2m1ToFloat(block[1 + i] >> 4) * scale;
        }
      }
      return;
  }
}

}  // namespace kernels
