// rms_norm.h
// y[r,:] = w · (x[r,:] · rsqrt(mean(x[r,:]²) + eps)), in double, rounded once (specification §4.2)
#pragma once

#include <cstdint>

#include "kernels/dtypes.h"
#include "kernels/thread_pool.h"

namespace kernels {

struct RmsNormArgs {
  const float* x = nullptr;        // [n, dim]
  const float* weight = nullptr;   // [dim]
  float* y = nullptr;              // [n, dim]; may alias x
  std::int64_t n = 0, dim = 0;
  float eps = 1e-6f;
  Rounding rounding = Rounding::kBf16;
};

void rmsNormRef(const RmsNormArgs& args);  // sums in double
void rmsNormCpu(const RmsNormArgs& args, ThreadPool& pool);

}  // namespace kernels
