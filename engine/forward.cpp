#include "engine/forward.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace engine {

using base::ErrorCode;
using base::Status;
using kernels::LinearInput;
using kernels::MatrixView;
using kernels::Rounding;

// Grown when first needed, reused by every chunk.
struct Forward::Scratch {
  std::vector<float> streams, mixed, normed, branch, post, comb;          // residual streams
  std::vector<float> latent, q, kv, grouped, plain_angles, yarn_angles;   // attention
  std::vector<float> projected, entry_angles;                             // compressors
  std::vector<float> index_q, index_weights, scores;                      // indexer
  std::vector<std::byte> packed;
  std::vector<std::int32_t> selected, experts;
  std::vector<std::int64_t> n_visible;
  std::vector<float> gate_logits, expert_weights, router_margins, tail;
  std::vector<const std::byte*> row_pages, key_pages;
  std::int64_t angles_start[2] = {-1, -1}, angles_n[2] = {0, 0};  // what *_angles hold
};

namespace {

float* sized(std::vector<float>& buffer, std::int64_t n) {
  if (static_cast<std::int64_t>(buffer.size()) < n) buffer.resize(static_cast<std::size_t>(n));
  return buffer.data();
}

void append(std::vector<float>* to, const float* values, std::int64_t n) {
  to->insert(to->end(), values, values + n);
}

kernels::YarnScaling yarnOf(const RopeScaling& scaling) {
  return {scaling.factor, scaling.original_length, scaling.beta_fast, scaling.beta_slow};
}

}  // namespace

Forward::Forward(const ModelConfig& config, const Weights& weights, const KvLayout& layout,
                 Numerics numerics, Backend& backend)
    : c_(config),
      weights_(weights),
      layout_(layout),
      numerics_(numerics),
      rounding_(numerics == Numerics::kOfficial ? Rounding::kBf16 : Rounding::kNone),
      backend_(backend),
      scratch_(std::make_shared<Scratch>()) {
  const kernels::YarnScaling yarn = yarnOf(config.rope_scaling);
  plain_frequencies_ = kernels::ropeFrequencies(config.rope_dim, config.rope_theta, nullptr);
  yarn_frequencies_ = kernels::ropeFrequencies(config.rope_dim, config.compress_rope_theta,
                                               config.rope_scaling.factor > 1 ? &yarn : nullptr);
}

Status Forward::run(std::span<const base::TokenId> ids, SequenceState& state, LogitRows rows,
                    std::vector<float>& logits, Taps* taps) const {
  const Step step{static_cast<std::int64_t>(state.tokens.size()),
                  static_cast<std::int64_t>(ids.size()), ids.data()};
  const std::int64_t width = c_.hc_streams * c_.hidden;
  float* streams = sized(scratch_->streams, step.n * width);
  if (taps != nullptr) taps->layers.resize(weights_.layers.size());

  embed(step, streams);
  for (std::size_t layer = 0; layer < weights_.layers.size(); ++layer)
    runLayer(layer, step, state, streams, taps != nullptr ? &taps->layers[layer] : nullptr);
  state.tokens.insert(state.tokens.end(), ids.begin(), ids.end());

  for (std::int64_t i = 0; i < step.n * width; ++i)
    if (!std::isfinite(streams[i]))
      return base::failure(ErrorCode::kNumerics, "the residual streams became infinite or NaN",
                           "Check the model files; nothing was stored.");
  if (rows == LogitRows::kNone) return {};
  const std::int64_t n = rows == LogitRows::kAll ? step.n : 1;
  logits.resize(static_cast<std::size_t>(n * c_.vocab));
  head(weights_.tail, streams + (step.n - n) * width, n, logits.data());
  for (const float value : logits)
    if (!std::isfinite(value))
      return base::failure(ErrorCode::kNumerics, "the logits became infinite or NaN",
                           "Check the model files; nothing was stored.");
  return {};
}

void Forward::embed(const Step& step, float* streams) const {
  kernels::EmbedArgs args;
  args.ids = step.ids;
  args.weight = weights_.embed;
  args.streams = streams;
  args.n = step.n;
  args.n_streams = c_.hc_streams;
  backend_.embed(args);
}

// One layer, in the order of the specification §4.5.
void Forward::subLayers(const LayerWeights& w, const Step& step, float* streams, LayerTap* tap,
                        const std::function<void(const float*, float*)>& attend) const {
  Scratch& s = *scratch_;
  const std::int64_t size = step.n * c_.hidden;
  float *mixed = sized(s.mixed, size), *normed = sized(s.normed, size),
        *branch = sized(s.branch, size);

  hcPre(w.hc_attn, streams, step.n, mixed);
  norm(w.attn_norm, mixed, step.n, normed);
  attend(normed, branch);
  if (tap != nullptr) append(&tap->attn_in, normed, size), append(&tap->attn_out, branch, size);
  hcPost(branch, step.n, streams);

  hcPre(w.hc_ffn, streams, step.n, mixed);
  norm(w.ffn_norm, mixed, step.n, normed);
  moe(w, normed, step, branch, tap);
  if (tap != nullptr) append(&tap->moe_in, normed, size), append(&tap->moe_out, branch, size);
  hcPost(branch, step.n, streams);
  if (tap != nullptr) append(&tap->streams, streams, size * c_.hc_streams);
}

