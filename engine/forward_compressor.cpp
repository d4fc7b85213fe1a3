// The streaming compressors (specification §7).
#include <algorithm>
#include <atomic>

#include "engine/forward.h"
#include "engine/forward_scratch.h"

namespace engine {

using kernels::Rounding;

void Forward::compress(std::size_t layer, const CompressorWeights& w, std::int64_t dim,
                       const float* x, const Batch& batch, CompressorRows LayerState::* rows,
                       const Emit& emit) const {
  const std::int64_t width = w.wkv.out;
  // K, then G, of every row of the batch.
  float* projected = sized(scratch_->projected, batch.n * 2 * width);
  for (int half = 0; half < 2; ++half) {
    kernels::LinearArgs product;
    product.x = x;
    product.w = half == 0 ? w.wkv : w.wgate;
    product.y = projected + half * width;
    product.y_stride = 2 * width;
    product.n = batch.n;
    product.input = plainInput();
    product.rounding = Rounding::kNone;
    backend_.linear(product);
  }
  scratch_->check("compressor", projected, batch.n, 2 * width);

  const std::int64_t ratio = layout_.layers[layer].ratio;
  std::int64_t row = 0;
  for (const Part& part : batch.parts) {
    // G gets the position bias of the token's place in its row.
    for (std::int64_t t = 0; t < part.n; ++t) {
      const float* ape = w.ape.data() + (part.start + t) % ratio * width;
      float* g = projected + t * 2 * width + width;
      for (std::int64_t i = 0; i < width; ++i) g[i] += ape[i];
    }
    CompressorRows& state = part.state->layers[layer].write().*rows;
    if (state.rows.empty()) state.first = part.start;
    state.rows.insert(state.rows.end(), projected, projected + part.n * 2 * width);
    if (!poolRows(layer, w, dim, part, state, emit)) scratch_->mark("compressed rows", row);
    row += part.n;
    projected += part.n * 2 * width;
  }
}

// The compressed rows that the part's tokens complete; false when one is not made of numbers.
bool Forward::poolRows(std::size_t layer, const CompressorWeights& w, std::int64_t dim,
                       const Part& part, const CompressorRows& state, const Emit& emit) const {
  const LayerKvLayout& kv = layout_.layers[layer];
  const std::int64_t width = w.wkv.out, ratio = kv.ratio;
  const std::int64_t first_row = part.start / ratio;
  const std::int64_t n_rows = (part.start + part.n) / ratio - first_row;
  std::atomic<bool> whole = true;
  backend_.forEach(n_rows, 4, [&](std::int64_t begin, std::int64_t last) {
    std::vector<float> entry(static_cast<std::size_t>(dim)),
        cos_sin(static_cast<std::size_t>(c_.rope_dim));
    for (std::int64_t row = first_row + begin; row < first_row + last; ++row) {
      const float* rows = state.rows.data() + (row * ratio - state.first) * 2 * width;
      kernels::CompressArgs pool;
      pool.k = rows;
      pool.g = rows + width;
      pool.row_stride = 2 * width;
      pool.ratio = ratio;
      pool.dim = dim;
      pool.overlap = kv.overlap;
      pool.has_previous = row > 0;
      pool.pooled = entry.data();
      pool.rounding = rounding_;
      backend_.compress(pool);
      kernels::RmsNormArgs normed{entry.data(), w.norm.data(), entry.data(), 1,
                                  dim,          c_.norm_eps,   rounding_};
      kernels::rmsNormRef(normed);
      kernels::ropeAngles(yarn_frequencies_, row * ratio, cos_sin.data());
      kernels::RopeArgs rope;
      rope.x = entry.data();
      rope.cos_sin = cos_sin.data();
      rope.n = 1;
      rope.head_dim = dim;
      rope.rope_dim = c_.rope_dim;
      rope.rounding = rounding_;
      kernels::ropeRef(rope);
      if (!kernels::allFinite(entry.data(), dim)) {
        std::fill(entry.begin(), entry.end(), 0.0f);
        whole = false;
      }
      emit(*part.state, row, entry.data());
    }
  });
  return whole;
}

}  // namespace engine
