#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "kernels/index_select/index_select.h"

namespace kernels {
namespace {

constexpr float kWorst = -std::numeric_limits<float>::infinity();

// scores[w] of every key that query t sees.
void scoreKeys(const IndexSelectArgs& args, std::int64_t t, std::vector<float>& scores) {
  const std::int64_t dim = args.format.dim;
  std::vector<float> q(static_cast<std::size_t>(args.n_heads * dim));
  std::vector<float> key(static_cast<std::size_t>(dim));
  for (std::int64_t h = 0; h < args.n_heads; ++h)
    unpackIndexRow(args.format, args.q + (t * args.n_heads + h) * args.format.rowBytes(),
                   q.data() + h * dim);
  scores.resize(static_cast<std::size_t>(args.n_visible[t]));
  for (std::int64_t w = 0; w < args.n_visible[t]; ++w) {
    unpackIndexRow(args.format, args.keys.row(w), key.data());
    double total = 0.0;
    for (std::int64_t h = 0; h < args.n_heads; ++h) {
      double dot = 0.0;
      for (std::int64_t i = 0; i < dim; ++i) dot += static_cast<double>(q[h * dim + i]) * key[i];
      const float s = rounded(static_cast<float>(dot), args.rounding);
      total += rounded((s > 0.0f ? s : 0.0f) * args.weights[t * args.n_heads + h], args.rounding);
    }
    const float score = rounded(static_cast<float>(total), args.rounding);
    scores[static_cast<std::size_t>(w)] = std::isnan(score) ? kWorst : score;
  }
}

}  // namespace

// The order is total (score, then index), so a full sort gives the one right answer.
void indexSelectRef(const IndexSelectArgs& args) {
  std::vector<float> scores;
  for (std::int64_t t = 0; t < args.n; ++t) {
    scoreKeys(args, t, scores);
    std::vector<std::int32_t> order(scores.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::int32_t a, std::int32_t b) { return scores[a] > scores[b]; });
    order.resize(static_cast<std::size_t>(args.k), -1);
    std::copy(order.begin(), order.end(), args.indices + t * args.k);
    if (args.scores == nullptr) continue;
    std::transform(order.begin(), order.end(), args.scores + t * args.k,
                   [&](std::int32_t w) { return w < 0 ? kWorst : scores[w]; });
  }
}

}  // namespace kernels
