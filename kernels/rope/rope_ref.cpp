#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/rope/rope.h"

namespace kernels {
namespace {

double correction(double rotations, double dim, double base, double original_length) {
  return dim * std::log(original_length / (rotations * 2.0 * std::numbers::pi)) /
         (2.0 * std::log(base));
}

void rotateToken(const RopeArgs& args, std::int64_t token) {
  const std::int64_t half = args.rope_dim / 2;
  const float* cosines = args.cos_sin + token * args.rope_dim;
  const float* sines = cosines + half;
  const float sign = args.direction == RopeDirection::kForward ? 1.0f : -1.0f;
  for (std::int64_t head = 0; head < args.n_heads; ++head) {
    float* x = args.x + (token * args.n_heads + head + 1) * args.head_dim - args.rope_dim;
    for (std::int64_t i = 0; i < half; ++i) {
      const float a = x[2 * i], b = x[2 * i + 1], c = cosines[i], s = sign * sines[i];
      x[2 * i] = rounded(a * c - b * s, args.rounding);
      x[2 * i + 1] = rounded(a * s + b * c, args.rounding);
    }
  }
}

}  // namespace

std::vector<float> ropeFrequencies(std::int64_t dim, double base, const YarnScaling* yarn) {
  std::vector<float> frequencies(static_cast<std::size_t>(dim / 2));
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(dim);
    frequencies[i] = 1.0f / std::pow(static_cast<float>(base), exponent);
  }
  if (yarn == nullptr) return frequencies;
  const double d = static_cast<double>(dim);
  const double low =
      std::max(std::floor(correction(yarn->beta_fast, d, base, yarn->original_length)), 0.0);
  double high =
      std::min(std::ceil(correction(yarn->beta_slow, d, base, yarn->original_length)), d - 1.0);
  if (low == high) high += 0.001;  // as the official code: no division by zero
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    const float position = static_cast<float>(i);
    const float ramp = std::clamp((position - static_cast<float>(low)) /
                                      static_cast<float>(high - low), 0.0f, 1.0f);
    const float smooth = 1.0f - ramp;
    const float scaled = frequencies[i] / static_cast<float>(yarn->factor);
    frequencies[i] = scaled * (1.0f - smooth) + frequencies[i] * smooth;
  }
  return frequencies;
}

void ropeRef(const RopeArgs& args) {
  for (std::int64_t token = 0; token < args.n; ++token) rotateToken(args, token);
}

}  // namespace kernels
