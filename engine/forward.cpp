#include "engine/forward.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <new>
#include <numeric>

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

// Passes end at block ends: snapshots are taken between passes, and rows of a pass lie in one
// block.
std::int64_t passEnd(std::int64_t at, std::int64_t end, std::int64_t n_together) {
  return std::min({at + n_together, end, at - at % kBlockTokens + kBlockTokens});
}

// `layer` −1: behind the last one.
Status brokenAt(std::int64_t layer, const char* stage) {
  const std::string place = layer < 0 ? "" : "layer " + std::to_string(layer) + ", ";
  return base::failure(ErrorCode::kNumerics,
                       place + stage + ": a value became infinite or NaN",
                       "Check the model files; nothing was stored.");
}

}  // namespace

void Forward::Scratch::check(const char* stage, float* values, std::int64_t n,
                             std::int64_t width) {
  if (kernels::allFinite(values, n * width)) return;
  for (std::int64_t i = 0; i < n; ++i) {
    if (kernels::allFinite(values + i * width, width)) continue;
    std::fill_n(values + i * width, width, 0.0f);
    mark(stage, first_row + i);
  }
}

void Forward::Scratch::mark(const char* stage, std::int64_t row) {
  const char*& first = broken[static_cast<std::size_t>(row)];
  if (first != nullptr) return;
  first = stage;
  ++n_broken;
}

const char* Forward::Scratch::firstBroken() const {
  const auto found =
      std::find_if(broken.begin(), broken.end(), [](auto stage) { return stage != nullptr; });
  return found == broken.end() ? nullptr : *found;
}

Forward::Forward(const ModelConfig& config, const Weights& weights, const KvLayout& layout,
                 Numerics numerics, Backend& backend, RowCache& rows)
    : c_(config),
      weights_(weights),
      layout_(layout),
      numerics_(numerics),
      rounding_(numerics == Numerics::kOfficial ? Rounding::kBf16 : Rounding::kNone),
      backend_(backend),
      rows_(rows),
      scratch_(std::make_shared<Scratch>()) {
  const kernels::YarnScaling yarn = yarnOf(config.rope_scaling);
  plain_frequencies_ = kernels::ropeFrequencies(config.rope_dim, config.rope_theta, nullptr);
  yarn_frequencies_ = kernels::ropeFrequencies(config.rope_dim, config.compress_rope_theta,
                                               config.rope_scaling.factor > 1 ? &yarn : nullptr);
}

// --- runs ---------------------------------------------------------------------------------------

// Layer after layer, a few hundred rows at a time: a layer's weights are read once per run.
Status Forward::run(std::span<const base::TokenId> ids, SequenceState& state,
                    const RunOptions& options, std::vector<float>& logits) const {
  const std::int64_t start = state.size(), end = start + static_cast<std::int64_t>(ids.size());
  const LayerStates before = passEnd(start, end, options.n_together) < end ? state.layers
                                                                           : LayerStates();
  Status done;
  try {
    openBlocks(layout_, end, state);
    done = runPasses(ids, state, options, logits);
    if (done) state.open_ids.insert(state.open_ids.end(), ids.begin(), ids.end());
  } catch (const std::bad_alloc&) {
    done = base::failure(ErrorCode::kOutOfMemory, "there is no memory for this part of the context",
                         "Close other programs or use a smaller context.");
  }
  if (done) {
    dropOldRows(layout_, state);
  } else {
    if (!before.empty()) state.layers = before;
    cutRows(layout_, start, state);
  }
  return done;
}

