// Tiles of queries, and their products in float32; attend_bf16.cpp has those of bf16 numbers.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attend_sparse/attend_sparse_cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "kernels/attend_sparse/attend_sparse.h"
#include "kernels/attend_sparse/attend_tile.h"
#include "kernels/formats-inl.h"
#include "kernels/kv_pack/kv_unpack-inl.h"
#include "kernels/sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;

// Dims [begin, end) of a panel's rows: [panel.n, end − begin], zeros where there is no row.
const float* unpackedRows(const AttendTile& tile, const AttendPanel& panel, std::int64_t begin,
                          std::int64_t end) {
  thread_local AlignedBuffer<float> buffer;
  const std::int64_t width = end - begin;
  float* rows = buffer.sized(panel.n * width);
  const std::byte* packed[kMaxPanelRows + kRowsAhead];
  tile.packedRows(panel, packed);
  for (std::int64_t i = 0; i < panel.n; ++i) {
    if (packed[i] != nullptr)
      unpackDims(tile.args->format, packed[i], begin, end, rows + i * width);
    else
      std::fill_n(rows + i * width, width, 0.0f);
  }
  return rows;
}

// s[h, i] = (q_h·row_i)·scale for kHeads heads, `dim` apart in q and `stride` apart in s, and
// every row (n even), four rows per pass.
template <int kHeads>
void scoreRows(const float* q, const float* rows, std::int64_t n, std::int64_t dim, float scale,
               float* s, std::int64_t stride) {
  const D d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t i = 0; i < n; i += 4) {
    const float* r[4];
    for (std::int64_t j = 0; j < 4; ++j) r[j] = rows + std::min(i + j, n - 1) * dim;
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
    const std::int64_t n_now = std::min<std::int64_t>(4, n - i);
    for (int h = 0; h < kHeads; ++h) {
      float dots[4];
      fourSums(d, sum[h], dots);
      for (std::int64_t j = 0; j < n_now; ++j) s[h * stride + i + j] = dots[j] * scale;
    }
  }
}

void scorePanel(AttendTile& tile, const AttendPanel& panel) {
  const std::int64_t dim = tile.args->format.head_dim;
  const float* rows = unpackedRows(tile, panel, 0, dim);
  for (std::int64_t t = panel.query_begin; t < panel.query_end; ++t) {
    const AttendOverlap part = tile.overlap(panel, t);
    if (part.begin >= part.end) continue;
    const float* first = rows + part.begin * dim;
    const std::int64_t n = part.end - part.begin;
    for (std::int64_t h = 0; h < tile.n_heads;) {
      float* s = tile.scores.data() + tile.index(t, h) * tile.stride + part.slot;
      if (h + 4 <= tile.n_heads) {
        scoreRows<4>(tile.query(t, h), first, n, dim, tile.args->scale, s, tile.stride);
        h += 4;
      } else {
        scoreRows<1>(tile.query(t, h), first, n, dim, tile.args->scale, s, tile.stride);
        h += 1;
      }
    }
  }
}

