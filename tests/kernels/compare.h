// compare.h: how close arrays are to the golden ones, in the words of the certificates.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "kernels/dtypes.h"

namespace support {

// Steps between two values on the bf16 grid; +0 and −0 are the same point.
inline std::int32_t bf16Steps(float a, float b) {
  const auto rank = [](float value) {
    const std::int32_t bits = kernels::floatToBf16(value);
    return bits & 0x8000 ? -(bits & 0x7fff) : bits;
  };
  return std::abs(rank(a) - rank(b));
}

// Empty when equal bf16 values make up at least `share` of the array and the rest is one step
// away; otherwise a sentence with position and both values.
inline std::string bf16Mismatch(std::span<const float> actual, std::span<const float> expected,
                                double share) {
  if (actual.size() != expected.size()) return "sizes differ";
  std::size_t n_equal = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    if (!(std::isfinite(actual[i]) && std::isfinite(expected[i])))
      return "not finite at " + std::to_string(i);
    if (kernels::roundBf16(actual[i]) != actual[i])
      return "not on the bf16 grid at " + std::to_string(i);
    const std::int32_t steps = bf16Steps(actual[i], expected[i]);
    if (steps > 1)
      return "at " + std::to_string(i) + " " + std::to_string(actual[i]) + " instead of " +
             std::to_string(expected[i]) + ", " + std::to_string(steps) + " steps";
    n_equal += steps == 0;
  }
  const double equal = static_cast<double>(n_equal) / static_cast<double>(actual.size());
  return equal >= share ? "" : "only " + std::to_string(100 * equal) + " % identical";
}

// Empty when |actual − expected| ≤ bound everywhere.
inline std::string absoluteMismatch(std::span<const float> actual, std::span<const float> expected,
                                    double bound) {
  if (actual.size() != expected.size()) return "sizes differ";
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double difference = std::fabs(static_cast<double>(actual[i]) - expected[i]);
    if (!(difference <= bound))
      return "at " + std::to_string(i) + " " + std::to_string(actual[i]) + " instead of " +
             std::to_string(expected[i]);
  }
  return "";
}

// Empty when every row's root mean square of the difference is at most `bound` times the root
// mean square of the expected row.
inline std::string rowMismatch(std::span<const float> actual, std::span<const float> expected,
                               std::size_t width, double bound) {
  if (actual.size() != expected.size()) return "sizes differ";
  for (std::size_t row = 0; row < actual.size() / width; ++row) {
    double difference = 0, norm = 0;
    for (std::size_t i = row * width; i < (row + 1) * width; ++i) {
      difference += std::pow(static_cast<double>(actual[i]) - expected[i], 2);
      norm += std::pow(static_cast<double>(expected[i]), 2);
    }
    const double relative = std::sqrt(difference / std::max(norm, 1e-300));
    if (!(relative <= bound))
      return "row " + std::to_string(row) + " relative rms " + std::to_string(relative);
  }
  return "";
}

// As rowMismatch, with the largest difference of an element instead of the mean.
inline std::string elementMismatch(std::span<const float> actual, std::span<const float> expected,
                                   std::size_t width, double bound) {
  if (actual.size() != expected.size()) return "sizes differ";
  for (std::size_t row = 0; row < actual.size() / width; ++row) {
    double norm = 0;
    for (std::size_t i = row * width; i < (row + 1) * width; ++i)
      norm += std::pow(static_cast<double>(expected[i]), 2);
    for (std::size_t i = row * width; i < (row + 1) * width; ++i) {
      const double difference = std::fabs(static_cast<double>(actual[i]) - expected[i]);
      if (!(difference <= bound * std::sqrt(norm)))
        return "at " + std::to_string(i) + " " + std::to_string(actual[i]) + " instead of " +
               std::to_string(expected[i]);
    }
  }
  return "";
}

}  // namespace support

// Fails the test with the comparison's sentence.
#define VERIFY_MATCH(comparison)                                       \
  do {                                                                 \
    const std::string mismatch = (comparison);                         \
    QVERIFY2(mismatch.empty(), (#comparison ": " + mismatch).c_str()); \
  } while (false)
