// Attention of one layer (specification §6 to §9, Appendix D).
#include <algorithm>
#include <cmath>

#include "engine/forward.h"
#include "engine/forward_scratch.h"

namespace engine {

void Forward::attention(std::size_t index, const float* x, const Step& step, SequenceState& state,
                        float* y, LayerTap* tap) const {
  Scratch& s = *scratch_;
  const LayerWeights& layer = weights_.layers[index];
  const LayerKvLayout& kv = layout_.layers[index];
  const AttentionWeights& w = layer.attn;
  const LayerShape& shape = layer.shape;
  LayerState& own = state.layers[index];
  const float* cos_sin =
      angles(shape.ratio == 0 ? RopeKind::kPlain : RopeKind::kYarn, step.start, step.n);

  float* latent = sized(s.latent, step.n * c_.q_lora_rank);
  float* q = sized(s.q, step.n * c_.n_heads * c_.head_dim);
  queries(w, x, cos_sin, step.n, latent, q);
  appendWindow(w, x, cos_sin, step, own);

  kernels::AttendArgs attend;
  attend.q = q;
  attend.o = q;
  attend.sink = w.sink.data();
  attend.n = step.n;
  attend.n_heads = c_.n_heads;
  attend.format = layout_.row;
  attend.scale = 1.0f / std::sqrt(static_cast<float>(c_.head_dim));
  attend.window = own.window.data();
  attend.window_first = own.window_first;
  attend.window_size = c_.window;
  attend.start = step.start;
  attend.rounding = rounding_;

  if (shape.ratio != 0) {
    compress(w.compressor, shape, c_.head_dim, x, step, own.compressor,
             [&](std::int64_t row, float* entry) {
               kernels::packKvRow(layout_.row, entry,
                                  state.tail.data() + kv.rows_offset +
                                      row % kv.rows_per_block * layout_.row.rowBytes());
             });
    s.n_visible.resize(static_cast<std::size_t>(step.n));
    for (std::int64_t t = 0; t < step.n; ++t)
      s.n_visible[static_cast<std::size_t>(t)] = (step.start + t + 1) / shape.ratio;
    attend.compressed = pagedRows(state, kv, kv.rows_offset, layout_.row.rowBytes(), s.row_pages);
    attend.n_visible = s.n_visible.data();
  }
  if (shape.kind == LayerKind::kCsa) {
    compress(w.indexer.compressor, shape, c_.index_dim, x, step, own.index,
             [&](std::int64_t row, float* entry) {
               kernels::packIndexRow(layout_.key, entry,
                                     state.tail.data() + kv.keys_offset +
                                         row % kv.rows_per_block * layout_.key.rowBytes());
             });
    selectRows(w.indexer, index, x, latent, cos_sin, step, state, tap);
    attend.selected = s.selected.data();
    attend.n_selected = c_.index_topk;
  }
  backend_.attendSparse(attend);
  output(w, cos_sin, step.n, q, y);
  trimWindow(step.start + step.n, own);
}

const float* Forward::angles(RopeKind kind, std::int64_t start, std::int64_t n) const {
  // Every layer asks for the same positions: computed for the first one only.
  Scratch& s = *scratch_;
  const int which = kind == RopeKind::kPlain ? 0 : 1;
  std::vector<float>& cos_sin = which == 0 ? s.plain_angles : s.yarn_angles;
  if (s.angles_start[which] == start && s.angles_n[which] == n) return cos_sin.data();
  const std::vector<float>& frequencies = which == 0 ? plain_frequencies_ : yarn_frequencies_;
  cos_sin.resize(static_cast<std::size_t>(n * c_.rope_dim));
  for (std::int64_t t = 0; t < n; ++t)
    kernels::ropeAngles(frequencies, start + t, cos_sin.data() + t * c_.rope_dim);
  s.angles_start[which] = start;
  s.angles_n[which] = n;
  return cos_sin.data();
}

void Forward::queries(const AttentionWeights& w, const float* x, const float* cos_sin,
                      std::int64_t n, float* latent, float* q) const {
  linear(w.wq_a, x, n, latent);
  norm(w.q_norm, latent, n, latent);
  linear(w.wq_b, latent, n, q);
  kernels::HeadNormArgs heads;
  heads.q = q;
  heads.n_rows = n * c_.n_heads;
  heads.head_dim = c_.head_dim;
  heads.eps = c_.norm_eps;
  heads.rounding = rounding_;
  backend_.headNorm(heads);
  kernels::RopeArgs rope;
  rope.x = q;
  rope.cos_sin = cos_sin;
  rope.n = n;
  rope.n_heads = c_.n_heads;
  rope.head_dim = c_.head_dim;
  rope.rope_dim = c_.rope_dim;
  rope.rounding = rounding_;
  backend_.rope(rope);
}

void Forward::windowRows(const AttentionWeights& w, const float* x, const float* cos_sin,
                         std::int64_t n, std::byte* rows) const {
  float* kv = sized(scratch_->kv, n * c_.head_dim);
  linear(w.wkv, x, n, kv);
  norm(w.kv_norm, kv, n, kv);
  kernels::RopeArgs rope;
  rope.x = kv;
  rope.cos_sin = cos_sin;
  rope.n = n;
  rope.head_dim = c_.head_dim;
  rope.rope_dim = c_.rope_dim;
  rope.rounding = rounding_;
  backend_.rope(rope);
  backend_.forEach(n, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t)
      kernels::packKvRow(layout_.row, kv + t * c_.head_dim, rows + t * layout_.row.rowBytes());
  });
}

void Forward::appendWindow(const AttentionWeights& w, const float* x, const float* cos_sin,
                           const Step& step, LayerState& state) const {
  const std::size_t before = state.window.size();
  if (before == 0) state.window_first = step.start;
  state.window.resize(before + static_cast<std::size_t>(step.n * layout_.row.rowBytes()));
  windowRows(w, x, cos_sin, step.n, state.window.data() + before);
}

void Forward::trimWindow(std::int64_t end, LayerState& state) const {
  const std::int64_t first = std::max<std::int64_t>(state.window_first, end - c_.window);
  const std::int64_t n_dropped = first - state.window_first;
  state.window.erase(state.window.begin(),
                     state.window.begin() + n_dropped * layout_.row.rowBytes());
  state.window_first = first;
}

void Forward::output(const AttentionWeights& w, const float* cos_sin, std::int64_t n, float* o,
                     float* y) const {
  kernels::RopeArgs rope;
  rope.x = o;
  rope.cos_sin = cos_sin;
  rope.n = n;
  rope.n_heads = c_.n_heads;
  rope.head_dim = c_.head_dim;
  rope.rope_dim = c_.rope_dim;
  rope.direction = kernels::RopeDirection::kInverse;
  rope.rounding = rounding_;
  backend_.rope(rope);
  // wo_a works on its activation as it is, group by group (specification §3.7, §6.3).
  float* grouped = sized(scratch_->grouped, n * c_.o_groups * c_.o_lora_rank);
  for (std::int64_t group = 0; group < c_.o_groups; ++group) {
    kernels::LinearArgs part;
    part.x = o + group * w.wo_a.in;
    part.x_stride = c_.n_heads * c_.head_dim;
    part.w = w.wo_a.rows(group * c_.o_lora_rank, c_.o_lora_rank);
    part.y = grouped + group * c_.o_lora_rank;
    part.y_stride = c_.o_groups * c_.o_lora_rank;
    part.n = n;
    part.rounding = rounding_;
    backend_.linear(part);
  }
  linear(w.wo_b, grouped, n, y);
}

}  // namespace engine
