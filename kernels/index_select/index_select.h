// index_select.h
// Lightning indexer (specification §8.6 to §8.8): the k best of the visible keys for every query.
//   s_h = max(bf16(q[t,h]·k[w]), 0);  score[t,w] = bf16(Σ_h bf16(s_h · weight[t,h]))
// Descending score, the lowest index first among equals; +0 and −0 are equal, NaN counts as −∞
// and so does max(NaN, 0) as 0. Scores are never stored: memory beside the results does not grow
// with the number of keys.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/dtypes.h"
#include "kernels/index_pack/index_pack.h"
#include "kernels/paged_rows.h"
#include "kernels/thread_pool.h"

namespace kernels {

struct IndexSelectArgs {
  const std::byte* q = nullptr;             // [n, n_heads] rows of `format`
  const float* weights = nullptr;           // [n, n_heads]
  const std::int64_t* n_visible = nullptr;  // [n]: query t sees keys 0 .. n_visible[t] − 1
  PagedRows keys;                           // rows of `format`
  IndexRowFormat format;
  std::int32_t* indices = nullptr;  // [n, k], −1 where fewer than k are visible
  float* scores = nullptr;          // [n, k] of the selected, −∞ beside −1; may be null
  std::int64_t n = 0, n_heads = 0, k = 0;
  Rounding rounding = Rounding::kBf16;
};

void indexSelectRef(const IndexSelectArgs& args);  // sums in double
// Dot products of packed rows are exact integers wherever the scales of a row are near each
// other, as those of rotated rows are; elsewhere they are sums in float32 in the order of the
// dimension. The sum over heads is in float32 in the order of the heads.
void indexSelectCpu(const IndexSelectArgs& args, ThreadPool& pool);

}  // namespace kernels
