// topk.h
// The k best of n scores: descending score, the lowest index first among equals (specification
// §8.8, §21 D17). +0 and −0 are equal.
#pragma once

#include <cstdint>

#include "kernels/thread_pool.h"

namespace kernels {

// indices[0..k) receives min(k, n) indices; the rest is −1. Linear in n.
void topk(const float* scores, std::int64_t n, std::int64_t k, std::int32_t* indices);

// One selection per row, among the first n_visible[t] scores of the row.
struct TopkArgs {
  const float* scores = nullptr;            // row t at scores + t·scores_stride
  const std::int64_t* n_visible = nullptr;  // [n]
  std::int32_t* indices = nullptr;          // [n, k], −1 where fewer than k are visible
  std::int64_t n = 0, k = 0, scores_stride = 0;
};

void topkRef(const TopkArgs& args);
void topkCpu(const TopkArgs& args, ThreadPool& pool);

}  // namespace kernels
