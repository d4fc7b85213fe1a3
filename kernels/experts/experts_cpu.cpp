// Experts one after another, each over all tokens that chose it, so that an expert's weights are
// read once per chunk and every token still adds its experts in ascending order. The input is
// quantised once for all experts.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/experts/experts_cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "kernels/act_quant/act_quant.h"
#include "kernels/experts/experts.h"
#include "kernels/formats-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// a[i] = rounded(weight · (silu(min(g, limit)) · clamp(u, ±limit))). The exponential e of −|g|
// cannot overflow: silu(g) = g / (1 + e) for g ≥ 0 and g·e / (1 + e) below.
void swigluRow(const float* g, const float* u, std::int64_t n, float limit, float weight,
               Rounding rounding, float* a) {
  const hn::CappedTag<float, 16> d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto one = hn::Set(d, 1.0f), high = hn::Set(d, limit), low = hn::Set(d, -limit);
  const auto activated = [&](auto gate, auto up) {
    gate = hn::Min(high, gate);  // in this order a NaN stays one
    up = hn::Max(low, hn::Min(high, up));
    const auto e = hn::Exp(d, hn::Neg(hn::Abs(gate)));
    const auto share = hn::IfThenElse(hn::Lt(gate, hn::Zero(d)), e, one);
    const auto silu = hn::Div(hn::Mul(gate, share), hn::Add(one, e));
    return roundedLanes(d, hn::Mul(hn::Set(d, weight), hn::Mul(silu, up)), rounding);
  };
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    hn::StoreU(activated(hn::LoadU(d, g + i), hn::LoadU(d, u + i)), d, a + i);
  if (i == n) return;
  float rest[3][16] = {};
  std::copy(g + i, g + n, rest[0]);
  std::copy(u + i, u + n, rest[1]);
  hn::StoreU(activated(hn::LoadU(d, rest[0]), hn::LoadU(d, rest[1])), d, rest[2]);
  std::copy_n(rest[2], n - i, a + i);
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kernels {
namespace {

struct Buffers {
  std::vector<float> quantized, x, g, u, a, out, sum;
  std::vector<std::int64_t> tokens;
  std::vector<float> weights;
};

float* sized(std::vector<float>& buffer, std::int64_t n) {
  if (static_cast<std::int64_t>(buffer.size()) < n) buffer.resize(static_cast<std::size_t>(n));
  return buffer.data();
}

// b.out [n, dim] = expert(x [n, dim]), x already quantised; weights [n] or null.
void runExpert(const ExpertsArgs& args, const ExpertWeights& expert, const float* x, std::int64_t n,
               const float* weights, Buffers& b, ThreadPool& pool) {
  const std::int64_t inter = expert.w1.out;
  LinearArgs up;
  up.x = x;
  up.n = n;
  up.rounding = args.rounding;
  up.w = expert.w1;
  up.y = sized(b.g, n * inter);
  linearCpu(up, pool);
  up.w = expert.w3;
  up.y = sized(b.u, n * inter);
  linearCpu(up, pool);
  float* a = sized(b.a, n * inter);
  pool.parallelFor(n, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t)
      swigluCpu(b.g.data() + t * inter, b.u.data() + t * inter, inter, args.limit,
                weights != nullptr ? weights[t] : 1.0f, args.rounding, a + t * inter);
  });
  LinearArgs down = up;
  down.x = a;
  down.w = expert.w2;
  down.y = sized(b.out, n * expert.w2.out);
  down.input = args.input;
  linearCpu(down, pool);
}

}  // namespace

HWY_EXPORT(swigluRow);

void swigluCpu(const float* g, const float* u, std::int64_t n, float limit, float weight,
               Rounding rounding, float* a) {
  const float bound = limit > 0 ? limit : std::numeric_limits<float>::infinity();
  HWY_DYNAMIC_DISPATCH(swigluRow)(g, u, n, bound, weight, rounding, a);
}

void expertsCpu(const ExpertsArgs& args, ThreadPool& pool) {
  thread_local Buffers b;
  const std::int64_t dim = args.shared.w2.out;
  const float* x = args.x;
  if (args.input == LinearInput::kFp8) {
    float* quantized = sized(b.quantized, args.n * dim);
    pool.parallelFor(args.n, 32, [&](std::int64_t begin, std::int64_t end) {
      simulateFp8Cpu(args.x + begin * dim, (end - begin) * dim, 128, quantized + begin * dim);
    });
    x = quantized;
  }
  if (args.sum == nullptr) b.sum.assign(static_cast<std::size_t>(args.n * dim), 0.0f);
  float* const sums = args.sum != nullptr ? args.sum : b.sum.data();
  for (std::int64_t e = args.first_expert; e < args.endExpert(); ++e) {
    b.tokens.clear();
    b.weights.clear();
    for (std::int64_t i = 0; i < args.n * args.top_k; ++i)
      if (args.chosen[i] == e) {
        b.tokens.push_back(i / args.top_k);
        b.weights.push_back(args.weights[i]);
      }
    if (b.tokens.empty()) continue;
    const auto n = static_cast<std::int64_t>(b.tokens.size());
    float* gathered = sized(b.x, n * dim);
    for (std::int64_t t = 0; t < n; ++t)
      std::copy_n(x + b.tokens[static_cast<std::size_t>(t)] * dim, dim, gathered + t * dim);
    runExpert(args, args.experts[e], gathered, n, b.weights.data(), b, pool);
    for (std::int64_t t = 0; t < n; ++t) {
      float* sum = sums + b.tokens[static_cast<std::size_t>(t)] * dim;
      const float* out = b.out.data() + t * dim;
      for (std::int64_t i = 0; i < dim; ++i) sum[i] += out[i];
    }
  }
  if (!args.finish) return;
  runExpert(args, args.shared, x, args.n, nullptr, b, pool);
  for (std::int64_t i = 0; i < args.n * dim; ++i)
    args.y[i] = rounded(sums[i] + b.out[static_cast<std::size_t>(i)], args.rounding);
}

}  // namespace kernels
#endif
