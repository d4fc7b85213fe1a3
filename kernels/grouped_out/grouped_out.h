// grouped_out.h
// First half of the output projection (specification §6.3): for every group γ of heads
//   z[t, γ·rank + r] = Σ_k wo_a[γ·rank + r, k] · o[t, γ·width + k],   width = w.in
// o is already rotated back. The activation is not quantised, whatever the type of w.
#pragma once

#include <cstdint>

#include "kernels/dtypes.h"
#include "kernels/matrix_view.h"
#include "kernels/thread_pool.h"

namespace kernels {

struct GroupedOutArgs {
  const float* o = nullptr;  // [n, n_groups · w.in]
  MatrixView w;              // [n_groups · rank, width]
  float* z = nullptr;        // [n, w.out]; must not alias o
  std::int64_t n = 0, n_groups = 1;
  Rounding rounding = Rounding::kBf16;
};

void groupedOutRef(const GroupedOutArgs& args);  // sums in double
void groupedOutCpu(const GroupedOutArgs& args, ThreadPool& pool);

}  // namespace kernels
