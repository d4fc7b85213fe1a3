#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/hc/hc.h"

namespace kernels {
namespace {

double sigmoid(double v) { return 1.0 / (1.0 + std::exp(-v)); }

// m[i] = (fn[i,:]·x)·r with r = rsqrt(mean(x²) + norm_eps); sums in double.
void mixes(const float* x, const HcParameters& p, const HcShape& shape, std::int64_t n_mixes,
           float* m) {
  const std::int64_t width = shape.n_streams * shape.dim;
  double squares = 0.0;
  for (std::int64_t i = 0; i < width; ++i) squares += static_cast<double>(x[i]) * x[i];
  const double r = 1.0 / std::sqrt(squares / static_cast<double>(width) + shape.norm_eps);
  for (std::int64_t k = 0; k < n_mixes; ++k) {
    double sum = 0.0;
    for (std::int64_t i = 0; i < width; ++i) sum += static_cast<double>(p.fn[k * width + i]) * x[i];
    m[k] = static_cast<float>(sum * r);
  }
}

void weightedSum(const float* x, const float* weights, const HcShape& shape, Rounding rounding,
                 float* y) {
  for (std::int64_t i = 0; i < shape.dim; ++i) {
    double sum = 0.0;
    for (std::int64_t h = 0; h < shape.n_streams; ++h)
      sum += static_cast<double>(weights[h]) * x[h * shape.dim + i];
    y[i] = rounded(static_cast<float>(sum), rounding);
  }
}

void columnNormalize(double* a, std::int64_t n, float eps) {
  for (std::int64_t k = 0; k < n; ++k) {
    double sum = 0.0;
    for (std::int64_t j = 0; j < n; ++j) sum += a[j * n + k];
    for (std::int64_t j = 0; j < n; ++j) a[j * n + k] /= sum + eps;
  }
}

void rowNormalize(double* a, std::int64_t n, float eps) {
  for (std::int64_t j = 0; j < n; ++j) {
    double sum = 0.0;
    for (std::int64_t k = 0; k < n; ++k) sum += a[j * n + k];
    for (std::int64_t k = 0; k < n; ++k) a[j * n + k] /= sum + eps;
  }
}

void rowSoftmax(double* a, std::int64_t n, float eps) {
  for (std::int64_t j = 0; j < n; ++j) {
    double* row = a + j * n;
    const double largest = *std::max_element(row, row + n);
    double sum = 0.0;
    for (std::int64_t k = 0; k < n; ++k) sum += row[k] = std::exp(row[k] - largest);
    for (std::int64_t k = 0; k < n; ++k) row[k] = row[k] / sum + eps;
  }
}

}  // namespace

void hcSplit(const float* m, const HcParameters& p, const HcShape& shape, float* pre, float* post,
             float* comb) {
  const std::int64_t n = shape.n_streams;
  const auto scaled = [&](std::int64_t i, int part) {
    return static_cast<double>(m[i]) * p.scale[part] + p.base[i];
  };
  for (std::int64_t h = 0; h < n; ++h) {
    pre[h] = static_cast<float>(sigmoid(scaled(h, 0)) + shape.hc_eps);
    post[h] = static_cast<float>(2.0 * sigmoid(scaled(n + h, 1)));
  }
  std::vector<double> a(static_cast<std::size_t>(n * n));
  for (std::int64_t i = 0; i < n * n; ++i) a[i] = scaled(2 * n + i, 2);
  rowSoftmax(a.data(), n, shape.hc_eps);
  columnNormalize(a.data(), n, shape.hc_eps);
  for (int i = 1; i < shape.sinkhorn_iterations; ++i) {
    rowNormalize(a.data(), n, shape.hc_eps);
    columnNormalize(a.data(), n, shape.hc_eps);
  }
  for (std::int64_t i = 0; i < n * n; ++i) comb[i] = static_cast<float>(a[i]);
}

void hcPreRef(const HcPreArgs& args) {
  const HcShape& s = args.shape;
  const std::int64_t n_mixes = (2 + s.n_streams) * s.n_streams;
  std::vector<float> m(n_mixes), pre(s.n_streams);
  for (std::int64_t t = 0; t < args.n; ++t) {
    const float* x = args.streams + t * s.n_streams * s.dim;
    mixes(x, args.parameters, s, n_mixes, m.data());
    hcSplit(m.data(), args.parameters, s, pre.data(), args.post + t * s.n_streams,
            args.comb + t * s.n_streams * s.n_streams);
    weightedSum(x, pre.data(), s, args.rounding, args.y + t * s.dim);
  }
}

void hcPostRef(const HcPostArgs& args) {
  const HcShape& s = args.shape;
  const std::int64_t n = s.n_streams;
  std::vector<float> column(n);
  for (std::int64_t t = 0; t < args.n; ++t) {
    float* x = args.streams + t * n * s.dim;
    const float* f = args.f + t * s.dim;
    const float* post = args.post + t * n;
    const float* comb = args.comb + t * n * n;
    for (std::int64_t i = 0; i < s.dim; ++i) {
      for (std::int64_t j = 0; j < n; ++j) column[j] = x[j * s.dim + i];
      for (std::int64_t k = 0; k < n; ++k) {
        double sum = static_cast<double>(post[k]) * f[i];
        for (std::int64_t j = 0; j < n; ++j)
          sum += static_cast<double>(comb[j * n + k]) * column[j];
        x[k * s.dim + i] = rounded(static_cast<float>(sum), args.rounding);
      }
    }
  }
}

float hcHeadWeight(float m, std::int64_t stream, const HcHeadArgs& args) {
  const HcParameters& p = args.parameters;
  const double scaled = static_cast<double>(m) * p.scale[0] + p.base[stream];
  return static_cast<float>(sigmoid(scaled) + args.shape.hc_eps);
}

void hcHeadRef(const HcHeadArgs& args) {
  const HcShape& s = args.shape;
  std::vector<float> w(s.n_streams);
  for (std::int64_t t = 0; t < args.n; ++t) {
    const float* x = args.streams + t * s.n_streams * s.dim;
    mixes(x, args.parameters, s, s.n_streams, w.data());
    for (std::int64_t h = 0; h < s.n_streams; ++h)
      w[h] = hcHeadWeight(w[h], h, args);
    weightedSum(x, w.data(), s, args.rounding, args.y + t * s.dim);
  }
}

}  // namespace kernels