Status Forward::runPasses(std::span<const base::TokenId> ids, SequenceState& state,
                          const RunOptions& options, std::vector<float>& logits) const {
  Scratch& s = *scratch_;
  const std::int64_t start = state.size(), n = static_cast<std::int64_t>(ids.size());
  const std::int64_t end = start + n, width = c_.hc_streams * c_.hidden;
  const auto n_layers = static_cast<std::int64_t>(weights_.layers.size());
  const bool one_pass = passEnd(start, end, options.n_together) == end;
  if (!one_pass && rounding_ == Rounding::kBf16) sized(s.kept_bf16, n * width);
  if (!one_pass && rounding_ == Rounding::kNone) sized(s.kept_float, n * width);
  if (options.taps != nullptr) options.taps->layers.resize(weights_.layers.size());
  if (options.kept != nullptr) {
    options.kept->resize(options.keep_at.size());
    for (std::size_t i = 0; i < options.keep_at.size(); ++i) {
      (*options.kept)[i].position = options.keep_at[i];
      (*options.kept)[i].layers.clear();
    }
  }
  if (options.rows != LogitRows::kLast) logits.clear();

  TRY(weights_.checkFiles());
  std::int64_t n_done = 0;
  for (std::int64_t layer = 0; layer < n_layers; ++layer) {
    const bool is_last = layer == n_layers - 1;
    std::size_t next_kept = 0;
    for (std::int64_t at = start, to = start; at < end; at = to) {
      to = passEnd(at, end, options.n_together);
      const Part part{at, to - at, &state};
      Batch batch{{&part, 1}, part.n, ids.data() + (at - start), 0};
      const bool is_kept = next_kept < options.keep_at.size() && options.keep_at[next_kept] == to;
      const bool wants_logits = is_kept || (to == end && options.rows != LogitRows::kNone);
      // Streams behind the last layer are for logits only.
      if (is_last && options.rows != LogitRows::kAll && options.taps == nullptr)
        batch.first_output = part.n - (wants_logits ? 1 : 0);

      float* streams = sized(s.streams, part.n * width);
      if (layer == 0) embed(batch.ids, part.n, streams);
      else if (!one_pass) loadStreams(at - start, part.n, streams);
      s.beginPass(part.n);
      TRY(needLayer(static_cast<std::size_t>(layer),
                    {batch.ids, static_cast<std::size_t>(part.n)}));
      runLayer(static_cast<std::size_t>(layer), batch, streams,
               options.taps != nullptr ? &options.taps->layers[static_cast<std::size_t>(layer)]
                                       : nullptr);
      TRY(weightFailure());
      if (!s.unread.empty()) return tl::make_unexpected(s.unread.begin()->second);
      if (s.n_broken > 0) return brokenAt(layer, s.firstBroken());
      if (!is_last && !one_pass) storeStreams(at - start, part.n, streams);

      if (is_kept)
        (*options.kept)[next_kept].layers.push_back(
            neededRows(layout_, static_cast<std::size_t>(layer), to, state.layers));
      if (is_last && options.rows == LogitRows::kAll) {
        const auto before = static_cast<std::int64_t>(logits.size());
        logits.resize(static_cast<std::size_t>(before + part.n * c_.vocab));
        head(weights_.tail, streams, part.n, logits.data() + before);
        s.first_row = 0;
        s.check("logits", logits.data() + before, part.n, c_.vocab);
      } else if (is_last && wants_logits) {
        lastLogits(streams, part.n);
      }
      TRY(weightFailure());
      if (s.n_broken > 0) return brokenAt(-1, s.firstBroken());
      if (is_last && is_kept)
        (*options.kept)[next_kept].logits.overwrite().assign(s.logits.begin(), s.logits.end());
      if (is_last && to == end && options.rows == LogitRows::kLast)
        logits.assign(s.logits.begin(), s.logits.end());
      if (is_kept) ++next_kept;

      n_done += part.n;
      if (n_done < n * n_layers && options.go_on &&
          !options.go_on(static_cast<double>(n_done) / static_cast<double>(n * n_layers)))
        return base::failure(ErrorCode::kCancelled, "reading was stopped");
    }
  }
  return weights_.checkFiles();  // what a file gave that changed meanwhile is not believed
}

Status Forward::needLayer(std::size_t layer, std::span<const base::TokenId> ids) const {
  WeightStore* store = weights_.store();
  return store != nullptr ? store->needLayer(layer, ids) : Status();
}

Status Forward::weightFailure() const {
  WeightStore* store = weights_.store();
  return store != nullptr ? store->takeFailure() : Status();
}

