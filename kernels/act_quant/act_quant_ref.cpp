#include <algorithm>
#include <cmath>

#include "kernels/act_quant/act_quant.h"
#include "kernels/dtypes.h"

namespace kernels {
namespace {

float largestMagnitude(const float* x, std::int64_t n) {
  float amax = 0.0f;
  for (std::int64_t i = 0; i < n; ++i) amax = std::max(amax, std::fabs(x[i]));
  return amax;
}

// 1/s for s = 2^(code-127); exact, also for the smallest codes.
float inverseScale(std::uint8_t code) { return std::ldexp(1.0f, 127 - static_cast<int>(code)); }

}  // namespace

std::uint8_t quantizeFp8Group(const float* x, std::int64_t n, std::uint8_t* codes) {
  const float amax = std::max(largestMagnitude(x, n), 1e-4f);
  const std::uint8_t scale = powerOfTwoScale(amax, 1.0f / 448.0f);
  const float inverse = inverseScale(scale);
  for (std::int64_t i = 0; i < n; ++i) codes[i] = floatToE4m3(x[i] * inverse);
  return scale;
}

std::uint8_t quantizeFp4Group(const float* x, std::int64_t n, std::uint8_t* codes) {
  const float amax = std::max(largestMagnitude(x, n), 6.0f * 0x1p-126f);
  const std::uint8_t scale = powerOfTwoScale(amax, 1.0f / 6.0f);
  const float inverse = inverseScale(scale);
  for (std::int64_t i = 0; i < n; ++i) codes[i] = floatToE2m1(x[i] * inverse);
  return scale;
}

void simulateFp8(const float* x, std::int64_t n, std::int64_t group, float* y) {
  std::uint8_t codes[128];
  for (std::int64_t g = 0; g < n; g += group) {
    const float scale = ue8m0ToFloat(quantizeFp8Group(x + g, group, codes));
    for (std::int64_t i = 0; i < group; ++i) y[g + i] = e4m3ToFloat(codes[i]) * scale;
  }
}

}  // namespace kernels
