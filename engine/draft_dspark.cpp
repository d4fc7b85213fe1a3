#include "engine/draft_dspark.h"

#include <algorithm>
#include <cmath>

namespace engine {

DsparkDraft::DsparkDraft(const Forward& forward, const Weights& weights)
    : forward_(forward), weights_(weights), dspark_(*weights.dspark) {}

DsparkState DsparkDraft::emptyState() const {
  DsparkState state;
  state.stages.resize(dspark_.stages.size());
  return state;
}

void DsparkDraft::gatherTaps(std::span<const float* const> streams, std::int64_t n,
                             float* taps) const {
  const ModelConfig& c = forward_.config();
  const auto n_targets = static_cast<std::int64_t>(streams.size());
  for (std::int64_t t = 0; t < n; ++t)
    for (std::int64_t target = 0; target < n_targets; ++target) {
      const float* x = streams[static_cast<std::size_t>(target)] + t * c.hc_streams * c.hidden;
      float* tap = taps + (t * n_targets + target) * c.hidden;
      for (std::int64_t i = 0; i < c.hidden; ++i) {
        float sum = 0.0f;
        for (std::int64_t h = 0; h < c.hc_streams; ++h) sum += x[h * c.hidden + i];
        tap[i] = kernels::rounded(sum / static_cast<float>(c.hc_streams), forward_.rounding());
      }
    }
}

void DsparkDraft::append(std::int64_t n, const float* taps, DsparkState& state) const {
  const ModelConfig& c = forward_.config();
  std::vector<float> main(static_cast<std::size_t>(std::min(n, kChunkTokens) * c.hidden));
  for (std::int64_t first = 0; first < n; first += kChunkTokens) {
    const Step step{state.n, std::min(kChunkTokens, n - first), nullptr};
    forward_.linear(dspark_.main_proj, taps + first * dspark_.main_proj.in, step.n, main.data());
    forward_.norm(dspark_.main_norm, main.data(), step.n, main.data());
    const float* cos_sin = forward_.angles(RopeKind::kPlain, step.start, step.n);
    for (std::size_t i = 0; i < dspark_.stages.size(); ++i) {
      const float* entries =
          forward_.windowEntries(dspark_.stages[i].attn, main.data(), cos_sin, step.n);
      forward_.appendWindow(entries, step.start, step.n, state.stages[i]);
      forward_.trimWindow(step.start + step.n, state.stages[i]);
    }
    state.n += step.n;
  }
}

DsparkBlock DsparkDraft::draft(base::TokenId first, const DsparkState& state,
                               const Choose& choose) const {
  const ModelConfig& c = forward_.config();
  const std::int64_t n = c.dspark.block_size;
  std::vector<base::TokenId> ids(static_cast<std::size_t>(n), c.dspark.noise_token);
  ids[0] = first;
  const Step step{state.n, n, ids.data()};
  std::vector<float> streams(static_cast<std::size_t>(n * c.hc_streams * c.hidden));
  forward_.embed(ids.data(), n, streams.data());
  for (std::size_t i = 0; i < dspark_.stages.size(); ++i)
    runStage(dspark_.stages[i], state.stages[i], step, streams.data());

  // The confidence head reads x before the norm, next to the Markov embedding.
  const std::int64_t rank = c.dspark.markov_rank;
  std::vector<float> x(static_cast<std::size_t>(n * c.hidden)), normed(x.size());
  forward_.hcHead(dspark_.tail, streams.data(), n, x.data());
  forward_.norm(dspark_.tail.norm, x.data(), n, normed.data());
  DsparkBlock block;
  block.logits.resize(static_cast<std::size_t>(n * c.vocab));
  block.confidence.resize(static_cast<std::size_t>(n));
  exactLinear(weights_.head, normed.data(), n, block.logits.data());

  std::vector<float> bias(static_cast<std::size_t>(c.vocab));
  std::vector<float> joined(static_cast<std::size_t>(c.hidden + rank));
  base::TokenId before = first;
  for (std::int64_t i = 0; i < n; ++i) {
    std::copy_n(x.data() + i * c.hidden, c.hidden, joined.data());
    kernels::dequantizeRow(dspark_.markov_w1, before, joined.data() + c.hidden);
    exactLinear(dspark_.markov_w2, joined.data() + c.hidden, 1, bias.data());
    exactLinear(dspark_.confidence, joined.data(), 1,
                &block.confidence[static_cast<std::size_t>(i)]);
    const std::span logits(block.logits.data() + i * c.vocab, static_cast<std::size_t>(c.vocab));
    for (std::size_t v = 0; v < logits.size(); ++v) logits[v] += bias[v];
    before = choose(logits);
    block.ids.push_back(before);
  }
  return block;
}

// An ordinary block but for what its attention sees.
void DsparkDraft::runStage(const LayerWeights& stage, const LayerState& window, const Step& step,
                           float* streams) const {
  const auto size = static_cast<std::size_t>(step.n * forward_.config().hidden);
  std::vector<float> mixed(size), normed(size), branch(size);

  forward_.hcPre(stage.hc_attn, streams, step.n, mixed.data());
  forward_.norm(stage.attn_norm, mixed.data(), step.n, normed.data());
  attend(stage.attn, window, step, normed.data(), branch.data());
  forward_.hcPost(branch.data(), step.n, streams);

  forward_.hcPre(stage.hc_ffn, streams, step.n, mixed.data());
  forward_.norm(stage.ffn_norm, mixed.data(), step.n, normed.data());
  forward_.moe(stage, normed.data(), step.ids, step.n, branch.data(), nullptr);
  forward_.hcPost(branch.data(), step.n, streams);
}

// Every query sees the whole window and the whole block: one list of rows for all of them.
void DsparkDraft::attend(const AttentionWeights& w, const LayerState& window, const Step& step,
                         const float* x, float* y) const {
  const ModelConfig& c = forward_.config();
  const kernels::KvRowFormat& row = forward_.layout().row;
  const float* cos_sin = forward_.angles(RopeKind::kPlain, step.start, step.n);
  std::vector<float> latent(static_cast<std::size_t>(step.n * c.q_lora_rank));
  std::vector<float> q(static_cast<std::size_t>(step.n * c.n_heads * c.head_dim));
  forward_.queries(w, x, cos_sin, step.n, latent.data(), q.data());

  std::vector<std::byte> rows = window.window;
  rows.resize(rows.size() + static_cast<std::size_t>(step.n * row.rowBytes()));
  forward_.packEntries(forward_.windowEntries(w, x, cos_sin, step.n), step.n,
                       rows.data() + window.window.size());
  const auto n_rows = static_cast<std::int64_t>(rows.size()) / row.rowBytes();
  const std::byte* page = rows.data();
  const std::vector<std::int64_t> n_visible(static_cast<std::size_t>(step.n), n_rows);

  kernels::AttendArgs attend;
  attend.q = q.data();
  attend.o = q.data();
  attend.sink = w.sink.data();
  attend.n = step.n;
  attend.n_heads = c.n_heads;
  attend.format = row;
  attend.scale = 1.0f / std::sqrt(static_cast<float>(c.head_dim));
  attend.window_size = 0;
  attend.start = step.start;
  attend.compressed = {&page, n_rows, row.rowBytes()};
  attend.n_visible = n_visible.data();
  attend.rounding = forward_.rounding();
  forward_.backend().attendSparse(attend);
  forward_.output(w, cos_sin, step.n, q.data(), y);
}

void DsparkDraft::exactLinear(const kernels::MatrixView& w, const float* x, std::int64_t n,
                              float* y) const {
  kernels::LinearArgs args;
  args.x = x;
  args.w = w;
  args.y = y;
  args.n = n;
  args.rounding = kernels::Rounding::kNone;
  forward_.backend().linear(args);
}

}  // namespace engine
