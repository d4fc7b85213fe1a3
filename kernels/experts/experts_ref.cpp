#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/experts/experts.h"

namespace kernels {
namespace {

// out [dim] = expert(x [dim]).
std::vector<float> runExpert(const ExpertsArgs& args, const ExpertWeights& expert, const float* x,
                             float weight) {
  std::vector<float> g(static_cast<std::size_t>(expert.w1.out)), u(g.size()), a(g.size());
  std::vector<float> out(static_cast<std::size_t>(expert.w2.out));
  const auto product = [&](const float* in, const MatrixView& w, float* y) {
    LinearArgs linear;
    linear.x = in;
    linear.w = w;
    linear.y = y;
    linear.n = 1;
    linear.input = args.input;
    linear.rounding = args.rounding;
    linearRef(linear);
  };
  product(x, expert.w1, g.data());
  product(x, expert.w3, u.data());
  swigluRef(g.data(), u.data(), expert.w1.out, args.limit, weight, args.rounding, a.data());
  product(a.data(), expert.w2, out.data());
  return out;
}

}  // namespace

void swigluRef(const float* g, const float* u, std::int64_t n, float limit, float weight,
               Rounding rounding, float* a) {
  for (std::int64_t i = 0; i < n; ++i) {
    const float gate = limit > 0 ? std::min(g[i], limit) : g[i];
    const float up = limit > 0 ? std::clamp(u[i], -limit, limit) : u[i];
    const float silu = gate / (1.0f + std::exp(-gate));
    a[i] = rounded(weight * (silu * up), rounding);
  }
}

void expertsRef(const ExpertsArgs& args) {
  const std::int64_t dim = args.shared.w2.out;
  for (std::int64_t t = 0; t < args.n; ++t) {
    const float* x = args.x + t * dim;
    std::vector<float> own(static_cast<std::size_t>(args.sum == nullptr ? dim : 0));
    float* sum = args.sum != nullptr ? args.sum + t * dim : own.data();
    for (std::int64_t e = args.first_expert; e < args.endExpert(); ++e)
      for (std::int64_t i = t * args.top_k; i < (t + 1) * args.top_k; ++i) {
        if (args.chosen[i] != e) continue;
        const auto out = runExpert(args, args.experts[e], x, args.weights[i]);
        for (std::size_t c = 0; c < out.size(); ++c) sum[c] += out[c];
      }
    if (!args.finish) continue;
    const auto shared = runExpert(args, args.shared, x, 1.0f);
    for (std::size_t c = 0; c < shared.size(); ++c)
      args.y[t * dim + static_cast<std::int64_t>(c)] = rounded(sum[c] + shared[c], args.rounding);
  }
}

}  // namespace kernels