std::vector<Status> Forward::runTogether(std::span<const base::TokenId> ids,
                                         std::span<SequenceState* const> states,
                                         std::vector<float>& logits) const {
  Scratch& s = *scratch_;
  const auto n = static_cast<std::int64_t>(ids.size());
  std::vector<Status> done(ids.size());
  std::vector<Part> parts;
  for (SequenceState* state : states) {
    parts.push_back({state->size(), 1, state});
    openBlocks(layout_, state->size() + 1, *state);
  }
  const Batch batch{parts, n, ids.data(), 0};
  float* streams = sized(s.streams, n * c_.hc_streams * c_.hidden);
  embed(ids.data(), n, streams);
  s.beginPass(n);
  std::vector<std::int64_t> broken_layer(ids.size(), -1);
  const auto note = [&](std::int64_t layer) {
    for (std::size_t i = 0; i < ids.size(); ++i)
      if (s.broken[i] != nullptr && broken_layer[i] < 0) broken_layer[i] = layer;
  };
  Status read = weights_.checkFiles();
  for (std::size_t layer = 0; layer < weights_.layers.size() && read; ++layer) {
    read = needLayer(layer, ids);
    if (!read) break;
    runLayer(layer, batch, streams, nullptr);
    note(static_cast<std::int64_t>(layer));
    read = weightFailure();
  }
  logits.resize(static_cast<std::size_t>(n * c_.vocab));
  head(weights_.tail, streams, n, logits.data());
  s.first_row = 0;
  s.check("logits", logits.data(), n, c_.vocab);

  if (read) read = weightFailure();
  if (read) read = weights_.checkFiles();

  for (std::size_t i = 0; i < ids.size(); ++i) {
    SequenceState& state = *states[i];
    if (!read) {
      done[i] = read;
      cutRows(layout_, parts[i].start, state);
      continue;
    }
    if (s.broken[i] == nullptr) {
      state.open_ids.push_back(ids[i]);
      continue;
    }
    const auto unread = s.unread.find(static_cast<std::int64_t>(i));
    done[i] = unread != s.unread.end() ? Status(tl::make_unexpected(unread->second))
                                       : brokenAt(broken_layer[i], s.broken[i]);
    cutRows(layout_, parts[i].start, state);
  }
  return done;
}

const float* Forward::lastLogits(const float* streams, std::int64_t n) const {
  Scratch& s = *scratch_;
  s.logits.resize(static_cast<std::size_t>(c_.vocab));
  head(weights_.tail, streams + (n - 1) * c_.hc_streams * c_.hidden, 1, s.logits.data());
  s.first_row = n - 1;
  s.check("logits", s.logits.data(), 1, c_.vocab);
  return s.logits.data();
}

void Forward::loadStreams(std::int64_t first, std::int64_t n, float* streams) const {
  const std::int64_t width = c_.hc_streams * c_.hidden;
  const Scratch& s = *scratch_;
  if (rounding_ == Rounding::kNone) {
    std::copy_n(s.kept_float.data() + first * width, n * width, streams);
    return;
  }
  const std::uint16_t* kept = s.kept_bf16.data() + first * width;
  for (std::int64_t i = 0; i < n * width; ++i) streams[i] = kernels::bf16ToFloat(kept[i]);
}

void Forward::storeStreams(std::int64_t first, std::int64_t n, const float* streams) const {
  const std::int64_t width = c_.hc_streams * c_.hidden;
  Scratch& s = *scratch_;
  if (rounding_ == Rounding::kNone) {
    std::copy_n(streams, n * width, s.kept_float.data() + first * width);
    return;
  }
  std::uint16_t* kept = s.kept_bf16.data() + first * width;
  for (std::int64_t i = 0; i < n * width; ++i)
    kept[i] = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(streams[i]) >> 16);
}

void Forward::embed(const base::TokenId* ids, std::int64_t n, float* streams) const {
  kernels::EmbedArgs args;
  args.ids = ids;
  args.weight = weights_.embed;
  args.streams = streams;
  args.n = n;
  args.n_streams = c_.hc_streams;
  WeightStore* store = weights_.store();
  if (store == nullptr) return backend_.embed(args);
  // The rows alone, one per token.
  std::vector<base::TokenId> numbers(static_cast<std::size_t>(n));
  std::iota(numbers.begin(), numbers.end(), 0);
  const auto rows = store->embeddingRows({ids, numbers.size()});
  if (!rows) return store->fail(rows.error());
  args.ids = numbers.data();
  args.weight = *rows;
  backend_.embed(args);
}

// --- one layer, in the order of the specification §4.5 ------------------------------------------

