// sampler.h: one token out of the logits of a step.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/result.h"
#include "engine/token_mask.h"

namespace engine {

struct SamplerOptions {
  double temperature = 0;  // 0: greedy
  double top_p = 1;        // smallest set of likeliest tokens with this much probability
  double min_p = 0;        // at least this fraction of the likeliest token's probability
  std::uint64_t seed = 0;
};

// Equal options and equal logits give equal tokens on every machine with the same exp().
class Sampler {
 public:
  explicit Sampler(const SamplerOptions& options);

  // Among the allowed ids; ties of the greedy choice go to the lowest id.
  // kNumerics when an allowed logit is NaN or +infinity, or none is finite.
  base::Result<TokenId> sample(std::span<const float> logits, const TokenMask& allowed);

 private:
  struct Candidate {
    TokenId id;
    double weight;
  };
  double nextUniform();  // [0, 1), 53 bits
  void keepTopP();

  SamplerOptions options_;
  std::array<std::uint64_t, 4> state_;  // xoshiro256**
  std::vector<Candidate> candidates_;
};

}  // namespace engine
