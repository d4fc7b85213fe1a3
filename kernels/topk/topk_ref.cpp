#include <algorithm>
#include <numeric>
#include <vector>

#include "kernels/topk/topk.h"

namespace kernels {

// The order is total (score, then index), so a full sort gives the one right answer.
void topkRef(const TopkArgs& args) {
  for (std::int64_t t = 0; t < args.n; ++t) {
    const float* scores = args.scores + t * args.scores_stride;
    std::vector<std::int32_t> order(static_cast<std::size_t>(args.n_visible[t]));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [scores](std::int32_t a, std::int32_t b) { return scores[a] > scores[b]; });
    order.resize(static_cast<std::size_t>(args.k), -1);
    std::copy(order.begin(), order.end(), args.indices + t * args.k);
  }
}

}  // namespace kernels
