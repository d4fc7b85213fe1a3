// Rows are unpacked once: the window of the whole chunk up front, rows that every query sees
// (ratio-128 layers) likewise, selected rows per query. Then, per query, one head after another
// runs over the list: scores, softmax, weighted sum.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attend_sparse/attend_sparse_cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/attend_sparse/attend_sparse.h"

#ifndef LECTERN_ATTEND_LIST
#define LECTERN_ATTEND_LIST
namespace kernels {
// The list of one query: pointers to unpacked rows.
struct AttendList {
  const float* const* rows;
  std::int64_t n;
};
}  // namespace kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;

// s[i] = (q·row_i)·scale for every row; four rows per pass. dim % lanes == 0.
void scoreRows(const AttendList& list, const float* q, std::int64_t dim, float scale, float* s) {
  const D d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t i = 0; i < list.n; i += 4) {
    const float* r[4];
    for (std::int64_t j = 0; j < 4; ++j) r[j] = list.rows[std::min(i + j, list.n - 1)];
    V a = hn::Zero(d), b = a, c = a, e = a;
    for (std::int64_t k = 0; k < dim; k += lanes) {
      const V x = hn::LoadU(d, q + k);
      a = hn::MulAdd(x, hn::LoadU(d, r[0] + k), a);
      b = hn::MulAdd(x, hn::LoadU(d, r[1] + k), b);
      c = hn::MulAdd(x, hn::LoadU(d, r[2] + k), c);
      e = hn::MulAdd(x, hn::LoadU(d, r[3] + k), e);
    }
    const float sums[4] = {
        hn::GetLane(hn::SumOfLanes(d, a)), hn::GetLane(hn::SumOfLanes(d, b)),
        hn::GetLane(hn::SumOfLanes(d, c)), hn::GetLane(hn::SumOfLanes(d, e))};
    for (std::int64_t j = 0; j < 4 && i + j < list.n; ++j) s[i + j] = sums[j] * scale;
  }
}

// s[i] = exp(s[i] − largest); returns their sum, added in order. s has room for a whole vector
// beyond n.
float exponentials(float* s, std::int64_t n, float largest) {
  const D d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const V m = hn::Set(d, largest);
  for (std::int64_t i = n; i % lanes != 0; ++i) s[i] = largest;
  for (std::int64_t i = 0; i < n; i += lanes)
    hn::StoreU(hn::Exp(d, hn::Sub(hn::LoadU(d, s + i), m)), d, s + i);
  float sum = 0.0f;
  for (std::int64_t i = 0; i < n; ++i) sum += s[i];
  return sum;
}

// o = (Σ p_i·row_i) / z, four vectors of the row at a time.
void weightedRows(const AttendList& list, const float* p, std::int64_t dim, float z,
                  Rounding rounding, float* o) {
  const D d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t first = 0; first < dim; first += 4 * lanes) {
    V a = hn::Zero(d), b = a, c = a, e = a;
    const bool full = first + 4 * lanes <= dim;
    for (std::int64_t i = 0; i < list.n; ++i) {
      const V weight = hn::Set(d, p[i]);
      const float* row = list.rows[i] + first;
      a = hn::MulAdd(weight, hn::LoadU(d, row), a);
      if (full || first + 1 * lanes < dim) b = hn::MulAdd(weight, hn::LoadU(d, row + lanes), b);
      if (full || first + 2 * lanes < dim) c = hn::MulAdd(weight, hn::LoadU(d, row + 2 * lanes), c);
      if (full || first + 3 * lanes < dim) e = hn::MulAdd(weight, hn::LoadU(d, row + 3 * lanes), e);
    }
    const V sums[4] = {a, b, c, e};
    for (std::int64_t j = 0; j < 4 && first + j * lanes < dim; ++j)
      hn::StoreU(hn::Div(sums[j], hn::Set(d, z)), d, o + first + j * lanes);
  }
  if (rounding == Rounding::kBf16)
    for (std::int64_t c = 0; c < dim; ++c) o[c] = roundBf16(o[c]);
}

void attendQuery(const AttendArgs& args, std::int64_t t, const AttendList& list) {
  const std::int64_t dim = args.format.head_dim;
  if (list.n == 0) {
    std::fill_n(args.o + t * args.n_heads * dim, args.n_heads * dim, 0.0f);
    return;
  }
  thread_local std::vector<float> p;
  p.resize(static_cast<std::size_t>(list.n) + 16);
  for (std::int64_t h = 0; h < args.n_heads; ++h) {
    const std::int64_t offset = (t * args.n_heads + h) * dim;
    scoreRows(list, args.q + offset, dim, args.scale, p.data());
    const float largest = *std::max_element(p.begin(), p.begin() + list.n);
    // The sink may lie far above every score; in float32 the difference alone would cost digits.
    const double sink = std::exp(static_cast<double>(args.sink[h]) - largest);
    const auto z = static_cast<float>(exponentials(p.data(), list.n, largest) + sink);
    if (args.rounding == Rounding::kBf16)
      for (std::int64_t i = 0; i < list.n; ++i) p[i] = roundBf16(p[i]);
    weightedRows(list, p.data(), dim, z, args.rounding, args.o + offset);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kernels {
HWY_EXPORT(attendQuery);

void attendSparseCpu(const AttendArgs& args, ThreadPool& pool) {
  if (args.n == 0) return;
  const std::int64_t dim = args.format.head_dim, row_bytes = args.format.rowBytes();
  const std::int64_t oldest = std::max<std::int64_t>(0, args.start - args.window_size + 1);
  const std::int64_t n_window = args.window_size > 0 ? args.start + args.n - oldest : 0;
  const std::int64_t n_shared =
      args.selected == nullptr && args.n_visible != nullptr ? args.n_visible[args.n - 1] : 0;

  thread_local std::vector<float> shared;  // window rows, then rows that every query may see
  shared.resize(static_cast<std::size_t>((n_window + n_shared) * dim));
  float* unpacked = shared.data();
  pool.parallelFor(n_window + n_shared, 128, [&, unpacked](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::byte* row = i < n_window
                                 ? args.window + (oldest + i - args.window_first) * row_bytes
                                 : args.compressed.row(i - n_window);
      unpackKvRow(args.format, row, unpacked + i * dim);
    }
  });

  pool.parallelFor(args.n, 2, [&, unpacked](std::int64_t begin, std::int64_t end) {
    thread_local std::vector<const float*> rows;
    thread_local std::vector<float> selected;
    for (std::int64_t t = begin; t < end; ++t) {
      const std::int64_t position = args.start + t;
      const std::int64_t first = std::max<std::int64_t>(0, position - args.window_size + 1);
      rows.clear();
      for (std::int64_t p = first; p <= position; ++p) rows.push_back(unpacked + (p - oldest) * dim);
      if (args.selected != nullptr) {
        selected.resize(static_cast<std::size_t>(args.n_selected * dim));
        for (std::int64_t i = 0; i < args.n_selected; ++i) {
          const std::int32_t row = args.selected[t * args.n_selected + i];
          if (row < 0) continue;
          unpackKvRow(args.format, args.compressed.row(row), selected.data() + i * dim);
          rows.push_back(selected.data() + i * dim);
        }
      } else if (args.n_visible != nullptr) {
        for (std::int64_t i = 0; i < args.n_visible[t]; ++i)
          rows.push_back(unpacked + (n_window + i) * dim);
      }
      HWY_DYNAMIC_DISPATCH(attendQuery)
      (args, t, AttendList{rows.data(), static_cast<std::int64_t>(rows.size())});
    }
  });
}

}  // namespace kernels
#endif
