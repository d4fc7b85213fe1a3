// hc.h
// Manifold-constrained hyper-connections (specification §4.3, §4.4); n_streams = 4 in V4.
//   hcPre:  x = concat of the streams, r = rsqrt(mean(x²) + norm_eps), m = (fn·x)·r,
//           pre = σ(m·scale0 + base) + hc_eps, post = 2σ(...), comb = Sinkhorn(...),
//           y = bf16(Σ_h pre[h]·X[h])
//   hcPost: X'[k] = bf16(post[k]·F + Σ_j comb[j][k]·X[j])      (comb transposed)
//   hcHead: y = bf16(Σ_h (σ(m·scale + base) + hc_eps)·X[h])
// Coefficients and the sum of hcPost are computed in double and kept as float32; y and X' are
// rounded. Streams carry a wrong last bit through every later layer, and these are few numbers.
#pragma once

#include <cstdint>

#include "kernels/dtypes.h"
#include "kernels/thread_pool.h"

namespace kernels {

// Parameters of one half-block, or of hc_head (then fn is [n_streams, n_streams·dim]).
struct HcParameters {
  const float* fn = nullptr;     // [(2 + n_streams)·n_streams, n_streams·dim]
  const float* base = nullptr;   // [(2 + n_streams)·n_streams]
  const float* scale = nullptr;  // [3]; hc_head: [1]
};

inline constexpr std::int64_t kMostHcStreams = 8;  // more of them run in plain loops

struct HcShape {
  std::int64_t n_streams = 4, dim = 0;
  int sinkhorn_iterations = 20;
  float hc_eps = 1e-6f, norm_eps = 1e-6f;
};

struct HcPreArgs {
  const float* streams = nullptr;  // [n, n_streams, dim]
  HcParameters parameters;
  HcShape shape;
  float* y = nullptr;     // [n, dim]
  float* post = nullptr;  // [n, n_streams]
  float* comb = nullptr;  // [n, n_streams, n_streams], row j column k
  std::int64_t n = 0;
  Rounding rounding = Rounding::kBf16;
};

struct HcPostArgs {
  const float* f = nullptr;     // [n, dim], output of the sub-layer
  const float* post = nullptr;  // [n, n_streams]
  const float* comb = nullptr;  // [n, n_streams, n_streams]
  float* streams = nullptr;     // [n, n_streams, dim], in place
  HcShape shape;
  std::int64_t n = 0;
  Rounding rounding = Rounding::kBf16;
};

struct HcHeadArgs {
  const float* streams = nullptr;  // [n, n_streams, dim]
  HcParameters parameters;
  HcShape shape;
  float* y = nullptr;  // [n, dim]
  std::int64_t n = 0;
  Rounding rounding = Rounding::kBf16;
};

// The coefficients alone: m [(2+n)·n] already multiplied by r -> pre, post [n], comb [n, n].
void hcSplit(const float* m, const HcParameters& parameters, const HcShape& shape, float* pre,
             float* post, float* comb);

// Weight of a stream in hc_head, from its m already multiplied by r.
float hcHeadWeight(float m, std::int64_t stream, const HcHeadArgs& args);

void hcPreRef(const HcPreArgs& args);
void hcPostRef(const HcPostArgs& args);
void hcHeadRef(const HcHeadArgs& args);
void hcPreCpu(const HcPreArgs& args, ThreadPool& pool);
void hcPostCpu(const HcPostArgs& args, ThreadPool& pool);
void hcHeadCpu(const HcHeadArgs& args, ThreadPool& pool);

}  // namespace kernels