void Forward::runLayer(std::size_t layer, const Step& step, SequenceState& state, float* streams,
                       LayerTap* tap) const {
  subLayers(weights_.layers[layer], step, streams, tap, [&](const float* x, float* y) {
    attention(layer, x, step, state, y, tap);
  });
}

void Forward::runWindowLayer(const LayerWeights& weights, const Step& step, LayerState& state,
                             float* streams) const {
  subLayers(weights, step, streams, nullptr, [&](const float* x, float* y) {
    Scratch& s = *scratch_;
    const float* cos_sin = angles(RopeKind::kPlain, step.start, step.n);
    float* latent = sized(s.latent, step.n * c_.q_lora_rank);
    float* q = sized(s.q, step.n * c_.n_heads * c_.head_dim);
    queries(weights.attn, x, cos_sin, step.n, latent, q);
    appendWindow(weights.attn, x, cos_sin, step, state);
    kernels::AttendArgs attend;
    attend.q = q;
    attend.o = q;
    attend.sink = weights.attn.sink.data();
    attend.n = step.n;
    attend.n_heads = c_.n_heads;
    attend.format = layout_.row;
    attend.scale = 1.0f / std::sqrt(static_cast<float>(c_.head_dim));
    attend.window = state.window.data();
    attend.window_first = state.window_first;
    attend.window_size = c_.window;
    attend.start = step.start;
    attend.rounding = rounding_;
    backend_.attendSparse(attend);
    output(weights.attn, cos_sin, step.n, q, y);
    trimWindow(step.start + step.n, state);
  });
}

// --- attention (§6 to §9, Appendix D) -----------------------------------------------------------

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

// --- compressor (§7) ----------------------------------------------------------------------------

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

// --- indexer (§8) -------------------------------------------------------------------------------

