// draft_dspark.h: the DSpark draft stages (specification §19.2).
//
// The trunk leaves taps at a few target layers; each stage keeps a window of KV rows made from
// them. A draft is a block of a few tokens that see this window and each other in both
// directions, evaluated in one pass; a low-rank Markov head then lets each token depend on the one
// before. Knows the forward pass; does not know acceptance. Uses the scratch of its Forward: one
// thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "engine/base/ids.h"
#include "engine/forward.h"
#include "engine/sequence_state.h"
#include "engine/weights.h"

namespace engine {

// What the stages know of the tokens so far: positions 0 .. n − 1 of the trunk.
struct DsparkState {
  std::int64_t n = 0;
  std::vector<LayerState> stages;  // windows only
};

struct DsparkBlock {
  std::vector<base::TokenId> ids;  // [block_size], after the token the draft began with
  std::vector<float> logits;       // [block_size, vocab], Markov bias included
  std::vector<float> confidence;   // [block_size]; a logit per token
};

class DsparkDraft {
 public:
  // Both must outlive this; weights.dspark must be there.
  DsparkDraft(const Forward& forward, const Weights& weights);

  DsparkState emptyState() const;

  // taps [n, targets·hidden] from the streams [n, hc, hidden] after each target layer, in the
  // order of the configuration: the mean over the streams.
  void gatherTaps(std::span<const float* const> streams, std::int64_t n, float* taps) const;

  // The trunk has evaluated n more tokens (of a draft: the accepted ones).
  void append(std::int64_t n, const float* taps, DsparkState& state) const;

  // Drafts the tokens after `first`, which stands at position state.n and is not yet evaluated.
  // `choose` picks an id from the logits [vocab] of one place and is called in order.
  using Choose = std::function<base::TokenId(std::span<const float> logits)>;
  DsparkBlock draft(base::TokenId first, const DsparkState& state, const Choose& choose) const;

 private:
  void runStage(const LayerWeights& stage, const LayerState& window, const Step& step,
                float* streams) const;
  void attend(const AttentionWeights& w, const LayerState& window, const Step& step,
              const float* x, float* y) const;
  // float32 product, neither quantised nor rounded.
  void exactLinear(const kernels::MatrixView& w, const float* x, std::int64_t n, float* y) const;

  const Forward& forward_;
  const Weights& weights_;
  const DsparkWeights& dspark_;
};

}  // namespace engine
