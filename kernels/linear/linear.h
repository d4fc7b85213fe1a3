// linear.h
// y[t,o] = Σ_k a(x)[t,k] · w[o,k]                                     specification §3.7
// a(x) = x for bf16 and float32 products; FP8 quantisation in groups of 128 for the quantised
// linears (kFp8; in % 128 == 0). Scales are powers of two, so only the order of the sum
// separates this from the block-wise official product.
#pragma once

#include <cstdint>

#include "kernels/dtypes.h"
#include "kernels/matrix_view.h"
#include "kernels/thread_pool.h"

namespace kernels {

enum class LinearInput {
  kAsIs,
  kBf16,  // as it is, and x lies on the bf16 grid
  kFp8,
};

struct LinearArgs {
  const float* x = nullptr;  // row t at x + t·x_stride, [in]
  MatrixView w;              // [out, in]
  float* y = nullptr;        // row t at y + t·y_stride, [out]; must not alias x
  std::int64_t n = 0;
  std::int64_t x_stride = 0, y_stride = 0;  // 0: in, out
  LinearInput input = LinearInput::kAsIs;
  Rounding rounding = Rounding::kBf16;  // of y
};

void linearRef(const LinearArgs& args);  // sums in double
// Sums in float32, one partial sum per lane along k, then one fixed reduction: the result of a row
// does not depend on n, on the blocking or on the threads. Where x and w are exact in bf16 and the
// machine multiplies such numbers, it does.
// Cost: each weight row is dequantised once per call and used for all n rows of x.
void linearCpu(const LinearArgs& args, ThreadPool& pool);

}  // namespace kernels
