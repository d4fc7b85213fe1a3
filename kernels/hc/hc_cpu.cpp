// Everything along the hidden dimension runs on vectors; from hc_ref.cpp only the sums of fn·x and
// of hcPre's and hcHead's streams differ, which are in float32 here.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/hc/hc_cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/formats-inl.h"
#include "kernels/hc/hc.h"
#include "kernels/linear/linear.h"

HWY_BEFORE_NAMESPACE();
namespace kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;

// Sixteen partial sums, added in order at the end.
float meanSquare(const float* x, std::int64_t n) {
  const D d;
  constexpr std::int64_t kLanes = static_cast<std::int64_t>(hn::MaxLanes(D()));
  V sum[16 / kLanes];
  for (V& part : sum) part = hn::Zero(d);
  std::int64_t i = 0;
  for (; i + 16 <= n; i += 16)
    for (std::int64_t j = 0; j < 16 / kLanes; ++j) {
      const V v = hn::LoadU(d, x + i + j * kLanes);
      sum[j] = hn::Add(sum[j], hn::Mul(v, v));
    }
  float partial[16];
  for (std::int64_t j = 0; j < 16 / kLanes; ++j) hn::StoreU(sum[j], d, partial + j * kLanes);
  for (; i < n; ++i) partial[0] += x[i] * x[i];
  float total = 0.0f;
  for (const float value : partial) total += value;
  return total / static_cast<float>(n);
}

// y = Σ_h weights[h]·x[h], rows `dim` apart.
void weightedSum(const float* x, const float* weights, const HcShape& s, Rounding rounding,
                 float* y) {
  const D d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= s.dim; i += lanes) {
    V sum = hn::Mul(hn::Set(d, weights[0]), hn::LoadU(d, x + i));
    for (std::int64_t h = 1; h < s.n_streams; ++h)
      sum = hn::Add(sum, hn::Mul(hn::Set(d, weights[h]), hn::LoadU(d, x + h * s.dim + i)));
    hn::StoreU(roundedLanes(d, sum, rounding), d, y + i);
  }
  for (; i < s.dim; ++i) {
    float sum = weights[0] * x[i];
    for (std::int64_t h = 1; h < s.n_streams; ++h) sum += weights[h] * x[h * s.dim + i];
    y[i] = rounded(sum, rounding);
  }
}

// x[k] = post[k]·f + Σ_j comb[j][k]·x[j], all streams of one token, one vector of places at a time.
// In double, as the reference: the streams carry every layer's rounding on to all later ones, and
// the sum of five products costs next to nothing beside the linears.
void mixBack(const float* f, const float* post, const float* comb, const HcShape& s,
             Rounding rounding, float* x) {
  const hn::CappedTag<double, 8> wide;
  const hn::Rebind<float, decltype(wide)> narrow;
  using W = hn::Vec<decltype(wide)>;
  const auto load = [&](const float* from) { return hn::PromoteTo(wide, hn::LoadU(narrow, from)); };
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(wide));
  const std::int64_t n = s.n_streams;
  std::int64_t i = 0;
  for (; i + lanes <= s.dim; i += lanes) {
    const W branch = load(f + i);
    W column[kMostHcStreams];
    for (std::int64_t j = 0; j < n; ++j) column[j] = load(x + j * s.dim + i);
    for (std::int64_t k = 0; k < n; ++k) {
      W sum = hn::Mul(hn::Set(wide, static_cast<double>(post[k])), branch);
      for (std::int64_t j = 0; j < n; ++j)
        sum = hn::Add(sum, hn::Mul(hn::Set(wide, static_cast<double>(comb[j * n + k])), column[j]));
      hn::StoreU(roundedLanes(narrow, hn::DemoteTo(narrow, sum), rounding), narrow,
                 x + k * s.dim + i);
    }
  }
  for (; i < s.dim; ++i) {
    double column[kMostHcStreams];
    for (std::int64_t j = 0; j < n; ++j) column[j] = x[j * s.dim + i];
    for (std::int64_t k = 0; k < n; ++k) {
      double sum = static_cast<double>(post[k]) * f[i];
      for (std::int64_t j = 0; j < n; ++j) sum += comb[j * n + k] * column[j];
      x[k * s.dim + i] = rounded(static_cast<float>(sum), rounding);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kernels {
HWY_EXPORT(meanSquare);
HWY_EXPORT(weightedSum);
HWY_EXPORT(mixBack);

namespace {

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
      const double mean = HWY_DYNAMIC_DISPATCH(meanSquare)(streams + t * width, width);
      const double r = 1.0 / std::sqrt(mean + s.norm_eps);
      for (std::int64_t i = 0; i < n_mixes; ++i)
        m[t * n_mixes + i] = static_cast<float>(m[t * n_mixes + i] * r);
    }
  });
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
      HWY_DYNAMIC_DISPATCH(weightedSum)
      (args.streams + t * s.n_streams * s.dim, pre.data(), s, args.rounding, args.y + t * s.dim);
    }
  });
}

void hcPostCpu(const HcPostArgs& args, ThreadPool& pool) {
  const HcShape& s = args.shape;
  const std::int64_t n = s.n_streams;
  if (n > kMostHcStreams) return hcPostRef(args);
  pool.parallelFor(args.n, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t)
      HWY_DYNAMIC_DISPATCH(mixBack)
      (args.f + t * s.dim, args.post + t * n, args.comb + t * n * n, s, args.rounding,
       args.streams + t * n * s.dim);
  });
}

void hcHeadCpu(const HcHeadArgs& args, ThreadPool& pool) {
  const HcShape& s = args.shape;
  thread_local std::vector<float> m;
  mixes(args.streams, args.parameters, s, args.n, s.n_streams, m, pool);
  for (std::int64_t t = 0; t < args.n; ++t) {
    float* w = m.data() + t * s.n_streams;
    for (std::int64_t h = 0; h < s.n_streams; ++h)
      w[h] = hcHeadWeight(w[h], h, args);
    HWY_DYNAMIC_DISPATCH(weightedSum)
    (args.streams + t * s.n_streams * s.dim, w, s, args.rounding, args.y + t * s.dim);
  }
}

}  // namespace kernels
#endif
