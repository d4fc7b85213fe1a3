// The streaming compressors (specification §7).
#include <algorithm>

#include "engine/forward.h"
#include "engine/forward_scratch.h"

namespace engine {

using kernels::Rounding;

void Forward::compress(const CompressorWeights& w, const LayerShape& shape, std::int64_t dim,
                       const float* x, const Step& step, CompressorRows& state,
                       const std::function<void(std::int64_t, float*)>& emit) const {
  const std::int64_t width = w.wkv.out, ratio = shape.ratio;
  const bool overlap = shape.kind == LayerKind::kCsa;
  if (state.rows.empty()) state.first = step.start;
  const std::size_t before = state.rows.size();
  state.rows.resize(before + static_cast<std::size_t>(step.n * 2 * width));
  float* fresh = state.rows.data() + before;

  // K, then G with the position bias of the token's place in its block.
  for (int half = 0; half < 2; ++half) {
    kernels::LinearArgs product;
    product.x = x;
    product.w = half == 0 ? w.wkv : w.wgate;
    product.y = fresh + half * width;
    product.y_stride = 2 * width;
    product.n = step.n;
    product.rounding = Rounding::kNone;
    backend_.linear(product);
  }
  for (std::int64_t t = 0; t < step.n; ++t) {
    const float* ape = w.ape.data() + (step.start + t) % ratio * width;
    float* g = fresh + t * 2 * width + width;
    for (std::int64_t i = 0; i < width; ++i) g[i] += ape[i];
  }

  const std::int64_t end = step.start + step.n;
  const std::int64_t first_row = step.start / ratio, n_rows = end / ratio - first_row;
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
      pool.overlap = overlap;
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
      emit(row, entry.data());
    }
  });

  // Kept: the open block and, with overlap, the block before it.
  const std::int64_t keep = std::max<std::int64_t>(0, end / ratio - (overlap ? 1 : 0)) * ratio;
  if (keep > state.first) {
    state.rows.erase(state.rows.begin(), state.rows.begin() + (keep - state.first) * 2 * width);
    state.first = keep;
  }
}

}  // namespace engine
