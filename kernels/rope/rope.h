// rope.h
// Rotary positions on the last rope_dim values of a row, adjacent pairs (specification §5):
//   y[2i] = x[2i]·cos − x[2i+1]·sin,  y[2i+1] = x[2i]·sin + x[2i+1]·cos,  angle = fl32(pos·freq_i)
// The inverse rotation is the conjugate. The angle is rounded to float32 before cos and sin:
// engines that keep it in double differ at long range.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/dtypes.h"
#include "kernels/thread_pool.h"

namespace kernels {

struct YarnScaling {
  double factor = 16, original_length = 65536, beta_fast = 32, beta_slow = 1;
};

// freq_i = 1/base^(2i/dim) in float32, i < dim/2; with `yarn` the blended frequencies.
std::vector<float> ropeFrequencies(std::int64_t dim, double base, const YarnScaling* yarn);

// cos and sin of position·freq: cos_sin = [cos_0 .. cos_{h-1}, sin_0 .. sin_{h-1}], h = dim/2.
void ropeAngles(const std::vector<float>& frequencies, std::int64_t position, float* cos_sin);

enum class RopeDirection { kForward, kInverse };

struct RopeArgs {
  float* x = nullptr;              // [n, n_heads, head_dim], in place
  const float* cos_sin = nullptr;  // [n, rope_dim], one row per token (ropeAngles)
  std::int64_t n = 0, n_heads = 1, head_dim = 0, rope_dim = 64;
  RopeDirection direction = RopeDirection::kForward;
  Rounding rounding = Rounding::kBf16;
};

void ropeRef(const RopeArgs& args);
void ropeCpu(const RopeArgs& args, ThreadPool& pool);

}  // namespace kernels
