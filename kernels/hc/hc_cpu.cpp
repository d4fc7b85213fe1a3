// Everything along the hidden dimension runs on vectors; from hc_ref.cpp only the sums of fn·x and
// of hcPre's and hcHead's streams differ, which are in float32 here.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/hc/hc_cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <hwy/contrib/math/math-inl.h>

#include <algorithm>
#include <cmath>

#include "kernels/formats-inl.h"
#include "kernels/hc/hc.h"
#include "kernels/linear/product_rows.h"

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
// In double, as the reference: the streams carry every layer's rounding on to all later ones.
// kN streams, or any number with kN = kMostHcStreams.
template <int kN>
void mixBackStreams(const float* f, const float* post, const float* comb, const HcShape& s,
                    Rounding rounding, float* x) {
  const hn::CappedTag<double, 8> wide;
  const hn::Rebind<float, decltype(wide)> narrow;
  using W = hn::Vec<decltype(wide)>;
  const auto load = [&](const float* from) { return hn::PromoteTo(wide, hn::LoadU(narrow, from)); };
  const auto set = [&](float value) { return hn::Set(wide, static_cast<double>(value)); };
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(wide));
  const std::int64_t n = kN < kMostHcStreams ? kN : s.n_streams;
  W from_branch[kN], from_stream[kN][kN];
  for (std::int64_t k = 0; k < n; ++k) {
    from_branch[k] = set(post[k]);
    for (std::int64_t j = 0; j < n; ++j) from_stream[j][k] = set(comb[j * n + k]);
  }
  std::int64_t i = 0;
  for (; i + lanes <= s.dim; i += lanes) {
    const W branch = load(f + i);
    W column[kN];
    for (std::int64_t j = 0; j < n; ++j) column[j] = load(x + j * s.dim + i);
    for (std::int64_t k = 0; k < n; ++k) {
      W sum = hn::Mul(from_branch[k], branch);
      for (std::int64_t j = 0; j < n; ++j) sum = hn::MulAdd(from_stream[j][k], column[j], sum);
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

void mixBack(const float* f, const float* post, const float* comb, const HcShape& s,
             Rounding rounding, float* x) {
  if (s.n_streams == 4) return mixBackStreams<4>(f, post, comb, s, rounding, x);
  mixBackStreams<kMostHcStreams>(f, post, comb, s, rounding, x);
}

// The coefficients of n tokens as hcSplit gives them, up to the last bits of a double: one token
// per lane, four streams. Twenty rounds over a 4 x 4 matrix are long for one token and short
// for eight.
void splitTokens(const float* m, std::int64_t n, const HcParameters& p, const HcShape& shape,
                 float* pre, float* post, float* comb) {
  constexpr int kN = 4, kMixes = (2 + kN) * kN;
  const hn::CappedTag<double, 8> d;
  using W = hn::Vec<decltype(d)>;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const W one = hn::Set(d, 1.0), eps = hn::Set(d, static_cast<double>(shape.hc_eps));
  for (std::int64_t t = 0; t < n; t += lanes) {
    const std::int64_t n_lanes = std::min(lanes, n - t);
    HWY_ALIGN double columns[kMixes][8] = {};
    for (std::int64_t lane = 0; lane < n_lanes; ++lane)
      for (int i = 0; i < kMixes; ++i) columns[i][lane] = m[(t + lane) * kMixes + i];
    const auto scaled = [&](int i, int part) {
      return hn::MulAdd(hn::Load(d, columns[i]), hn::Set(d, static_cast<double>(p.scale[part])),
                        hn::Set(d, static_cast<double>(p.base[i])));
    };
    const auto sigmoid = [&](W v) { return hn::Div(one, hn::Add(one, hn::Exp(d, hn::Neg(v)))); };
    W a[kN][kN];
    for (int j = 0; j < kN; ++j) {  // softmax of each row
      for (int k = 0; k < kN; ++k) a[j][k] = scaled((2 + j) * kN + k, 2);
      const W largest = hn::Max(hn::Max(a[j][0], a[j][1]), hn::Max(a[j][2], a[j][3]));
      for (int k = 0; k < kN; ++k) a[j][k] = hn::Exp(d, hn::Sub(a[j][k], largest));
      const W sum = hn::Add(hn::Add(a[j][0], a[j][1]), hn::Add(a[j][2], a[j][3]));
      const W inverse = hn::Div(one, sum);
      for (int k = 0; k < kN; ++k) a[j][k] = hn::MulAdd(a[j][k], inverse, eps);
    }
    const auto normalizeColumns = [&] {
      for (int k = 0; k < kN; ++k) {
        const W sum = hn::Add(hn::Add(a[0][k], a[1][k]), hn::Add(a[2][k], a[3][k]));
        const W inverse = hn::Div(one, hn::Add(sum, eps));
        for (int j = 0; j < kN; ++j) a[j][k] = hn::Mul(a[j][k], inverse);
      }
    };
    const auto normalizeRows = [&] {
      for (int j = 0; j < kN; ++j) {
        const W sum = hn::Add(hn::Add(a[j][0], a[j][1]), hn::Add(a[j][2], a[j][3]));
        const W inverse = hn::Div(one, hn::Add(sum, eps));
        for (int k = 0; k < kN; ++k) a[j][k] = hn::Mul(a[j][k], inverse);
      }
    };
    normalizeColumns();
    for (int i = 1; i < shape.sinkhorn_iterations; ++i) {
      normalizeRows();
      normalizeColumns();
    }
    for (int h = 0; h < kN; ++h) {
      hn::Store(hn::Add(sigmoid(scaled(h, 0)), eps), d, columns[h]);
      const W half = sigmoid(scaled(kN + h, 1));
      hn::Store(hn::Add(half, half), d, columns[kN + h]);
      for (int k = 0; k < kN; ++k) hn::Store(a[h][k], d, columns[(2 + h) * kN + k]);
    }
    for (std::int64_t lane = 0; lane < n_lanes; ++lane) {
      const auto value = [&](int i) { return static_cast<float>(columns[i][lane]); };
      for (int h = 0; h < kN; ++h) pre[(t + lane) * kN + h] = value(h);
      for (int h = 0; h < kN; ++h) post[(t + lane) * kN + h] = value(kN + h);
      for (int i = 0; i < kN * kN; ++i) comb[(t + lane) * kN * kN + i] = value(2 * kN + i);
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
HWY_EXPORT(splitTokens);

namespace {

// Tokens of a piece of work at most: their streams stay in the second level cache.
constexpr std::int64_t kPieceTokens = 32;

// m [n, n_mixes] = (fn · x) · r for at most kPieceTokens tokens.
void mixes(const float* streams, const HcParameters& p, const HcShape& s, std::int64_t n,
           std::int64_t n_mixes, float* m) {
  const std::int64_t width = s.n_streams * s.dim;
  MatrixView fn;
  fn.data = reinterpret_cast<const std::byte*>(p.fn);
  fn.out = n_mixes;
  fn.in = width;
  const float* rows[kPieceTokens] = {};
  for (std::int64_t t = 0; t < n; ++t) rows[t] = streams + t * width;
  productRows(fn, 0, n_mixes, rows, n, m, n_mixes, Rounding::kNone);
  for (std::int64_t t = 0; t < n; ++t) {
    const double mean = HWY_DYNAMIC_DISPATCH(meanSquare)(rows[t], width);
    const double r = 1.0 / std::sqrt(mean + s.norm_eps);
    for (std::int64_t i = 0; i < n_mixes; ++i)
      m[t * n_mixes + i] = static_cast<float>(m[t * n_mixes + i] * r);
  }
}

void split(const float* m, std::int64_t n, const HcParameters& p, const HcShape& s, float* pre,
           float* post, float* comb) {
  const std::int64_t k = s.n_streams;
  if (k == 4) return HWY_DYNAMIC_DISPATCH(splitTokens)(m, n, p, s, pre, post, comb);
  for (std::int64_t t = 0; t < n; ++t)
    hcSplit(m + t * (2 + k) * k, p, s, pre + t * k, post + t * k, comb + t * k * k);
}

}  // namespace

void hcPreCpu(const HcPreArgs& args, ThreadPool& pool) {
  const HcShape& s = args.shape;
  const std::int64_t k = s.n_streams, n_mixes = (2 + k) * k;
  if (k > kMostHcStreams) return hcPreRef(args);
  pool.parallelFor(args.n, kPieceTokens, [&](std::int64_t begin, std::int64_t end) {
    float m[kPieceTokens * (2 + kMostHcStreams) * kMostHcStreams];
    float pre[kPieceTokens * kMostHcStreams];
    mixes(args.streams + begin * k * s.dim, args.parameters, s, end - begin, n_mixes, m);
    split(m, end - begin, args.parameters, s, pre, args.post + begin * k,
          args.comb + begin * k * k);
    for (std::int64_t t = begin; t < end; ++t)
      HWY_DYNAMIC_DISPATCH(weightedSum)
      (args.streams + t * k * s.dim, pre + (t - begin) * k, s, args.rounding, args.y + t * s.dim);
  });
}

void hcPostCpu(const HcPostArgs& args, ThreadPool& pool) {
  const HcShape& s = args.shape;
  const std::int64_t n = s.n_streams;
  if (n > kMostHcStreams) return hcPostRef(args);
  pool.parallelFor(args.n, kPieceTokens, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t)
      HWY_DYNAMIC_DISPATCH(mixBack)
      (args.f + t * s.dim, args.post + t * n, args.comb + t * n * n, s, args.rounding,
       args.streams + t * n * s.dim);
  });
}

void hcHeadCpu(const HcHeadArgs& args, ThreadPool& pool) {
  const HcShape& s = args.shape;
  const std::int64_t k = s.n_streams;
  if (k > kMostHcStreams) return hcHeadRef(args);
  pool.parallelFor(args.n, kPieceTokens, [&](std::int64_t begin, std::int64_t end) {
    float m[kPieceTokens * kMostHcStreams];
    mixes(args.streams + begin * k * s.dim, args.parameters, s, end - begin, k, m);
    for (std::int64_t t = begin; t < end; ++t) {
      float* w = m + (t - begin) * k;
      for (std::int64_t h = 0; h < k; ++h) w[h] = hcHeadWeight(w[h], h, args);
      HWY_DYNAMIC_DISPATCH(weightedSum)
      (args.streams + t * k * s.dim, w, s, args.rounding, args.y + t * s.dim);
    }
  });
}

}  // namespace kernels
#endif
