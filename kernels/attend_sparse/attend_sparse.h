// attend_sparse.h
// Attention of every head over a list of entries that are keys and values at once (spec §9.4):
//   s_i = (q·kv_i)·scale, m = max s_i, P_i = exp(s_i − m), Z = Σ P_i + exp(sink_h − m),
//   o = (Σ bf16(P_i)·kv_i) / Z, rounded to bf16. The maximum runs over the whole list.
// The list of query t (position = start + t): window rows of positions max(0, position−window+1)
// .. position, oldest first (none when window_size is 0); then either the rows named by `selected`
// (−1 = none) or the first n_visible[t] compressed rows. An empty list gives zeros.
#pragma once

#include <cstdint>

#include "kernels/dtypes.h"
#include "kernels/kv_pack/kv_pack.h"
#include "kernels/paged_rows.h"
#include "kernels/thread_pool.h"

namespace kernels {

struct AttendArgs {
  const float* q = nullptr;     // [n, n_heads, head_dim]; with kBf16 on the bf16 grid
  const float* sink = nullptr;  // [n_heads]
  float* o = nullptr;           // [n, n_heads, head_dim]; may alias q
  std::int64_t n = 0, n_heads = 0;
  KvRowFormat format;
  float scale = 0;

  const std::byte* window = nullptr;  // row of position window_first; rows follow each other
  std::int64_t window_first = 0, window_size = 128, start = 0;

  PagedRows compressed;
  const std::int32_t* selected = nullptr;    // [n, n_selected], or null
  std::int64_t n_selected = 0;
  const std::int64_t* n_visible = nullptr;   // [n]; used when selected is null; null: none

  Rounding rounding = Rounding::kBf16;
};

void attendSparseRef(const AttendArgs& args);  // sums in double
// A query's bits depend neither on the queries beside it nor on the threads. Memory of a thread:
// 2 MiB for the scores of the lists it computes together, or those of one query's heads (64 at a
// time; 2.1 MiB at 8,320 rows) where that is more, and 64 KiB for unpacked rows.
void attendSparseCpu(const AttendArgs& args, ThreadPool& pool);

}  // namespace kernels
