// The lightning indexer: which compressed rows a query attends to (specification §8).
#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/forward.h"
#include "engine/forward_scratch.h"

namespace engine {
namespace {

// The selection, and the gap between the last selected and the first rejected score. Every query
// sees more than k keys.
void selectWithMargins(Backend& backend, kernels::IndexSelectArgs select, float* margins) {
  const std::int64_t k = select.k;
  std::int32_t* selected = select.indices;
  std::vector<std::int32_t> indices(static_cast<std::size_t>(select.n * (k + 1)));
  std::vector<float> scores(indices.size());
  select.indices = indices.data();
  select.scores = scores.data();
  select.k = k + 1;
  backend.indexSelect(select);
  for (std::int64_t t = 0; t < select.n; ++t) {
    std::copy_n(indices.data() + t * (k + 1), k, selected + t * k);
    margins[t] = scores[static_cast<std::size_t>(t * (k + 1) + k - 1)] -
                 scores[static_cast<std::size_t>(t * (k + 1) + k)];
  }
}

}  // namespace

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
  s.packed.resize(static_cast<std::size_t>(n * heads * layout_.key.rowBytes()));
  backend_.forEach(n * heads, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      kernels::packIndexRow(layout_.key, q + i * dim, s.packed.data() + i * layout_.key.rowBytes());
  });
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
  const std::int64_t k = c_.index_topk, heads = c_.index_heads;
  s.selected.assign(static_cast<std::size_t>(queries.n * k), -1);
  std::vector<float> margins(tap != nullptr ? static_cast<std::size_t>(queries.n) : 0,
                             std::numeric_limits<float>::infinity());

  // While everything visible fits, the selection is everything.
  std::int64_t first = 0;
  for (; first < queries.n && s.n_visible[static_cast<std::size_t>(first)] <= k; ++first)
    for (std::int64_t i = 0; i < s.n_visible[static_cast<std::size_t>(first)]; ++i)
      s.selected[static_cast<std::size_t>(first * k + i)] = static_cast<std::int32_t>(i);

  if (const std::int64_t n = queries.n - first; n > 0) {
    kernels::IndexSelectArgs select;
    select.q = s.packed.data() + (row + first) * heads * layout_.key.rowBytes();
    select.weights = s.index_weights.data() + (row + first) * heads;
    select.n_visible = s.n_visible.data() + first;
    select.keys = pagedRows(*queries.state, layout_.layers[layer],
                            layout_.layers[layer].keys_offset, layout_.key.rowBytes(), s.key_pages);
    select.format = layout_.key;
    select.indices = s.selected.data() + first * k;
    select.n = n;
    select.n_heads = heads;
    select.k = k;
    select.rounding = rounding_;
    if (tap == nullptr)
      backend_.indexSelect(select);
    else
      selectWithMargins(backend_, select, margins.data() + first);
  }
  if (tap == nullptr) return;
  tap->topk.insert(tap->topk.end(), s.selected.begin(), s.selected.end());
  tap->index_margin.insert(tap->index_margin.end(), margins.begin(), margins.end());
}

}  // namespace engine