void Forward::subLayers(const LayerWeights& w, const Batch& batch, float* streams, LayerTap* tap,
                        const Attend& attend) const {
  Scratch& s = *scratch_;
  const std::int64_t n = batch.n, first = batch.first_output, n_out = n - first;
  const std::int64_t size = n * c_.hidden;
  float *mixed = sized(s.mixed, size), *normed = sized(s.normed, size),
        *branch = sized(s.branch, size);

  hcPre(w.hc_attn, streams, n, mixed);
  s.first_row = 0;
  s.check("hyper-connections of attention", s.post.data(), n, c_.hc_streams);
  s.check("hyper-connections of attention", s.comb.data(), n, c_.hc_streams * c_.hc_streams);
  norm(w.attn_norm, mixed, n, normed);
  attend(normed, branch);
  if (n_out == 0) return;
  s.first_row = first;
  s.check("attention output", branch + first * c_.hidden, n_out, c_.hidden);
  if (tap != nullptr) append(&tap->attn_in, normed, size), append(&tap->attn_out, branch, size);
  streams += first * c_.hc_streams * c_.hidden;
  hcPost(branch + first * c_.hidden, n_out, streams, first);

  hcPre(w.hc_ffn, streams, n_out, mixed);
  s.check("hyper-connections of the experts", s.post.data(), n_out, c_.hc_streams);
  s.check("hyper-connections of the experts", s.comb.data(), n_out,
          c_.hc_streams * c_.hc_streams);
  norm(w.ffn_norm, mixed, n_out, normed);
  moe(w, normed, batch.ids + first, n_out, branch, tap);
  s.check("experts' output", branch, n_out, c_.hidden);
  if (tap != nullptr) append(&tap->moe_in, normed, size), append(&tap->moe_out, branch, size);
  hcPost(branch, n_out, streams);
  if (tap != nullptr) append(&tap->streams, streams, size * c_.hc_streams);
}

void Forward::runLayer(std::size_t layer, const Batch& batch, float* streams,
                       LayerTap* tap) const {
  subLayers(weights_.layers[layer], batch, streams, tap, [&](const float* x, float* y) {
    attention(layer, x, batch, y, tap);
  });
}

void Forward::runWindowLayer(const LayerWeights& weights, const Step& step, LayerState& state,
                             float* streams) const {
  const Batch batch{{}, step.n, step.ids, 0};
  scratch_->beginPass(step.n);
  subLayers(weights, batch, streams, nullptr, [&](const float* x, float* y) {
    Scratch& s = *scratch_;
    const float* cos_sin = angles(RopeKind::kPlain, step.start, step.n);
    float* latent = sized(s.latent, step.n * c_.q_lora_rank);
    float* q = sized(s.q, step.n * c_.n_heads * c_.head_dim);
    queries(weights.attn, x, cos_sin, step.n, latent, q);
    appendWindow(windowEntries(weights.attn, x, cos_sin, step.n), step.start, step.n, state);
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

void Forward::hcPost(const float* f, std::int64_t n, float* streams,
                     std::int64_t first_row) const {
  kernels::HcPostArgs args;
  args.f = f;
  args.post = scratch_->post.data() + first_row * c_.hc_streams;
  args.comb = scratch_->comb.data() + first_row * c_.hc_streams * c_.hc_streams;
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
  product.input = plainInput();
  product.rounding = Rounding::kNone;
  WeightStore* store = weights_.store();
  if (store == nullptr) return backend_.linear(product);
  product.y_stride = c_.vocab;
  for (std::size_t piece = 0; piece < store->nHeadPieces(); ++piece) {
    const auto rows = store->headPiece(piece);
    if (!rows) return store->fail(rows.error());
    product.w = *rows;
    backend_.linear(product);
    product.y += rows->out;
  }
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

LinearInput Forward::inputOf(const MatrixView& w) const {
  const bool official = w.type == kernels::WeightType::kFp8 || w.type == kernels::WeightType::kFp4;
  return official && numerics_ == Numerics::kOfficial ? LinearInput::kFp8 : plainInput();
}

LinearInput Forward::plainInput() const {
  return rounding_ == Rounding::kBf16 ? LinearInput::kBf16 : LinearInput::kAsIs;
}

void Forward::linear(const MatrixView& w, const float* x, std::int64_t n, float* y) const {
  kernels::LinearArgs args;
  args.x = x;
  args.w = w;
  args.y = y;
  args.n = n;
  args.input = inputOf(w);
  args.rounding = rounding_;
  backend_.linear(args);
}

void Forward::project(const MatrixView& w, const float* x, std::int64_t n, float* y) const {
  kernels::LinearArgs args;
  args.x = x;
  args.w = w;
  args.y = y;
  args.n = n;
  args.input = plainInput();
  args.rounding = rounding_;
  backend_.linear(args);
}

}  // namespace engine
