#include <cmath>

#include "kernels/head_norm/head_norm.h"

namespace kernels {
namespace {

void normHead(const HeadNormArgs& args, std::int64_t row) {
  float* q = args.q + row * args.head_dim;
  double sum = 0.0;
  for (std::int64_t i = 0; i < args.head_dim; ++i) sum += rounded(q[i] * q[i], args.rounding);
  const float mean =
      rounded(static_cast<float>(sum / static_cast<double>(args.head_dim)), args.rounding);
  const float r = rounded(1.0f / std::sqrt(rounded(mean + args.eps, args.rounding)), args.rounding);
  for (std::int64_t i = 0; i < args.head_dim; ++i) q[i] = rounded(q[i] * r, args.rounding);
}

}  // namespace

void headNormRef(const HeadNormArgs& args) {
  for (std::int64_t row = 0; row < args.n_rows; ++row) normHead(args, row);
}

}  // namespace kernels