// Scores of one head become P; z is their sum, lane by lane in the order of the slots, plus the
// sink. Slots without a row get P = 0.
void softmax(AttendTile& tile, std::int64_t t, std::int64_t h, bool as_bf16) {
  const D d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t window = tile.windowSlots(t), n = tile.nSlots(t);
  float* s = tile.scores.data() + tile.index(t, h) * tile.stride;
  const float none = -std::numeric_limits<float>::infinity();
  if (window > 0) {
    if (tile.oldest(t) % 2 != 0) s[0] = none;
    if ((tile.position(t) + 1) % 2 != 0) s[window - 1] = none;
  }
  if (tile.nOther(t) % 2 != 0) s[n - 1] = none;
  std::fill(s + n, s + std::min((n + 31) / 32 * 32, tile.stride), none);

  V most = hn::Set(d, none);
  for (std::int64_t i = 0; i < n; i += lanes) most = hn::Max(hn::LoadU(d, s + i), most);
  const float largest = hn::GetLane(hn::MaxOfLanes(d, most));
  const V m = hn::Set(d, largest);
  V sum = hn::Zero(d);
  auto* codes = reinterpret_cast<std::uint16_t*>(s);
  const hn::RebindToUnsigned<D> u32;
  const hn::Rebind<std::uint16_t, D> u16;
  for (std::int64_t i = 0; i < n; i += lanes) {
    const V p = hn::Exp(d, hn::Sub(hn::LoadU(d, s + i), m));
    sum = hn::Add(sum, p);
    const V kept = roundedLanes(d, p, tile.args->rounding);
    if (as_bf16)  // the codes trail the scores that are still to be read
      hn::StoreU(hn::TruncateTo(u16, hn::ShiftRight<16>(hn::BitCast(u32, kept))), u16, codes + i);
    else
      hn::StoreU(kept, d, s + i);
  }
  float parts[16];
  hn::StoreU(sum, d, parts);
  // The sink may lie far above every score; in float32 the difference alone would cost digits.
  double z = std::exp(static_cast<double>(tile.args->sink[tile.first_head + h]) - largest);
  for (std::int64_t i = 0; i < lanes; ++i) z += static_cast<double>(parts[i]);
  tile.z.data()[tile.index(t, h)] = static_cast<float>(z);
}

// sums_h += Σ p[h, i]·row_i for kHeads heads, kVectors vectors of the row from c on.
template <int kHeads, int kVectors>
void weighRows(const float* p, std::int64_t stride, const float* rows, std::int64_t n,
               std::int64_t width, std::int64_t c, float* sums, std::int64_t dim) {
  const D d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V sum[kHeads][kVectors];
  for (int h = 0; h < kHeads; ++h)
    for (int j = 0; j < kVectors; ++j) sum[h][j] = hn::LoadU(d, sums + h * dim + c + j * lanes);
  for (std::int64_t i = 0; i < n; ++i) {
    V row[kVectors];
    for (int j = 0; j < kVectors; ++j) row[j] = hn::LoadU(d, rows + i * width + c + j * lanes);
    for (int h = 0; h < kHeads; ++h) {
      const V weight = hn::Set(d, p[h * stride + i]);
      for (int j = 0; j < kVectors; ++j) sum[h][j] = hn::MulAdd(weight, row[j], sum[h][j]);
    }
  }
  for (int h = 0; h < kHeads; ++h)
    for (int j = 0; j < kVectors; ++j)
      hn::StoreU(sum[h][j], d, sums + h * dim + c + j * lanes);
}

template <int kHeads>
void weighHeads(const float* p, std::int64_t stride, const float* rows, std::int64_t n,
                std::int64_t width, float* sums, std::int64_t dim) {
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(D()));
  std::int64_t c = 0;
  for (; c + 4 * lanes <= width; c += 4 * lanes)
    weighRows<kHeads, 4>(p, stride, rows, n, width, c, sums, dim);
  for (; c < width; c += lanes) weighRows<kHeads, 1>(p, stride, rows, n, width, c, sums, dim);
}

void weighPanel(AttendTile& tile, const AttendPanel& panel, std::int64_t begin, std::int64_t end) {
  const std::int64_t dim = tile.args->format.head_dim, width = end - begin;
  const float* rows = unpackedRows(tile, panel, begin, end);
  for (std::int64_t t = panel.query_begin; t < panel.query_end; ++t) {
    const AttendOverlap part = tile.overlap(panel, t);
    if (part.begin >= part.end) continue;
    const float* first = rows + part.begin * width;
    const std::int64_t n = part.end - part.begin;
    for (std::int64_t h = 0; h < tile.n_heads;) {
      const float* p = tile.scores.data() + tile.index(t, h) * tile.stride + part.slot;
      float* sums = tile.sums.data() + tile.index(t, h) * dim + begin;
      if (h + 4 <= tile.n_heads) {
        weighHeads<4>(p, tile.stride, first, n, width, sums, dim);
        h += 4;
      } else {
        weighHeads<1>(p, tile.stride, first, n, width, sums, dim);
        h += 1;
      }
    }
  }
}

