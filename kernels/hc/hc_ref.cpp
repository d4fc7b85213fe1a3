#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/hc/hc.h"

namespace kernels {
namespace {

float sigmoid(float v) { return 1.0f / (1.0f + std::exp(-v)); }

// m[i] = (fn[i,:]·x)·r with r = rsqrt(mean(x²) + norm_eps); sums in double.
void mixes(const float* x, const HcParameters& p, const HcShape& shape, std::int64_t n_mixes,
           float* m) {
  const std::int64_t width = shape.n_streams * shape.dim;
  double squares = 0.0;
  for (std::int64_t i = 0; i < width; ++i) squares += static_cast<double>(x[i]) * x[i];
  const float mean = static_cast<float>(squares / static_cast<double>(width));
  const float r = 1.0f / std::sqrt(mean + shape.norm_eps);
  for (std::int64_t k = 0; k < n_mixes; ++k) {
    double sum = 0.0;
    for (std::int64_t i = 0; i < width; ++i) sum += static_cast<double>(p.fn[k * width + i]) * x[i];
    m[k] = static_cast<float>(sum) * r;
  }
}

void weightedSum(const float* x, const float* weights, const HcShape& shape, Rounding rounding,
                 float* y) {
  for (std::int64_t i = 0; i < shape.dim; ++i) {
    float sum = 0.0f;
    for (std::int64_t h = 0; h < shape.n_streams; ++h) sum += weights[h] * x[h * shape.dim + i];
    y[i] = rounded(sum, rounding);
  }
}

void columnNormalize(float* a, std::int64_t n, float eps) {
  for (std::int64_t k = 0; k < n; ++k) {
    float sum = 0.0f;
    for (std::int64_t j = 0; j < n; ++j) sum += a[j * n + k];
    for (std::int64_t j = 0; j < n; ++j) a[j * n + k] /= sum + eps;
  }
}

void rowNormalize(float* a, std::int64_t n, float eps) {
  for (std::int64_t j = 0; j < n; ++j) {
    float sum = 0.0f;
    for (std::int64_t k = 0; k < n; ++k) sum += a[j * n + k];
    for (std::int64_t k = 0; k < n; ++k) a[j * n + k] /= sum + eps;
  }
}

void rowSoftmax(float* a, std::int64_t n, float eps) {
  for (std::int64_t j = 0; j < n; ++j) {
    float* row = a + j * n;
    const float largest = *std::max_element(row, row + n);
    float sum = 0.0f;
    for (std::int64_t k = 0; k < n; ++k) sum += row[k] = std::exp(row[k] - largest);
    for (std::int64_t k = 0; k < n; ++k) row[k] = row[k] / sum + eps;
  }
}

}  // namespace

void hcSplit(const float* m, const HcParameters& p, const HcShape& shape, float* pre, float* post,
             float* comb) {
  const std::int64_t n = shape.n_streams;
  for (std::int64_t h = 0; h < n; ++h) {
    pre[h] = sigmoid(m[h] * p.scale[0] + p.base[h]) + shape.hc_eps;
    post[h] = 2.0f * sigmoid(m[n + h] * p.scale[1] + p.base[n + h]);
  }
  for (std::int64_t i = 0; i < n * n; ++i) comb[i] = m[2 * n + i] * p.scale[2] + p.base[2 * n + i];
  rowSoftmax(comb, n, shape.hc_eps);
  columnNormalize(comb, n, shape.hc_eps);
  for (int i = 1; i < shape.sinkhorn_iterations; ++i) {
    rowNormalize(comb, n, shape.hc_eps);
    columnNormalize(comb, n, shape.hc_eps);
  }
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
        float sum = post[k] * f[i];
        for (std::int64_t j = 0; j < n; ++j) sum += comb[j * n + k] * column[j];
        x[k * s.dim + i] = rounded(sum, args.rounding);
      }
    }
  }
}

void hcHeadRef(const HcHeadArgs& args) {
  const HcShape& s = args.shape;
  std::vector<float> w(s.n_streams);
  for (std::int64_t t = 0; t < args.n; ++t) {
    const float* x = args.streams + t * s.n_streams * s.dim;
    mixes(x, args.parameters, s, s.n_streams, w.data());
    for (std::int64_t h = 0; h < s.n_streams; ++h)
      w[h] = sigmoid(w[h] * args.parameters.scale[0] + args.parameters.base[h]) + s.hc_eps;
    weightedSum(x, w.data(), s, args.rounding, args.y + t * s.dim);
  }
}

}  // namespace kernels
