// index_scores.h
// Lightning indexer (specification §8.6): for query t and compressed key w < n_visible[t]
//   s_h = max(bf16(q[t,h]·k[w]), 0);  score[t,w] = bf16(Σ_h bf16(s_h · weight[t,h]))
// Keys beyond n_visible[t] are not scored; their places in `scores` stay as they were.
#pragma once

#include <cstdint>

#include "kernels/dtypes.h"
#include "kernels/index_pack/index_pack.h"
#include "kernels/paged_rows.h"
#include "kernels/thread_pool.h"

namespace kernels {

struct IndexScoresArgs {
  const float* q = nullptr;                  // [n, n_heads, dim], as unpackIndexRow gives them
  const float* weights = nullptr;            // [n, n_heads]
  const std::int64_t* n_visible = nullptr;   // [n], not falling
  PagedRows keys;                            // rows of `format`
  IndexRowFormat format;
  float* scores = nullptr;  // [n, scores_stride]
  std::int64_t n = 0, n_heads = 0, scores_stride = 0;
  Rounding rounding = Rounding::kBf16;
};

void indexScoresRef(const IndexScoresArgs& args);  // sums in double
void indexScoresCpu(const IndexScoresArgs& args, ThreadPool& pool);

}  // namespace kernels
