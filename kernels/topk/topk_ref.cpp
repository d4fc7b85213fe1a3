#include <algorithm>
#include <numeric>
#include <vector>

#include "kernels/topk/topk.h"

namespace kernels {

// The order is total (score, then index), so a partial sort gives the one right answer.
void topk(const float* scores, std::int64_t n, std::int64_t k, std::int32_t* indices) {
  thread_local std::vector<std::int32_t> order;
  order.resize(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  const auto better = [scores](std::int32_t a, std::int32_t b) {
    return scores[a] > scores[b] || (scores[a] == scores[b] && a < b);
  };
  const std::int64_t n_kept = std::min(k, n);
  if (n_kept < n) std::nth_element(order.begin(), order.begin() + n_kept, order.end(), better);
  std::sort(order.begin(), order.begin() + n_kept, better);
  std::copy_n(order.begin(), n_kept, indices);
  std::fill(indices + n_kept, indices + k, -1);
}

void topkRef(const TopkArgs& args) {
  for (std::int64_t t = 0; t < args.n; ++t)
    topk(args.scores + t * args.scores_stride, args.n_visible[t], args.k,
         args.indices + t * args.k);
}

void topkCpu(const TopkArgs& args, ThreadPool& pool) {
  pool.parallelFor(args.n, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t)
      topk(args.scores + t * args.scores_stride, args.n_visible[t], args.k,
           args.indices + t * args.k);
  });
}

}  // namespace kernels
