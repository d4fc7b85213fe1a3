// experts.h
// Mixture of experts of one layer (specification §11.2, §11.3):
//   g = bf16(w1·x), u = bf16(w3·x); u = clamp(u, ±limit), g = min(g, limit);
//   a = bf16(weight · (silu(g)·u)); out = bf16(w2·a)
//   y = bf16( Σ over the chosen experts, ascending id, of out_e  +  shared(x) ),  sum in float32
// The shared expert has the same clamp and no weight.
#pragma once

#include <cstdint>

#include "kernels/linear/linear.h"
#include "kernels/matrix_view.h"
#include "kernels/thread_pool.h"

namespace kernels {

struct ExpertWeights {
  MatrixView w1, w2, w3;  // [inter, dim], [dim, inter], [inter, dim]
};

// The clamped SwiGLU alone: a[i] = rounded(weight · silu(min(g, limit)) · clamp(u, ±limit)).
void swigluRef(const float* g, const float* u, std::int64_t n, float limit, float weight,
               Rounding rounding, float* a);
void swigluCpu(const float* g, const float* u, std::int64_t n, float limit, float weight,
               Rounding rounding, float* a);

struct ExpertsArgs {
  std::int64_t endExpert() const { return end_expert < 0 ? n_experts : end_expert; }

  const float* x = nullptr;               // [n, dim]
  const ExpertWeights* experts = nullptr; // [n_experts]
  ExpertWeights shared;
  const std::int32_t* chosen = nullptr;   // [n, top_k]
  const float* weights = nullptr;         // [n, top_k]
  float* y = nullptr;                     // [n, dim]; must not alias x
  std::int64_t n = 0, n_experts = 0, top_k = 0;
  // Experts may come in several calls over ascending ranges of ids, as their weights arrive: each
  // adds the chosen ones of [first_expert, end_expert) to `sum` [n, dim], zero before the first
  // call; the call with `finish` adds the shared expert and writes y. The bits are those of one
  // call for all, which needs no sum. Only chosen experts of the range need valid pointers.
  std::int64_t first_expert = 0, end_expert = -1;  // −1: n_experts
  float* sum = nullptr;
  bool finish = true;
  float limit = 10;                       // 0: no clamp
  LinearInput input = LinearInput::kFp8;
  Rounding rounding = Rounding::kBf16;
};

void expertsRef(const ExpertsArgs& args);
void expertsCpu(const ExpertsArgs& args, ThreadPool& pool);

}  // namespace kernels
