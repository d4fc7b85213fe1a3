#include <cmath>

#include "kernels/rms_norm/rms_norm.h"

namespace kernels {
namespace {

void normRow(const RmsNormArgs& args, std::int64_t row) {
  const float* x = args.x + row * args.dim;
  float* y = args.y + row * args.dim;
  double sum = 0.0;
  for (std::int64_t i = 0; i < args.dim; ++i) sum += static_cast<double>(x[i]) * x[i];
  const double mean = sum / static_cast<double>(args.dim);
  const double r = 1.0 / std::sqrt(mean + args.eps);
  for (std::int64_t i = 0; i < args.dim; ++i)
    y[i] = rounded(static_cast<float>(args.weight[i] * (x[i] * r)), args.rounding);
}

}  // namespace

void rmsNormRef(const RmsNormArgs& args) {
  for (std::int64_t row = 0; row < args.n; ++row) normRow(args, row);
}

}  // namespace kernels
