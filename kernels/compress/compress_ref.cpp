#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/compress/compress.h"

namespace kernels {
namespace {

// Calls visit(k, g) for every candidate row, pointers at its first used channel.
template <class Visit>
void forEachCandidate(const CompressArgs& args, Visit visit) {
  if (args.overlap && args.has_previous)
    for (std::int64_t i = -args.ratio; i < 0; ++i)
      visit(args.k + i * args.row_stride, args.g + i * args.row_stride);
  const std::int64_t first = args.overlap ? args.dim : 0;
  for (std::int64_t i = 0; i < args.ratio; ++i)
    visit(args.k + i * args.row_stride + first, args.g + i * args.row_stride + first);
}

void pool(const CompressArgs& args) {
  const auto dim = static_cast<std::size_t>(args.dim);
  std::vector<float> largest(dim, -std::numeric_limits<float>::infinity());
  forEachCandidate(args, [&](const float*, const float* g) {
    for (std::size_t c = 0; c < dim; ++c) largest[c] = std::max(largest[c], g[c]);
  });
  std::vector<double> weight(dim, 0), total(dim, 0);
  forEachCandidate(args, [&](const float* k, const float* g) {
    for (std::size_t c = 0; c < dim; ++c) {
      const double p = std::exp(static_cast<double>(g[c]) - largest[c]);
      weight[c] += p;
      total[c] += p * k[c];
    }
  });
  for (std::size_t c = 0; c < dim; ++c)
    args.pooled[c] = rounded(static_cast<float>(total[c] / weight[c]), args.rounding);
}

}  // namespace

void compressRef(const CompressArgs& args) { pool(args); }

}  // namespace kernels
