#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "kernels/experts/experts.h"

namespace kernels {
namespace {

using Linear = std::function<void(const LinearArgs&)>;

struct Buffers {
  std::vector<float> x, g, u, a, out, sum;
  std::vector<std::int64_t> tokens;
  std::vector<float> weights;
};

// out [n, dim] = expert(x [n, dim]); weights [n] or null.
void runExpert(const ExpertsArgs& args, const ExpertWeights& expert, const float* x, std::int64_t n,
               const float* weights, Buffers& b, const Linear& linear) {
  const std::int64_t inter = expert.w1.out;
  b.g.resize(static_cast<std::size_t>(n * inter));
  b.u.resize(b.g.size());
  b.a.resize(b.g.size());
  b.out.resize(static_cast<std::size_t>(n * expert.w2.out));
  LinearArgs up;
  up.x = x;
  up.n = n;
  up.input = args.input;
  up.rounding = args.rounding;
  up.w = expert.w1;
  up.y = b.g.data();
  linear(up);
  up.w = expert.w3;
  up.y = b.u.data();
  linear(up);
  for (std::int64_t t = 0; t < n; ++t)
    swiglu(b.g.data() + t * inter, b.u.data() + t * inter, inter, args.limit,
           weights != nullptr ? weights[t] : 1.0f, args.rounding, b.a.data() + t * inter);
  LinearArgs down = up;
  down.x = b.a.data();
  down.w = expert.w2;
  down.y = b.out.data();
  linear(down);
}

// Experts in ascending order, each over all tokens that chose it, so that every token adds its
// experts in ascending order whatever the chunk is.
void runExperts(const ExpertsArgs& args, const Linear& linear) {
  thread_local Buffers b;
  const std::int64_t dim = args.shared.w2.out;
  b.sum.assign(static_cast<std::size_t>(args.n * dim), 0.0f);
  for (std::int64_t e = 0; e < args.n_experts; ++e) {
    b.tokens.clear();
    b.weights.clear();
    for (std::int64_t t = 0; t < args.n; ++t)
      for (std::int64_t i = 0; i < args.top_k; ++i)
        if (args.chosen[t * args.top_k + i] == e) {
          b.tokens.push_back(t);
          b.weights.push_back(args.weights[t * args.top_k + i]);
        }
    if (b.tokens.empty()) continue;
    const auto n = static_cast<std::int64_t>(b.tokens.size());
    b.x.resize(static_cast<std::size_t>(n * dim));
    for (std::int64_t t = 0; t < n; ++t)
      std::copy_n(args.x + b.tokens[t] * dim, dim, b.x.data() + t * dim);
    runExpert(args, args.experts[e], b.x.data(), n, b.weights.data(), b, linear);
    for (std::int64_t t = 0; t < n; ++t) {
      float* sum = b.sum.data() + b.tokens[t] * dim;
      const float* out = b.out.data() + t * dim;
      for (std::int64_t i = 0; i < dim; ++i) sum[i] += out[i];
    }
  }
  runExpert(args, args.shared, args.x, args.n, nullptr, b, linear);
  for (std::int64_t i = 0; i < args.n * dim; ++i)
    args.y[i] = rounded(b.sum[i] + b.out[i], args.rounding);
}

}  // namespace

void swiglu(const float* g, const float* u, std::int64_t n, float limit, float weight,
            Rounding rounding, float* a) {
  for (std::int64_t i = 0; i < n; ++i) {
    const float gate = limit > 0 ? std::min(g[i], limit) : g[i];
    const float up = limit > 0 ? std::clamp(u[i], -limit, limit) : u[i];
    const float silu = gate / (1.0f + std::exp(-gate));
    a[i] = rounded(weight * (silu * up), rounding);
  }
}

void expertsRef(const ExpertsArgs& args) { runExperts(args, linearRef); }

void expertsCpu(const ExpertsArgs& args, ThreadPool& pool) {
  runExperts(args, [&pool](const LinearArgs& product) { linearCpu(product, pool); });
}

}  // namespace kernels
