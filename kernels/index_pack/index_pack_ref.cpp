#include <cmath>
#include <cstring>

#include "kernels/act_quant/act_quant.h"
#include "kernels/index_pack/index_pack.h"

namespace kernels {

void hadamard(float* x, std::int64_t n, Rounding rounding) {
  for (std::int64_t width = 1; width < n; width *= 2)
    for (std::int64_t i = 0; i < n; i += 2 * width)
      for (std::int64_t j = i; j < i + width; ++j) {
        const float a = x[j], b = x[j + width];
        x[j] = a + b;
        x[j + width] = a - b;
      }
  const float scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(n)));
  for (std::int64_t i = 0; i < n; ++i) x[i] = rounded(x[i] * scale, rounding);
}

void packIndexRowRef(const IndexRowFormat& format, const float* row, std::byte* out) {
  if (format.packing == RowPacking::kFloat) {
    std::memcpy(out, row, static_cast<std::size_t>(format.dim) * 4);
    return;
  }
  float rotated[512];
  std::uint8_t codes[32];
  std::memcpy(rotated, row, static_cast<std::size_t>(format.dim) * 4);
  hadamard(rotated, format.dim, Rounding::kBf16);
  auto* bytes = reinterpret_cast<std::uint8_t*>(out);
  for (std::int64_t g = 0; g < format.dim / 32; ++g) {
    bytes[format.dim / 2 + g] = quantizeFp4Group(rotated + g * 32, 32, codes);
    for (int i = 0; i < 32; i += 2)
      bytes[g * 16 + i / 2] = static_cast<std::uint8_t>(codes[i] | codes[i + 1] << 4);
  }
}

void unpackIndexRow(const IndexRowFormat& format, const std::byte* packed, float* row) {
  if (format.packing == RowPacking::kFloat) {
    std::memcpy(row, packed, static_cast<std::size_t>(format.dim) * 4);
    return;
  }
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(packed);
  for (std::int64_t g = 0; g < format.dim / 32; ++g) {
    const float scale = ue8m0ToFloat(bytes[format.dim / 2 + g]);
    for (std::int64_t i = 0; i < 32; i += 2) {
      const std::uint8_t pair = bytes[g * 16 + i / 2];
      row[g * 32 + i] = e2m1ToFloat(pair) * scale;
      row[g * 32 + i + 1] = e2m1ToFloat(pair >> 4) * scale;
    }
  }
}

}  // namespace kernels
