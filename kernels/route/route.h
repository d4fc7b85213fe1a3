// route.h
// Expert choice (specification §11.1): score = sqrt(softplus(logit)), softplus(z) = z for z > 20.
// Scored layers take the top_k of score + bias (lowest index among equals); hash layers take the
// row of the token id in a table. Weights: score / Σ score · scale, without the bias.
#pragma once

#include <cstdint>

namespace kernels {

struct RouteArgs {
  const float* logits = nullptr;        // [n, n_experts]
  const float* bias = nullptr;          // [n_experts]; null in hash layers
  const std::int64_t* table = nullptr;  // [vocab, top_k]; hash layers only
  const std::int32_t* ids = nullptr;    // [n]; hash layers only
  std::int32_t* experts = nullptr;      // [n, top_k]
  float* weights = nullptr;             // [n, top_k]
  float* margins = nullptr;             // [n] or null: last chosen − first rejected biased score
  std::int64_t n = 0, n_experts = 0, top_k = 0;
  float scale = 1;
};

void route(const RouteArgs& args);

}  // namespace kernels
