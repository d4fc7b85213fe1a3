#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/attend_sparse/attend_sparse.h"

namespace kernels {
namespace {

// The entries of query t as float rows, in list order.
std::vector<std::vector<float>> entriesOf(const AttendArgs& args, std::int64_t t) {
  std::vector<std::vector<float>> rows;
  const auto add = [&](const std::byte* packed) {
    rows.emplace_back(static_cast<std::size_t>(args.format.head_dim));
    unpackKvRow(args.format, packed, rows.back().data());
  };
  const std::int64_t position = args.start + t;
  for (std::int64_t p = std::max<std::int64_t>(0, position - args.window_size + 1); p <= position;
       ++p)
    add(args.window + (p - args.window_first) * args.format.rowBytes());
  if (args.selected != nullptr) {
    for (std::int64_t i = 0; i < args.n_selected; ++i)
      if (const std::int32_t row = args.selected[t * args.n_selected + i]; row >= 0)
        add(args.compressed.row(row));
  } else if (args.n_visible != nullptr) {
    for (std::int64_t row = 0; row < args.n_visible[t]; ++row) add(args.compressed.row(row));
  }
  return rows;
}

void attendHead(const AttendArgs& args, const std::vector<std::vector<float>>& rows, const float* q,
                float sink, float* o) {
  const auto dim = static_cast<std::size_t>(args.format.head_dim);
  std::vector<float> s(rows.size());
  float largest = -std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    double dot = 0.0;
    for (std::size_t c = 0; c < dim; ++c) dot += static_cast<double>(q[c]) * rows[i][c];
    s[i] = static_cast<float>(dot) * args.scale;
    largest = std::max(largest, s[i]);
  }
  double z = std::exp(static_cast<double>(sink) - largest);
  std::vector<double> sum(dim, 0.0);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const float p = static_cast<float>(std::exp(static_cast<double>(s[i]) - largest));
    z += p;
    const double value_weight = rounded(p, args.rounding);
    for (std::size_t c = 0; c < dim; ++c) sum[c] += value_weight * rows[i][c];
  }
  for (std::size_t c = 0; c < dim; ++c)
    o[c] = rounded(static_cast<float>(sum[c] / z), args.rounding);
}

}  // namespace

void attendSparseRef(const AttendArgs& args) {
  const std::int64_t dim = args.format.head_dim;
  std::vector<float> q(static_cast<std::size_t>(dim));
  for (std::int64_t t = 0; t < args.n; ++t) {
    const auto rows = entriesOf(args, t);
    for (std::int64_t h = 0; h < args.n_heads; ++h) {
      const std::int64_t offset = (t * args.n_heads + h) * dim;
      std::copy_n(args.q + offset, dim, q.data());
      attendHead(args, rows, q.data(), args.sink[h], args.o + offset);
    }
  }
}

}  // namespace kernels
