#include "engine/forward.h"

#include <algorithm>
#include <cmath>

#include "engine/forward_scratch.h"

namespace engine {

using base::ErrorCode;
using base::Status;
using kernels::LinearInput;
using kernels::MatrixView;
using kernels::Rounding;

namespace {

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
