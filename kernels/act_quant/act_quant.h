// act_quant.h
// FP8 and FP4 quantisation of activations along the last dimension (specification §3.3, §3.4).
//   FP8: amax = max(max|x|, 1e-4), s = scale(amax, 448), q = e4m3(clamp(x/s, ±448))
//   FP4: amax = max(max|x|, 6·2^-126), s = scale(amax, 6), q = e2m1(clamp(x/s, ±6))
// All scales are powers of two, so x/s and q·s are exact. Test: bit-exact.
#pragma once

#include <cstdint>

namespace kernels {

// One group: codes [n] and the UE8M0 scale that belongs to them.
std::uint8_t quantizeFp8Group(const float* x, std::int64_t n, std::uint8_t* codes);
std::uint8_t quantizeFp4Group(const float* x, std::int64_t n, std::uint8_t* codes);

// y[i] = q·s for groups of `group` values; n % group == 0; y may alias x.
// These are the values a quantised linear multiplies (group 128), as float32.
void simulateFp8(const float* x, std::int64_t n, std::int64_t group, float* y);
// The same bits on vectors; group % 16 == 0.
void simulateFp8Cpu(const float* x, std::int64_t n, std::int64_t group, float* y);

}  // namespace kernels
