// product_rows.h: some rows of a weight matrix times some rows of activations, on the calling
// thread: the part that linear, experts and hc share out among threads.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/dtypes.h"
#include "kernels/matrix_view.h"

namespace kernels {

// Weight rows dequantised together. Pieces of a matrix start at multiples of it.
inline constexpr std::int64_t kTileRows = 16;
// Tokens that share a dequantised tile at most.
inline constexpr std::int64_t kMostTokens = 256;

// y[t · y_stride + o − first] = x[t] · w[o] for first <= o < last, rounded; n <= kMostTokens
// pointers x to rows of w.in values. A sum is made along k in segments of 512 columns that are
// added in ascending order, inside a segment one partial sum per lane and then one fixed
// reduction: it depends neither on n nor on where the pieces begin.
void productRows(const MatrixView& w, std::int64_t first, std::int64_t last, const float* const* x,
                 std::int64_t n, float* y, std::int64_t y_stride, Rounding rounding);

// How many rows of `width` values are worth waking a thread for, where a value costs a few
// operations.
inline std::int64_t rowsWorthAThread(std::int64_t width) {
  return std::max<std::int64_t>(1, 8192 / width);
}

}  // namespace kernels
