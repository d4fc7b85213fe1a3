#include <algorithm>
#include <vector>

#include "kernels/index_scores/index_scores.h"

namespace kernels {

void indexScoresRef(const IndexScoresArgs& args) {
  const std::int64_t dim = args.format.dim;
  std::vector<float> key(static_cast<std::size_t>(dim));
  for (std::int64_t t = 0; t < args.n; ++t)
    for (std::int64_t w = 0; w < args.n_visible[t]; ++w) {
      unpackIndexRow(args.format, args.keys.row(w), key.data());
      double total = 0.0;
      for (std::int64_t h = 0; h < args.n_heads; ++h) {
        const float* q = args.q + (t * args.n_heads + h) * dim;
        double dot = 0.0;
        for (std::int64_t i = 0; i < dim; ++i) dot += static_cast<double>(q[i]) * key[i];
        const float s = std::max(rounded(static_cast<float>(dot), args.rounding), 0.0f);
        total += rounded(s * args.weights[t * args.n_heads + h], args.rounding);
      }
      args.scores[t * args.scores_stride + w] = rounded(static_cast<float>(total), args.rounding);
    }
}

}  // namespace kernels
