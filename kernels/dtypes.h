// dtypes.h: the number formats of the model, bit for bit (specification §3).
//
// Activations live in memory as float32; "rounded to bf16" means a float32 that lies on the bf16
// grid. Everything here is exact or round-to-nearest-even.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace kernels {

// Whether results are rounded where the official code rounds them (specification, Appendix C).
enum class Rounding { kBf16, kNone };

inline float bf16ToFloat(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

// Round to nearest even; NaN stays NaN.
inline std::uint16_t floatToBf16(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

inline float roundBf16(float value) { return bf16ToFloat(floatToBf16(value)); }

inline float rounded(float value, Rounding rounding) {
  return rounding == Rounding::kBf16 ? roundBf16(value) : value;
}

// IEEE half precision, every code: subnormals, infinities, NaN (made quiet).
inline float f16ToFloat(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000) << 16;
  // The code's exponent and mantissa placed in a float are 2^112 too small; the product is exact.
  const std::uint32_t rest = static_cast<std::uint32_t>(bits & 0x7fff) << 13;
  if ((bits & 0x7c00) != 0x7c00) return std::bit_cast<float>(sign | rest) * 0x1p112f;
  return std::bit_cast<float>(sign | rest | 0x7f800000u | ((bits & 0x3ff) != 0 ? 0x400000u : 0u));
}

// e4m3fn: bias 7, no infinity, largest 448, 0x7f and 0xff are NaN.
inline float e4m3ToFloat(std::uint8_t code) {
  if ((code & 0x7f) == 0x7f) return std::bit_cast<float>(0x7fc00000u);
  // The code's exponent and mantissa placed in a float are 2^120 too small; the product is exact.
  const std::uint32_t bits = (static_cast<std::uint32_t>(code & 0x80) << 24) |
                             (static_cast<std::uint32_t>(code & 0x7f) << 20);
  return std::bit_cast<float>(bits) * 0x1p120f;
}

// Round to nearest even with saturation at ±448.
inline std::uint8_t floatToE4m3(float value) {
  const std::uint8_t sign = std::signbit(value) ? 0x80 : 0;
  float magnitude = std::fabs(value);
  if (std::isnan(value)) return static_cast<std::uint8_t>(sign | 0x7f);
  if (magnitude >= 448.0f) return static_cast<std::uint8_t>(sign | 0x7e);
  if (magnitude < 0x1p-6f) {  // subnormal: multiples of 2^-9
    const int steps = static_cast<int>(std::nearbyint(magnitude * 0x1p9f));
    return static_cast<std::uint8_t>(sign | steps);
  }
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(magnitude);
  const std::uint32_t even = (bits >> 20) & 1u;
  const std::uint32_t code = ((bits + 0x7ffffu + even) >> 20) - ((127u - 7u) << 3);
  return static_cast<std::uint8_t>(sign | code);
}

// e2m1: codes 0..7 = 0, 0.5, 1, 1.5, 2, 3, 4, 6; bit 3 is the sign.
alignas(64) inline constexpr float kE2m1[16] = {0.0f,  0.5f,  1.0f,  1.5f,  2.0f,  3.0f,  4.0f,  6.0f,
                                    -0.0f, -0.5f, -1.0f, -1.5f, -2.0f, -3.0f, -4.0f, -6.0f};

inline float e2m1ToFloat(std::uint8_t code) { return kE2m1[code & 15]; }

// Round to nearest, ties to the even code, saturation at ±6.
inline std::uint8_t floatToE2m1(float value) {
  const std::uint8_t sign = std::signbit(value) ? 8 : 0;
  const float m = std::fabs(value);
  std::uint8_t code = 0;
  if (m <= 0.25f) code = 0;
  else if (m < 0.75f) code = 1;
  else if (m <= 1.25f) code = 2;
  else if (m < 1.75f) code = 3;
  else if (m <= 2.5f) code = 4;
  else if (m < 3.5f) code = 5;
  else if (m <= 5.0f) code = 6;
  else code = 7;
  return sign | code;
}

// UE8M0: byte e means 2^(e-127); 0xff is NaN.
inline float ue8m0ToFloat(std::uint8_t code) {
  if (code == 0xff) return std::bit_cast<float>(0x7fc00000u);
  if (code == 0) return 0x1p-127f;
  return std::bit_cast<float>(static_cast<std::uint32_t>(code) << 23);
}

// The power-of-two scale rule (specification §3.2): 2^ceil(log2(amax / largest)) as UE8M0.
// `inverse_largest` is fl32(1/448) or fl32(1/6).
inline std::uint8_t powerOfTwoScale(float amax, float inverse_largest) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(amax * inverse_largest);
  const std::uint32_t exponent = bits >> 23;
  return static_cast<std::uint8_t>(exponent + ((bits & 0x7fffffu) != 0 ? 1 : 0));
}

}  // namespace kernels
