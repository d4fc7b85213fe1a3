// head_norm.h
// Weightless RMS norm of each query head, in bf16 arithmetic with five roundings (spec §6.1):
//   s = bf16(q²), v = bf16(mean s), r = bf16(rsqrt(bf16(v + eps))), q = bf16(q · r)
#pragma once

#include <cstdint>

#include "kernels/dtypes.h"
#include "kernels/thread_pool.h"

namespace kernels {

struct HeadNormArgs {
  float* q = nullptr;  // [n_rows, head_dim], in place; a row is one head of one token
  std::int64_t n_rows = 0, head_dim = 0;
  float eps = 1e-6f;
  Rounding rounding = Rounding::kBf16;
};

void headNormRef(const HeadNormArgs& args);
void headNormCpu(const HeadNormArgs& args, ThreadPool& pool);

}  // namespace kernels
