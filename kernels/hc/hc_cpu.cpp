#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/hc/hc.h"
#include "kernels/linear/linear.h"

namespace kernels {
namespace {

// Sum of squares with sixteen partial sums, so that the compiler may use vectors.
float meanSquare(const float* x, std::int64_t n) {
  float partial[16] = {};
  std::int64_t i = 0;
  for (; i + 16 <= n; i += 16)
    for (int lane = 0; lane < 16; ++lane) partial[lane] += x[i + lane] * x[i + lane];
  for (; i < n; ++i) partial[0] += x[i] * x[i];
  float sum = 0.0f;
  for (float value : partial) sum += value;
  return sum / static_cast<float>(n);
}

float sigmoid(float v) { return 1.0f / (1.0f + std::exp(-v)); }

// fn · x for all tokens, then the multiplication by r.
void mixes(const float* streams, const HcParameters& p, const HcShape& s, std::int64_t n,
           std::int64_t n_mixes, std::vector<float>& m, ThreadPool& pool) {
  const std::int64_t width = s.n_streams * s.dim;
  m.resize(static_cast<std::size_t>(n * n_mixes));
  MatrixView fn;
  fn.data = reinterpret_cast<const std::byte*>(p.fn);
  fn.out = n_mixes;
  fn.in = width;
  LinearArgs product;
  product.x = streams;
  product.w = fn;
  product.y = m.data();
  product.n = n;
  product.rounding = Rounding::kNone;
  linearCpu(product, pool);
  pool.parallelFor(n, 32, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
      const float r = 1.0f / std::sqrt(meanSquare(streams + t * width, width) + s.norm_eps);
      for (std::int64_t i = 0; i < n_mixes; ++i) m[t * n_mixes + i] *= r;
    }
  });
}

void weightedSum(const float* x, const float* weights, const HcShape& s, Rounding rounding,
                 float* y) {
  for (std::int64_t i = 0; i < s.dim; ++i) y[i] = weights[0] * x[i];
  for (std::int64_t h = 1; h < s.n_streams; ++h)
    for (std::int64_t i = 0; i < s.dim; ++i) y[i] += weights[h] * x[h * s.dim + i];
  if (rounding == Rounding::kBf16)
    for (std::int64_t i = 0; i < s.dim; ++i) y[i] = roundBf16(y[i]);
}

}  // namespace

void hcPreCpu(const HcPreArgs& args, ThreadPool& pool) {
  const HcShape& s = args.shape;
  const std::int64_t n_mixes = (2 + s.n_streams) * s.n_streams;
  thread_local std::vector<float> m;
  mixes(args.streams, args.parameters, s, args.n, n_mixes, m, pool);
  const float* mixed = m.data();
  pool.parallelFor(args.n, 16, [&, mixed](std::int64_t begin, std::int64_t end) {
    std::vector<float> pre(static_cast<std::size_t>(s.n_streams));
    for (std::int64_t t = begin; t < end; ++t) {
      hcSplit(mixed + t * n_mixes, args.parameters, s, pre.data(), args.post + t * s.n_streams,
              args.comb + t * s.n_streams * s.n_streams);
      weightedSum(args.streams + t * s.n_streams * s.dim, pre.data(), s, args.rounding,
                  args.y + t * s.dim);
    }
  });
}

void hcPostCpu(const HcPostArgs& args, ThreadPool& pool) {
  const HcShape& s = args.shape;
  pool.parallelFor(args.n, 16, [&](std::int64_t begin, std::int64_t end) {
    HcPostArgs part = args;
    part.f += begin * s.dim;
    part.post += begin * s.n_streams;
    part.comb += begin * s.n_streams * s.n_streams;
    part.streams += begin * s.n_streams * s.dim;
    part.n = end - begin;
    hcPostRef(part);
  });
}

void hcHeadCpu(const HcHeadArgs& args, ThreadPool& pool) {
  const HcShape& s = args.shape;
  thread_local std::vector<float> m;
  mixes(args.streams, args.parameters, s, args.n, s.n_streams, m, pool);
  for (std::int64_t t = 0; t < args.n; ++t) {
    float* w = m.data() + t * s.n_streams;
    for (std::int64_t h = 0; h < s.n_streams; ++h)
      w[h] = sigmoid(w[h] * args.parameters.scale[0] + args.parameters.base[h]) + s.hc_eps;
    weightedSum(args.streams + t * s.n_streams * s.dim, w, s, args.rounding, args.y + t * s.dim);
  }
}

}  // namespace kernels
