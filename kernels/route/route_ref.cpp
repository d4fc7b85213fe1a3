#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/route/route.h"
#include "kernels/topk/topk.h"

namespace kernels {
namespace {

float scoreOf(float logit) {
  const float softplus = logit > 20.0f ? logit : std::log1p(std::exp(logit));
  return std::sqrt(softplus);
}

}  // namespace

void route(const RouteArgs& args) {
  std::vector<float> score(args.n_experts), biased(args.n_experts);
  std::vector<std::int32_t> order(args.top_k + 1);
  for (std::int64_t t = 0; t < args.n; ++t) {
    std::int32_t* experts = args.experts + t * args.top_k;
    float* weights = args.weights + t * args.top_k;
    for (std::int64_t e = 0; e < args.n_experts; ++e)
      score[e] = scoreOf(args.logits[t * args.n_experts + e]);
    float margin = std::numeric_limits<float>::infinity();
    if (args.table != nullptr) {
      for (std::int64_t i = 0; i < args.top_k; ++i)
        experts[i] = static_cast<std::int32_t>(args.table[args.ids[t] * args.top_k + i]);
    } else {
      for (std::int64_t e = 0; e < args.n_experts; ++e) biased[e] = score[e] + args.bias[e];
      topk(biased.data(), args.n_experts, args.top_k + 1, order.data());
      std::copy_n(order.begin(), args.top_k, experts);
      if (order[args.top_k] >= 0)
        margin = biased[order[args.top_k - 1]] - biased[order[args.top_k]];
    }
    if (args.margins != nullptr) args.margins[t] = margin;
    float sum = 0.0f;
    for (std::int64_t i = 0; i < args.top_k; ++i) sum += weights[i] = score[experts[i]];
    for (std::int64_t i = 0; i < args.top_k; ++i) weights[i] = weights[i] / sum * args.scale;
  }
}

}  // namespace kernels
