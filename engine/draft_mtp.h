// draft_mtp.h: the draft block of preview checkpoints (specification §12.2).
//
// One window-only block behind the trunk. The row of position i joins the trunk's streams of that
// position with the token at i + 1 and predicts the token at i + 2. Knows the forward pass; does
// not know acceptance. Uses the scratch of its Forward: one thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/ids.h"
#include "engine/forward.h"
#include "engine/sequence_state.h"
#include "engine/weights.h"

namespace engine {

class MtpDraft {
 public:
  // Both must outlive this; weights.mtp must be there.
  MtpDraft(const Forward& forward, const Weights& weights);

  // Evaluates positions start .. start + next_ids.size() − 1; next_ids[i] is the token after
  // position start + i. `streams` [n, hc, hidden] are the trunk's after its last layer and become
  // the block's own: fed back for the following position they chain another draft. `state` is the
  // block's window; whoever chains drafts that may be rejected keeps a copy (one window is
  // small). `logits` receives [0, 1 or n, vocab].
  void run(std::int64_t start, std::span<const base::TokenId> next_ids, float* streams,
           LayerState& state, LogitRows rows, std::vector<float>& logits) const;

 private:
  void mixIn(std::span<const base::TokenId> next_ids, float* streams) const;

  const Forward& forward_;
  const Weights& weights_;
  const MtpWeights& mtp_;
};

}  // namespace engine
