#include "kernels/finite/finite.h"

#include <algorithm>
#include <bit>

namespace kernels {

// Infinity and NaN have the largest exponent: without the sign their bits are the largest too.
// One maximum without branches is what the compiler turns into vectors.
bool allFinite(const float* x, std::int64_t n) {
  std::int32_t largest = 0;
  for (std::int64_t i = 0; i < n; ++i)
    largest = std::max(largest, std::bit_cast<std::int32_t>(x[i]) & 0x7fffffff);
  return largest < 0x7f800000;
}

}  // namespace kernels
