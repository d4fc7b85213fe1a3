// The lightning indexer: which compressed rows a query attends to (specification §8).
#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/forward.h"
#include "engine/forward_scratch.h"

namespace engine {

void Forward::indexQueries(const IndexerWeights& w, const float* x, const float* latent,
                           const float* cos_sin, std::int64_t n) const {
  Scratch& s = *scratch_;
  const std::int64_t heads = c_.index_heads, dim = c_.index_dim;
  float* q = sized(s.index_q, n * heads * dim);
  linear(w.wq_b, latent, n, q);
  kernels::RopeArgs rope;
  rope.x = q;
  rope.cos_sin = cos_sin;
  rope.n = n;
  rope.n_heads = heads;
  rope.head_dim = dim;
  rope.rope_dim = c_.rope_dim;
  rope.rounding = rounding_;
  backend_.rope(rope);
  s.check("index queries", q, n, heads * dim);
  if (layout_.key.packing == kernels::RowPacking::kPacked) {
    s.packed.resize(static_cast<std::size_t>(n * heads * layout_.key.rowBytes()));
    backend_.forEach(n * heads, 64, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        std::byte* packed = s.packed.data() + i * layout_.key.rowBytes();
        kernels::packIndexRow(layout_.key, q + i * dim, packed);
        kernels::unpackIndexRow(layout_.key, packed, q + i * dim);
      }
    });
  }
  float* weights = sized(s.index_weights, n * heads);
  project(w.weights_proj, x, n, weights);
  s.check("index weights", weights, n, heads);
  const float constant = static_cast<float>(1.0 / std::sqrt(static_cast<double>(dim * heads)));
  for (std::int64_t i = 0; i < n * heads; ++i)
    weights[i] = kernels::rounded(weights[i] * constant, rounding_);
}

void Forward::selectRows(std::size_t layer, const Part& queries, std::int64_t row,
                         LayerTap* tap) const {
  Scratch& s = *scratch_;
  const std::int64_t k = c_.index_topk, heads = c_.index_heads, dim = c_.index_dim;
  s.selected.assign(static_cast<std::size_t>(queries.n * k), -1);
  std::vector<float> margins(tap != nullptr ? static_cast<std::size_t>(queries.n) : 0,
                             std::numeric_limits<float>::infinity());

  // While everything visible fits, the selection is everything.
  std::int64_t first = 0;
  for (; first < queries.n && s.n_visible[static_cast<std::size_t>(first)] <= k; ++first)
    for (std::int64_t i = 0; i < s.n_visible[static_cast<std::size_t>(first)]; ++i)
      s.selected[static_cast<std::size_t>(first * k + i)] = static_cast<std::int32_t>(i);

  if (const std::int64_t n = queries.n - first; n > 0) {
    kernels::IndexScoresArgs scores;
    scores.keys = pagedRows(*queries.state, layout_.layers[layer],
                            layout_.layers[layer].keys_offset, layout_.key.rowBytes(),
                            s.key_pages);
    scores.format = layout_.key;
    scores.n_heads = heads;
    scores.rounding = rounding_;
    // A bounded number of scores at a time, so that scratch stays constant in practice.
    const std::int64_t n_keys = s.n_visible[static_cast<std::size_t>(queries.n - 1)];
    const std::int64_t n_together =
        std::clamp<std::int64_t>((std::int64_t{1} << 22) / n_keys, 1, n);
    for (std::int64_t begin = 0; begin < n; begin += n_together) {
      scores.n = std::min(n_together, n - begin);
      scores.q = s.index_q.data() + (row + first + begin) * heads * dim;
      scores.weights = s.index_weights.data() + (row + first + begin) * heads;
      scores.n_visible = s.n_visible.data() + first + begin;
      scores.scores_stride = n_keys;
      scores.scores = sized(s.scores, scores.n * n_keys);
      backend_.indexScores(scores);
      kernels::TopkArgs best;
      best.scores = scores.scores;
      best.n_visible = scores.n_visible;
      best.indices = s.selected.data() + (first + begin) * k;
      best.n = scores.n;
      best.k = k;
      best.scores_stride = n_keys;
      backend_.topk(best);
      if (tap == nullptr) continue;
      for (std::int64_t t = 0; t < scores.n; ++t) {
        const float* row = scores.scores + t * n_keys;
        std::vector<std::int32_t> best(static_cast<std::size_t>(k + 1));
        kernels::topk(row, scores.n_visible[t], k + 1, best.data());
        margins[static_cast<std::size_t>(first + begin + t)] =
            row[best[static_cast<std::size_t>(k - 1)]] - row[best[static_cast<std::size_t>(k)]];
      }
    }
  }
  if (tap == nullptr) return;
  tap->topk.insert(tap->topk.end(), s.selected.begin(), s.selected.end());
  tap->index_margin.insert(tap->index_margin.end(), margins.begin(), margins.end());
}

}  // namespace engine