void Forward::selectRows(const IndexerWeights& w, std::size_t layer, const float* x,
                         const float* latent, const float* cos_sin, const Step& step,
                         const SequenceState& state, LayerTap* tap) const {
  Scratch& s = *scratch_;
  const std::int64_t k = c_.index_topk, heads = c_.index_heads, dim = c_.index_dim;
  s.selected.assign(static_cast<std::size_t>(step.n * k), -1);
  std::vector<float> margins(tap != nullptr ? static_cast<std::size_t>(step.n) : 0,
                             std::numeric_limits<float>::infinity());

  // While everything visible fits, the selection is everything and no score is needed.
  std::int64_t first = 0;
  for (; first < step.n && s.n_visible[static_cast<std::size_t>(first)] <= k; ++first)
    for (std::int64_t i = 0; i < s.n_visible[static_cast<std::size_t>(first)]; ++i)
      s.selected[static_cast<std::size_t>(first * k + i)] = static_cast<std::int32_t>(i);

  if (const std::int64_t n = step.n - first; n > 0) {
    float* q = sized(s.index_q, n * heads * dim);
    linear(w.wq_b, latent + first * c_.q_lora_rank, n, q);
    kernels::RopeArgs rope;
    rope.x = q;
    rope.cos_sin = cos_sin + first * c_.rope_dim;
    rope.n = n;
    rope.n_heads = heads;
    rope.head_dim = dim;
    rope.rope_dim = c_.rope_dim;
    rope.rounding = rounding_;
    backend_.rope(rope);
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
    project(w.weights_proj, x + first * c_.hidden, n, weights);
    const float constant = static_cast<float>(1.0 / std::sqrt(static_cast<double>(dim * heads)));
    for (std::int64_t i = 0; i < n * heads; ++i)
      weights[i] = kernels::rounded(weights[i] * constant, rounding_);

    kernels::IndexScoresArgs scores;
    scores.keys = pagedRows(state, layout_.layers[layer], layout_.layers[layer].keys_offset,
                            layout_.key.rowBytes(), s.key_pages);
    scores.format = layout_.key;
    scores.n_heads = heads;
    scores.rounding = rounding_;
    // A bounded number of scores at a time, so that scratch stays constant in practice.
    const std::int64_t n_keys = s.n_visible[static_cast<std::size_t>(step.n - 1)];
    const std::int64_t n_together =
        std::clamp<std::int64_t>((std::int64_t{1} << 22) / n_keys, 1, n);
    for (std::int64_t begin = 0; begin < n; begin += n_together) {
      scores.n = std::min(n_together, n - begin);
      scores.q = q + begin * heads * dim;
      scores.weights = weights + begin * heads;
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

// --- experts (§11) ------------------------------------------------------------------------------

void Forward::moe(const LayerWeights& layer, const float* x, const Step& step, float* y,
                  LayerTap* tap) const {
  Scratch& s = *scratch_;
  const MoeWeights& w = layer.moe;
  kernels::LinearArgs gate;
  gate.x = x;
  gate.w = w.gate;
  gate.y = sized(s.gate_logits, step.n * c_.n_experts);
  gate.n = step.n;
  gate.rounding = Rounding::kNone;
  backend_.linear(gate);

  s.experts.resize(static_cast<std::size_t>(step.n * c_.top_k));
  kernels::RouteArgs route;
  route.logits = gate.y;
  route.bias = w.bias.empty() ? nullptr : w.bias.data();
  route.table = w.table.empty() ? nullptr : w.table.data();
  route.ids = step.ids;
  route.experts = s.experts.data();
  route.weights = sized(s.expert_weights, step.n * c_.top_k);
  route.margins = sized(s.router_margins, step.n);
  route.n = step.n;
  route.n_experts = c_.n_experts;
  route.top_k = c_.top_k;
  route.scale = c_.routed_scale;
  backend_.route(route);
  if (tap != nullptr) {
    tap->experts.insert(tap->experts.end(), s.experts.begin(), s.experts.end());
    append(&tap->router_margin, route.margins, step.n);
  }

  kernels::ExpertsArgs experts;
  experts.x = x;
  experts.experts = w.experts.data();
  experts.shared = w.shared;
  experts.chosen = s.experts.data();
  experts.weights = route.weights;
  experts.y = y;
  experts.n = step.n;
  experts.n_experts = c_.n_experts;
  experts.top_k = c_.top_k;
  experts.limit = c_.swiglu_limit;
  experts.input = numerics_ == Numerics::kOfficial ? LinearInput::kFp8 : LinearInput::kAsIs;
  experts.rounding = rounding_;
  backend_.experts(experts);
}

// --- streams, norms, products -------------------------------------------------------------------

kernels::HcShape Forward::hcShape() const {
  return {c_.hc_streams, c_.hidden, c_.sinkhorn_iterations, c_.hc_eps, c_.norm_eps};
}

void Forward::hcPre(const HcWeights& hc, const float* streams, std::int64_t n, float* y) const {
  kernels::HcPreArgs args;
  args.streams = streams;
  args.parameters = hc.view();
  args.shape = hcShape();
  args.y = y;
  args.post = sized(scratch_->post, n * c_.hc_streams);
  args.comb = sized(scratch_->comb, n * c_.hc_streams * c_.hc_streams);
  args.n = n;
  args.rounding = rounding_;
  backend_.hcPre(args);
}

void Forward::hcPost(const float* f, std::int64_t n, float* streams) const {
  kernels::HcPostArgs args;
  args.f = f;
  args.post = scratch_->post.data();
  args.comb = scratch_->comb.data();
  args.streams = streams;
  args.shape = hcShape();
  args.n = n;
  args.rounding = rounding_;
  backend_.hcPost(args);
}

void Forward::hcHead(const TailWeights& tail, const float* streams, std::int64_t n,
                     float* y) const {
  kernels::HcHeadArgs args;
  args.streams = streams;
  args.parameters = tail.hc_head.view();
  args.shape = hcShape();
  args.y = y;
  args.n = n;
  args.rounding = rounding_;
  backend_.hcHead(args);
}

void Forward::head(const TailWeights& tail, const float* streams, std::int64_t n,
                   float* logits) const {
  float* y = sized(scratch_->tail, n * c_.hidden);
  hcHead(tail, streams, n, y);
  norm(tail.norm, y, n, y);
  kernels::LinearArgs product;
  product.x = y;
  product.w = weights_.head;
  product.y = logits;
  product.n = n;
  product.rounding = Rounding::kNone;
  backend_.linear(product);
}

void Forward::norm(const std::vector<float>& weight, const float* x, std::int64_t n,
                   float* y) const {
  kernels::RmsNormArgs args;
  args.x = x;
  args.weight = weight.data();
  args.y = y;
  args.n = n;
  args.dim = static_cast<std::int64_t>(weight.size());
  args.eps = c_.norm_eps;
  args.rounding = rounding_;
  backend_.rmsNorm(args);
}

void Forward::linear(const MatrixView& w, const float* x, std::int64_t n, float* y) const {
  const bool quantized = w.type == kernels::WeightType::kFp8 || w.type == kernels::WeightType::kFp4;
  kernels::LinearArgs args;
  args.x = x;
  args.w = w;
  args.y = y;
  args.n = n;
  args.input =
      quantized && numerics_ == Numerics::kOfficial ? LinearInput::kFp8 : LinearInput::kAsIs;
  args.rounding = rounding_;
  backend_.linear(args);
}

void Forward::project(const MatrixView& w, const float* x, std::int64_t n, float* y) const {
  kernels::LinearArgs args;
  args.x = x;
  args.w = w;
  args.y = y;
  args.n = n;
  args.rounding = rounding_;
  backend_.linear(args);
}

}  // namespace engine