// o = sums / z. Adding zero makes −0 of +0, so that padding does not show.
void finish(AttendTile& tile, std::int64_t begin, std::int64_t end) {
  const D d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t dim = tile.args->format.head_dim;
  for (std::int64_t t = 0; t < tile.n; ++t)
    for (std::int64_t h = 0; h < tile.n_heads; ++h) {
      const float* sums = tile.sums.data() + tile.index(t, h) * dim;
      const V z = hn::Set(d, tile.z.data()[tile.index(t, h)]);
      for (std::int64_t c = begin; c < end; c += lanes) {
        const V sum = hn::Add(hn::LoadU(d, sums + c), hn::Zero(d));
        hn::StoreU(roundedLanes(d, hn::Div(sum, z), tile.args->rounding), d,
                   tile.output(t, h) + c);
      }
    }
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kernels {
HWY_EXPORT(scorePanel);
HWY_EXPORT(softmax);
HWY_EXPORT(weighPanel);
HWY_EXPORT(finish);

namespace {

// A tile has about this many (query, head) pairs: enough to hide the unpacking of its rows.
constexpr std::int64_t kTilePairs = 64;
// ... and at most this much memory for scores (see attend_sparse.h).
constexpr std::int64_t kScoreBytes = std::int64_t{2} << 20;
// Selected rows come from anywhere in memory; those of a tile stay in the second-level cache from
// the scores to the weighted sum.
constexpr std::int64_t kSelectedBytes = 256 << 10;
// A panel fills half of a first-level cache.
constexpr std::int64_t kPanelBytes = 24 << 10;
// Below this many multiply-adds a second thread costs more than it brings.
constexpr std::int64_t kWorthSplitting = 1 << 20;

void noPreparation(AttendTile&) {}

const AttendKernels& floatKernels() {
  static const AttendKernels kernels = {
      .bytes_per_value = 4,
      .p_is_bf16 = false,
      .prepare = noPreparation,
      .scorePanel = [](AttendTile& tile, const AttendPanel& panel) {
        HWY_DYNAMIC_DISPATCH(scorePanel)(tile, panel);
      },
      .weighPanel = [](AttendTile& tile, const AttendPanel& panel, std::int64_t begin,
                       std::int64_t end) {
        HWY_DYNAMIC_DISPATCH(weighPanel)(tile, panel, begin, end);
      },
      .finish = [](AttendTile& tile, std::int64_t begin, std::int64_t end) {
        HWY_DYNAMIC_DISPATCH(finish)(tile, begin, end);
      }};
  return kernels;
}

// How a call is cut into tiles.
struct AttendPlan {
  const AttendArgs& args;
  const AttendKernels& kernels;
  std::int64_t n_queries = 1, n_heads = 1;  // of a tile
  std::int64_t n_tiles = 1, n_head_groups = 1;
  std::int64_t panel_rows = 16;
  std::int64_t longest = 0;  // slots of the longest list

  AttendPlan(const AttendArgs& call, const AttendKernels& chosen, std::int64_t n_threads)
      : args(call), kernels(chosen) {
    std::int64_t n_other = args.selected != nullptr ? args.n_selected : 0;
    if (args.selected == nullptr && args.n_visible != nullptr)
      n_other = *std::max_element(args.n_visible, args.n_visible + args.n);
    longest = std::min(args.window_size, args.start + args.n) + n_other + 4;
    n_heads = std::min(args.n_heads, kTilePairs);
    n_head_groups = (args.n_heads + n_heads - 1) / n_heads;
    n_queries = std::min({kTilePairs / n_heads, kScoreBytes / (n_heads * longest * 4),
                          args.n / (2 * n_threads)});
    if (args.selected != nullptr)
      n_queries = std::min(n_queries, kSelectedBytes / (args.n_selected * args.format.rowBytes()));
    n_queries = std::max<std::int64_t>(n_queries, 1);
    n_tiles = (args.n + n_queries - 1) / n_queries;
    const std::int64_t row_bytes = args.format.head_dim * kernels.bytes_per_value;
    panel_rows = std::clamp<std::int64_t>(kPanelBytes / row_bytes, 16, kMaxPanelRows) / 4 * 4;
  }
  std::int64_t nItems() const { return n_tiles * n_head_groups; }
  std::int64_t multiplyAdds() const {
    return 2 * args.n * args.n_heads * longest * args.format.head_dim;
  }
  void place(std::int64_t item, AttendTile& tile) const {
    const std::int64_t first = item / n_head_groups * n_queries;
    const std::int64_t head = item % n_head_groups * n_heads;
    tile.place(args, first, std::min(n_queries, args.n - first), head,
               std::min(n_heads, args.n_heads - head), panel_rows);
    kernels.prepare(tile);
  }
};

AttendTile& tileOfThisThread() {
  thread_local AttendTile tile;
  return tile;
}

void runAlone(const AttendPlan& plan, std::int64_t item) {
  const AttendKernels& kernels = plan.kernels;
  const std::int64_t dim = plan.args.format.head_dim;
  AttendTile& tile = tileOfThisThread();
  plan.place(item, tile);
  std::fill_n(tile.sums.data(), tile.n * tile.n_heads * dim, 0.0f);
  for (const AttendPanel& panel : tile.panels) kernels.scorePanel(tile, panel);
  for (std::int64_t t = 0; t < tile.n; ++t)
    for (std::int64_t h = 0; h < tile.n_heads; ++h)
      HWY_DYNAMIC_DISPATCH(softmax)(tile, t, h, kernels.p_is_bf16);
  for (const AttendPanel& panel : tile.panels) kernels.weighPanel(tile, panel, 0, dim);
  kernels.finish(tile, 0, dim);
}

// One tile by all threads: panels of scores, heads, then slices of the dims. Every sum is the
// same as alone.
void runTogether(const AttendPlan& plan, std::int64_t item, ThreadPool& pool) {
  constexpr std::int64_t kSlice = 32;
  const AttendKernels& kernels = plan.kernels;
  const std::int64_t dim = plan.args.format.head_dim;
  AttendTile& tile = tileOfThisThread();
  plan.place(item, tile);
  const auto scores = [&kernels, &tile](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      kernels.scorePanel(tile, tile.panels[static_cast<std::size_t>(i)]);
  };
  const auto softmaxes = [&kernels, &tile](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      HWY_DYNAMIC_DISPATCH(softmax)
      (tile, i / tile.n_heads, i % tile.n_heads, kernels.p_is_bf16);
  };
  const auto sums = [&kernels, &tile](std::int64_t begin, std::int64_t end) {
    const std::int64_t dim = tile.args->format.head_dim;
    const std::int64_t first = begin * kSlice, last = std::min(end * kSlice, dim);
    for (std::int64_t i = 0; i < tile.n * tile.n_heads; ++i)
      std::fill(tile.sums.data() + i * dim + first, tile.sums.data() + i * dim + last, 0.0f);
    for (const AttendPanel& panel : tile.panels) kernels.weighPanel(tile, panel, first, last);
    kernels.finish(tile, first, last);
  };
  const auto n_panels = static_cast<std::int64_t>(tile.panels.size());
  const std::int64_t n_slices = (dim + kSlice - 1) / kSlice;
  pool.parallelFor(n_panels, 4, std::cref(scores));
  pool.parallelFor(tile.n * tile.n_heads, 1, std::cref(softmaxes));
  pool.parallelFor(n_slices, (n_slices + pool.size() - 1) / pool.size(), std::cref(sums));
}

}  // namespace

void attendSparseCpu(const AttendArgs& args, ThreadPool& pool) {
  if (args.n == 0) return;
  const AttendKernels* bf16 = bf16AttendKernels(args);
  const AttendPlan plan(args, bf16 != nullptr ? *bf16 : floatKernels(), pool.size());
  if (plan.nItems() < pool.size() && plan.multiplyAdds() >= kWorthSplitting) {
    for (std::int64_t item = 0; item < plan.nItems(); ++item) runTogether(plan, item, pool);
    return;
  }
  const std::int64_t grain = plan.multiplyAdds() >= kWorthSplitting ? 1 : plan.nItems();
  const auto items = [&plan](std::int64_t begin, std::int64_t end) {
    for (std::int64_t item = begin; item < end; ++item) runAlone(plan, item);
  };
  pool.parallelFor(plan.nItems(), grain, std::cref(items));
}

}  // namespace kernels
#endif
