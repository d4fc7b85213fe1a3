#include <algorithm>
#include <numeric>
#include <vector>

#include "kernels/topk/topk.h"

namespace kernels {

void topk(const float* scores, std::int64_t n, std::int64_t k, std::int32_t* indices) {
  thread_local std::vector<std::int32_t> order;
  order.resize(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  const std::int64_t n_best = std::min(n, k);
  std::partial_sort(order.begin(), order.begin() + n_best, order.end(),
                    [scores](std::int32_t a, std::int32_t b) {
                      return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
                    });
  std::copy_n(order.begin(), n_best, indices);
  std::fill(indices + n_best, indices + k, -1);
}

}  // namespace kernels
