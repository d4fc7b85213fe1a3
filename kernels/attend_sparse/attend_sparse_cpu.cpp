// Rows are unpacked once: the window of the whole chunk up front, rows that every query sees
// (ratio-128 layers) likewise, selected rows per query. Then, per query, four heads at a time
// run over the list: scores, softmax, weighted sum.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attend_sparse/attend_sparse_cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/attend_sparse/attend_sparse.h"
#include "kernels/formats-inl.h"
#include "kernels/sums-inl.h"

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

// s[h, i] = (q_h·row_i)·scale for kHeads heads and every row; four rows per pass. The heads are
// `dim` apart in q and `stride` apart in s, which has room for four places beyond n.
// dim % lanes == 0.
template <int kHeads>
void scoreRows(const AttendList& list, const float* q, std::int64_t dim, float scale, float* s,
               std::int64_t stride) {
  const D d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t i = 0; i < list.n; i += 4) {
    const float* r[4];
    for (std::int64_t j = 0; j < 4; ++j) r[j] = list.rows[std::min(i + j, list.n - 1)];
    V sum[kHeads][4];
    for (auto& head : sum)
      for (V& v : head) v = hn::Zero(d);
    for (std::int64_t k = 0; k < dim; k += lanes) {
      V row[4];
      for (int j = 0; j < 4; ++j) row[j] = hn::LoadU(d, r[j] + k);
      for (int h = 0; h < kHeads; ++h) {
        const V x = hn::LoadU(d, q + h * dim + k);
        for (int j = 0; j < 4; ++j) sum[h][j] = hn::MulAdd(x, row[j], sum[h][j]);
      }
    }
    for (int h = 0; h < kHeads; ++h) {
      fourSums(d, sum[h], s + h * stride + i);
      for (int j = 0; j < 4; ++j) s[h * stride + i + j] *= scale;
    }
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

// o_h = (Σ p[h, i]·row_i) / z[h] for kHeads heads, kVectors vectors of the row from `first` on.
template <int kHeads, int kVectors>
void weightedPart(const AttendList& list, const float* p, std::int64_t stride, std::int64_t dim,
                  const float* z, std::int64_t first, Rounding rounding, float* o) {
  const D d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V sum[kHeads][kVectors];
  for (auto& head : sum)
    for (V& v : head) v = hn::Zero(d);
  for (std::int64_t i = 0; i < list.n; ++i) {
    V row[kVectors];
    for (int j = 0; j < kVectors; ++j) row[j] = hn::LoadU(d, list.rows[i] + first + j * lanes);
    for (int h = 0; h < kHeads; ++h) {
      const V weight = hn::Set(d, p[h * stride + i]);
      for (int j = 0; j < kVectors; ++j) sum[h][j] = hn::MulAdd(weight, row[j], sum[h][j]);
    }
  }
  for (int h = 0; h < kHeads; ++h)
    for (int j = 0; j < kVectors; ++j)
      hn::StoreU(roundedLanes(d, hn::Div(sum[h][j], hn::Set(d, z[h])), rounding), d,
                 o + h * dim + first + j * lanes);
}

// kHeads neighbouring heads of query t over its list.
template <int kHeads>
void attendHeads(const AttendArgs& args, std::int64_t t, std::int64_t first_head,
                 const AttendList& list) {
  const D d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t dim = args.format.head_dim, stride = list.n + 16;
  const std::int64_t offset = (t * args.n_heads + first_head) * dim;
  thread_local std::vector<float> buffer;
  buffer.resize(static_cast<std::size_t>(kHeads * stride));
  float* p = buffer.data();
  float z[kHeads];
  scoreRows<kHeads>(list, args.q + offset, dim, args.scale, p, stride);
  for (int h = 0; h < kHeads; ++h) {
    float* s = p + h * stride;
    const float largest = *std::max_element(s, s + list.n);
    // The sink may lie far above every score; in float32 the difference alone would cost digits.
    const double sink = std::exp(static_cast<double>(args.sink[first_head + h]) - largest);
    z[h] = static_cast<float>(exponentials(s, list.n, largest) + sink);
    if (args.rounding == Rounding::kBf16)
      for (std::int64_t i = 0; i < list.n; i += lanes)
        hn::StoreU(roundedLanes(d, hn::LoadU(d, s + i)), d, s + i);
  }
  std::int64_t c = 0;
  for (; c + 4 * lanes <= dim; c += 4 * lanes)
    weightedPart<kHeads, 4>(list, p, stride, dim, z, c, args.rounding, args.o + offset);
  for (; c < dim; c += lanes)
    weightedPart<kHeads, 1>(list, p, stride, dim, z, c, args.rounding, args.o + offset);
}

void attendQuery(const AttendArgs& args, std::int64_t t, const AttendList& list) {
  if (list.n == 0) {
    const std::int64_t dim = args.format.head_dim;
    std::fill_n(args.o + t * args.n_heads * dim, args.n_heads * dim, 0.0f);
    return;
  }
  std::int64_t h = 0;
  for (; h + 4 <= args.n_heads; h += 4) attendHeads<4>(args, t, h, list);
  for (; h < args.n_heads; ++h) attendHeads<1>(args, t, h, list);
}

// One row as unpackKvRow gives it.
void unpackRow(const KvRowFormat& format, const std::byte* packed, float* row) {
  const D d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t nope = format.nopeDim();
  if (format.packing == RowPacking::kFloat || format.rope_dim % lanes != 0)
    return unpackKvRow(format, packed, row);
  const hn::RebindToUnsigned<D> u32;
  const hn::Rebind<std::uint8_t, D> u8;
  const hn::Rebind<std::uint16_t, D> u16;
  const auto* codes = reinterpret_cast<const std::uint8_t*>(packed);
  const std::uint8_t* scales = codes + nope + 2 * format.rope_dim;
  for (std::int64_t i = 0; i < nope; i += lanes) {
    const V value = e4m3Lanes(d, hn::PromoteTo(u32, hn::LoadU(u8, codes + i)));
    hn::StoreU(hn::Mul(value, hn::Set(d, ue8m0ToFloat(scales[i / 64]))), d, row + i);
  }
  std::uint16_t halves[16];
  for (std::int64_t i = 0; i < format.rope_dim; i += lanes) {
    std::memcpy(halves, codes + nope + 2 * i, static_cast<std::size_t>(2 * lanes));
    const auto bits = hn::ShiftLeft<16>(hn::PromoteTo(u32, hn::LoadU(u16, halves)));
    hn::StoreU(hn::BitCast(d, bits), d, row + nope + i);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kernels {
HWY_EXPORT(attendQuery);
HWY_EXPORT(unpackRow);

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
      HWY_DYNAMIC_DISPATCH(unpackRow)(args.format, row, unpacked + i * dim);
    }
  });

  pool.parallelFor(args.n, 2, [&, unpacked](std::int64_t begin, std::int64_t end) {
    thread_local std::vector<const float*> rows;
    thread_local std::vector<float> selected;
    for (std::int64_t t = begin; t < end; ++t) {
      const std::int64_t position = args.start + t;
      const std::int64_t first = std::max<std::int64_t>(0, position - args.window_size + 1);
      rows.clear();
      for (std::int64_t p = first; p <= position; ++p)
        rows.push_back(unpacked + (p - oldest) * dim);
      if (args.selected != nullptr) {
        selected.resize(static_cast<std::size_t>(args.n_selected * dim));
        for (std::int64_t i = 0; i < args.n_selected; ++i) {
          const std::int32_t row = args.selected[t * args.n_selected + i];
          if (row < 0) continue;
          HWY_DYNAMIC_DISPATCH(unpackRow)
          (args.format, args.compressed.row(row), selected.data() + i * dim);
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
