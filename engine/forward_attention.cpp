// Attention of one layer (specification §6 to §9, Appendix D).
#include <algorithm>
#include <cmath>

#include "engine/forward.h"
#include "engine/forward_scratch.h"
#include "engine/row_cache.h"

namespace engine {

void Forward::attention(std::size_t index, const float* x, const Batch& batch, float* y,
                        LayerTap* tap) const {
  Scratch& s = *scratch_;
  const LayerWeights& layer = weights_.layers[index];
  const LayerKvLayout& kv = layout_.layers[index];
  const AttentionWeights& w = layer.attn;
  const LayerShape& shape = layer.shape;
  const bool compressed = shape.ratio != 0, indexed = shape.kind == LayerKind::kCsa;
  const float* cos_sin = angles(compressed ? RopeKind::kYarn : RopeKind::kPlain, batch);

  // What the rows leave behind for later ones.
  const float* entries = windowEntries(w, x, cos_sin, batch.n);
  for (const Part& part : batch.parts) {
    LayerState& own = part.state->layers[index].write();
    dropOldRows(layout_, index, part.start, own);
    appendWindow(entries, part.start, part.n, own);
    entries += part.n * c_.head_dim;
  }
  if (compressed)
    compress(index, w.compressor, c_.head_dim, x, batch, &LayerState::compressor,
             [&](SequenceState& state, std::int64_t row, float* entry) {
               kernels::packKvRow(layout_.row, entry,
                                  openBlockOf(kv, row, state) + kv.rows_offset +
                                      row % kv.rows_per_block * layout_.row.rowBytes());
             });
  if (indexed)
    compress(index, w.indexer.compressor, c_.index_dim, x, batch, &LayerState::index,
             [&](SequenceState& state, std::int64_t row, float* entry) {
               kernels::packIndexRow(layout_.key, entry,
                                     openBlockOf(kv, row, state) + kv.keys_offset +
                                         row % kv.rows_per_block * layout_.key.rowBytes());
             });

  // Queries, for rows whose streams go on.
  const std::int64_t first = batch.first_output, n = batch.n - first;
  if (n == 0) return;
  x += first * c_.hidden;
  cos_sin += first * c_.rope_dim;
  s.first_row = first;
  float* latent = sized(s.latent, n * c_.q_lora_rank);
  float* q = sized(s.q, n * c_.n_heads * c_.head_dim);
  queries(w, x, cos_sin, n, latent, q);
  s.check("queries", q, n, c_.n_heads * c_.head_dim);
  // While everything visible fits into the selection, no score is needed.
  const bool scored = std::any_of(batch.parts.begin(), batch.parts.end(), [&](const Part& part) {
    return indexed && (part.start + part.n) / shape.ratio > c_.index_topk;
  });
  if (scored) indexQueries(w.indexer, x, latent, cos_sin, n);

  std::int64_t row = 0;
  for (Part part : batch.parts) {
    part.start += first;
    part.n -= first;
    const LayerState& own = *part.state->layers[index];
    kernels::AttendArgs attend;
    attend.q = q + row * c_.n_heads * c_.head_dim;
    attend.o = q + row * c_.n_heads * c_.head_dim;
    attend.sink = w.sink.data();
    attend.n = part.n;
    attend.n_heads = c_.n_heads;
    attend.format = layout_.row;
    attend.scale = 1.0f / std::sqrt(static_cast<float>(c_.head_dim));
    attend.window = own.window.data();
    attend.window_first = own.window_first;
    attend.window_size = c_.window;
    attend.start = part.start;
    attend.rounding = rounding_;
    if (compressed) {
      s.n_visible.resize(static_cast<std::size_t>(part.n));
      for (std::int64_t t = 0; t < part.n; ++t)
        s.n_visible[static_cast<std::size_t>(t)] = (part.start + t + 1) / shape.ratio;
      attend.n_visible = s.n_visible.data();
    }
    if (indexed) {
      selectRows(index, part, row, tap);
      attendSelected(kv, part, first + row, attend);
    } else {
      if (compressed)
        attend.compressed =
            pagedRows(*part.state, kv, kv.rows_offset, layout_.row.rowBytes(), s.row_pages);
      backend_.attendSparse(attend);
    }
    row += part.n;
  }
  output(w, cos_sin, n, q, y + first * c_.hidden);
}

void Forward::attendSelected(const LayerKvLayout& kv, const Part& part, std::int64_t row,
                             kernels::AttendArgs attend) const {
  Scratch& s = *scratch_;
  const std::int64_t k = c_.index_topk, width = c_.n_heads * c_.head_dim;
  const std::span<const std::int32_t> selected(s.selected.data(),
                                               static_cast<std::size_t>(part.n * k));
  for (std::int64_t done = 0; done < part.n;) {
    const auto rest = selected.subspan(static_cast<std::size_t>(done * k));
    const auto n = rows_.bring(*part.state, kv, rest, k, s.row_pages);
    if (!n) {
      for (std::int64_t t = done; t < part.n; ++t) {
        s.mark("stored rows", row + t);
        s.unread.emplace(row + t, n.error());
      }
      return;
    }
    attend.n = *n;
    attend.start = part.start + done;
    attend.compressed = {s.row_pages.data(), kv.page_rows, layout_.row.rowBytes()};
    attend.selected = rest.data();
    attend.n_selected = k;
    backend_.attendSparse(attend);
    attend.q += *n * width;
    attend.o += *n * width;
    attend.n_visible += *n;
    done += *n;
  }
}

const float* Forward::angles(RopeKind kind, const Batch& batch) const {
  if (batch.parts.size() == 1) return angles(kind, batch.parts[0].start, batch.n);
  Scratch& s = *scratch_;
  const int which = kind == RopeKind::kPlain ? 0 : 1;
  const std::vector<float>& frequencies = which == 0 ? plain_frequencies_ : yarn_frequencies_;
  float* cos_sin = sized(which == 0 ? s.plain_angles : s.yarn_angles, batch.n * c_.rope_dim);
  s.angles_start[which] = -1;
  std::int64_t row = 0;
  for (const Part& part : batch.parts)
    for (std::int64_t t = 0; t < part.n; ++t)
      kernels::ropeAngles(frequencies, part.start + t, cos_sin + row++ * c_.rope_dim);
  return cos_sin;
}

const float* Forward::angles(RopeKind kind, std::int64_t start, std::int64_t n) const {
  // Every layer asks for the same positions: computed for the first one only.
  Scratch& s = *scratch_;
  const int which = kind == RopeKind::kPlain ? 0 : 1;
  std::vector<float>& cos_sin = which == 0 ? s.plain_angles : s.yarn_angles;
  if (s.angles_start[which] == start && s.angles_n[which] == n) return cos_sin.data();
  const std::vector<float>& frequencies = which == 0 ? plain_frequencies_ : yarn_frequencies_;
  sized(cos_sin, n * c_.rope_dim);
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

float* Forward::windowEntries(const AttentionWeights& w, const float* x, const float* cos_sin,
                              std::int64_t n) const {
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
  scratch_->check("window entries", kv, n, c_.head_dim);
  return kv;
}

void Forward::packEntries(const float* entries, std::int64_t n, std::byte* rows) const {
  backend_.forEach(n, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t)
      kernels::packKvRow(layout_.row, entries + t * c_.head_dim,
                         rows + t * layout_.row.rowBytes());
  });
}

void Forward::appendWindow(const float* entries, std::int64_t start, std::int64_t n,
                           LayerState& state) const {
  const std::size_t before = state.window.size();
  if (before == 0) state.window_first = start;
  state.window.resize(before + static_cast<std::size_t>(n * layout_.row.rowBytes()));
  packEntries(entries, n, state.window.data() + before);
}

void Forward::trimWindow(std::int64_t end, LayerState& state) const {
  dropOldRows(layout_.row.rowBytes(), end - c_.window, 0, state);
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
    part.input = plainInput();
    part.rounding = rounding_;
    backend_.linear(part);
  }
  linear(w.wo_b, grouped, n, y);
}

}  // namespace engine
