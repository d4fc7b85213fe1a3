// Tiles of 64 keys pass a block of queries; each query scores the tile and keeps what is better
// than its k-th best so far, which is little. Blocks of queries and ranges of keys are independent;
// the order of the candidates is total, so the union of their bests has one k best whatever
// the division was.
#define HWY_WANT_AVX3_DL
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/index_select/index_select_cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <vector>

#include "kernels/index_select/candidates-inl.h"
#include "kernels/index_select/dot_tile-inl.h"
#include "kernels/index_select/index_select.h"

HWY_BEFORE_NAMESPACE();
#if HWY_TARGET == HWY_AVX3_DL
HWY_PUSH_ATTRIBUTES("avx512vnni")
#endif
namespace kernels {
namespace HWY_NAMESPACE {

// As roundBf16 gives it for a value that is no NaN.
template <bool kRound>
HWY_INLINE V roundedNumber(D d, V value) {
  if constexpr (!kRound) return value;
  const hn::RebindToUnsigned<D> u;
  const auto bits = hn::BitCast(u, value);
  const auto even = hn::And(hn::ShiftRight<16>(bits), hn::Set(u, 1u));
  const auto sum = hn::Add(hn::Add(bits, even), hn::Set(u, 0x7fffu));
  return hn::BitCast(d, hn::And(sum, hn::Set(u, 0xffff0000u)));
}

// --- exact dot products -------------------------------------------------------------------------

#if HWY_TARGET != HWY_SCALAR
// One query and kVectors vectors of a tile's keys, from place w on.
struct ExactPart {
  const DotQueries& queries;
  const DotTile& tile;
  std::int64_t query, n_heads, n_groups, w;
  std::int32_t* sums;  // [n_heads, kTileKeys]: the dot products
};

// Dot products of kHeads rows, which are also added to `bounds`, positive ones only.
// Inlined, its sums would not all stay in registers.
template <int kHeads>
HWY_NOINLINE void addBounds(const ExactPart& part, std::int64_t row, V (&bounds)[kVectors]) {
  const D d;
  const I32 i32;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  VI sums[kHeads][kVectors];
  dots(part.queries, row, part.n_groups, part.tile, part.w, sums);
  for (int h = 0; h < kHeads; ++h) {
    const std::int64_t head = part.queries.heads[row + h];
    const V weight = hn::Set(d, part.queries.weights[part.query * part.n_heads + head]);
    for (int j = 0; j < kVectors; ++j) {
      hn::StoreU(sums[h][j], i32, part.sums + head * kTileKeys + part.w + j * lanes);
      const V positive = hn::ConvertTo(d, hn::Max(sums[h][j], hn::Zero(i32)));
      bounds[j] = hn::MulAdd(positive, weight, bounds[j]);
    }
  }
}

HWY_INLINE void addBounds(const ExactPart& part, std::int64_t row, std::int64_t end,
                          V (&bounds)[kVectors]) {
  for (; row + kHeadsTogether <= end; row += kHeadsTogether)
    addBounds<kHeadsTogether>(part, row, bounds);
  if constexpr (kHeadsTogether > 2) {
    if (end - row == 3) return addBounds<3>(part, row, bounds);
    if (end - row == 2) return addBounds<2>(part, row, bounds);
  }
  if (row < end) addBounds<1>(part, row, bounds);
}

// Scores with the vector of keys at place w, from the dot products of all heads.
template <bool kRound>
V scoresOf(const ExactPart& part, std::int64_t w) {
  const D d;
  const I32 i32;
  const float* weights = part.queries.weights.data() + part.query * part.n_heads;
  V score = hn::Zero(d);
  for (std::int64_t h = 0; h < part.n_heads; ++h) {
    const auto sum = hn::LoadU(i32, part.sums + h * kTileKeys + w);
    const V s = hn::ConvertTo(d, hn::Max(sum, hn::Zero(i32)));
    const V product = hn::Mul(roundedNumber<kRound>(d, s), hn::Set(d, weights[h]));
    score = hn::Add(score, roundedNumber<kRound>(d, product));
  }
  return roundedNumber<kRound>(d, hn::Mul(score, hn::LoadU(d, part.tile.scales.data() + w)));
}

// Offers vector j of the part's keys, of which the first is number `first` and n_valid exist.
HWY_INLINE void offerVector(const ExactPart& part, Rounding rounding, int j, std::int64_t first,
                            std::int64_t n_valid, Candidates& best) {
  const std::int64_t ahead = j * static_cast<std::int64_t>(hn::Lanes(D())), w = part.w + ahead;
  const V scores = rounding == Rounding::kBf16 ? scoresOf<true>(part, w) : scoresOf<false>(part, w);
  offer(scores, first + ahead, n_valid - ahead, best);
}

// All keys at the part's place.
HWY_INLINE void offerAll(const ExactPart& part, Rounding rounding, std::int64_t first,
                         std::int64_t n_valid, Candidates& best) {
  const std::int64_t row = part.query * part.n_heads;
  V unused[kVectors];
  for (V& bound : unused) bound = hn::Zero(D());
  addBounds(part, row, row + part.n_heads, unused);
  for (int j = 0; j < kVectors; ++j) offerVector(part, rounding, j, first, n_valid, best);
}

// Heads of positive weight alone and without rounding bound the score to within three roundings,
// each by at most 2^-9 of it.
constexpr float kAboveRounding = 1.0f + 0x1p-7f;

// The same when few keys are above the threshold: the others need no more than a bound.
HWY_INLINE void offerFew(const ExactPart& part, Rounding rounding, std::int64_t first,
                         std::int64_t n_valid, Candidates& best) {
  const D d;
  const std::int64_t row = part.query * part.n_heads, end = row + part.n_heads;
  const std::int64_t others = row + part.queries.n_positive[part.query];
  const V threshold = hn::Set(d, best.threshold);
  V bounds[kVectors];
  for (V& bound : bounds) bound = hn::Zero(d);
  addBounds(part, row, others, bounds);
  hn::Mask<D> below[kVectors];
  for (int j = 0; j < kVectors; ++j) {
    const float* scales = part.tile.scales.data() + part.w;
    const V scale = hn::LoadU(d, scales + j * static_cast<std::int64_t>(hn::Lanes(d)));
    const V bound = hn::Mul(bounds[j], hn::Mul(scale, hn::Set(d, kAboveRounding)));
    below[j] = hn::Le(bound, threshold);
  }
  auto all_below = below[0];
  for (int j = 1; j < kVectors; ++j) all_below = hn::And(all_below, below[j]);
  if (hn::AllTrue(d, all_below)) return;
  addBounds(part, others, end, bounds);
  for (int j = 0; j < kVectors; ++j)
    if (!hn::AllTrue(d, below[j])) offerVector(part, rounding, j, first, n_valid, best);
}
#endif

// --- sums in float32 ----------------------------------------------------------------------------

// values[i · kTileKeys + w] of keys [first, last); the rest of a tile stays what it was.
void loadValues(const IndexSelectArgs& args, std::int64_t first, std::int64_t last,
                std::vector<float>& values) {
  const std::int64_t dim = args.format.dim;
  thread_local std::vector<float> key;
  key.resize(static_cast<std::size_t>(dim));
  values.resize(static_cast<std::size_t>(dim * kTileKeys));
  for (std::int64_t w = first; w < last; ++w) {
    unpackIndexRow(args.format, args.keys.row(w), key.data());
    for (std::int64_t i = 0; i < dim; ++i) values[i * kTileKeys + w - first] = key[i];
  }
}

template <int kHeads>
void addHeads(const float* q, const float* weights, std::int64_t dim, const float* keys,
              Rounding rounding, V (&totals)[kVectors]) {
  const D d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V dot[kHeads][kVectors];
  for (auto& of_head : dot)
    for (V& sum : of_head) sum = hn::Zero(d);
  for (std::int64_t i = 0; i < dim; ++i)
    for (int h = 0; h < kHeads; ++h)
      for (int j = 0; j < kVectors; ++j)
        dot[h][j] = hn::MulAdd(hn::Set(d, q[h * dim + i]),
                               hn::LoadU(d, keys + i * kTileKeys + j * lanes), dot[h][j]);
  for (int h = 0; h < kHeads; ++h)
    for (int j = 0; j < kVectors; ++j) {
      const V s = roundedLanes(d, dot[h][j], rounding);
      const V positive = hn::IfThenElseZero(hn::Gt(s, hn::Zero(d)), s);
      const V product = roundedLanes(d, hn::Mul(positive, hn::Set(d, weights[h])), rounding);
      totals[j] = hn::Add(totals[j], product);
    }
}

// Scores of query t with the keys in `values` from place w on.
void floatScores(const IndexSelectArgs& args, std::int64_t t, const std::vector<float>& values,
                 std::int64_t w, V (&scores)[kVectors]) {
  const D d;
  const std::int64_t dim = args.format.dim;
  const float* weights = args.weights + t * args.n_heads;
  thread_local std::vector<float> q;
  q.resize(static_cast<std::size_t>(args.n_heads * dim));
  for (std::int64_t h = 0; h < args.n_heads; ++h)
    unpackIndexRow(args.format, args.q + (t * args.n_heads + h) * args.format.rowBytes(),
                   q.data() + h * dim);
  for (V& score : scores) score = hn::Zero(d);
  std::int64_t h = 0;
  for (; h + kHeadsTogether <= args.n_heads; h += kHeadsTogether)
    addHeads<kHeadsTogether>(q.data() + h * dim, weights + h, dim, values.data() + w, args.rounding,
                             scores);
  for (; h < args.n_heads; ++h)
    addHeads<1>(q.data() + h * dim, weights + h, dim, values.data() + w, args.rounding, scores);
  for (V& score : scores) {
    score = roundedLanes(d, score, args.rounding);
    const V worst = hn::Set(d, -std::numeric_limits<float>::infinity());
    score = hn::IfThenElse(hn::IsNaN(score), worst, score);
  }
}

// --- selection ----------------------------------------------------------------------------------

// Leaves the k best of keys [first_key, last_key) for query first + i in best[i].
void selectBlock(const IndexSelectArgs& args, std::int64_t first, std::int64_t last,
                 std::int64_t first_key, std::int64_t last_key, Candidates* best) {
  const D d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  thread_local DotQueries queries;
  thread_local DotTile tile;
  thread_local std::vector<float> values;
  thread_local AlignedBuffer<std::int32_t> sums;
  sums.sized(args.n_heads * kTileKeys);
  [[maybe_unused]] const bool packed = args.format.packing == RowPacking::kPacked;
#if HWY_TARGET != HWY_SCALAR
  if (packed) loadQueries(args, first, last, queries);
#endif
  for (std::int64_t key = first_key; key < last_key; key += kTileKeys) {
    const std::int64_t tile_end = std::min(key + kTileKeys, last_key);
    bool exact_keys = false, has_values = false;
#if HWY_TARGET != HWY_SCALAR
    if (packed) exact_keys = loadTile(args, key, tile_end, tile);
#endif
    for (std::int64_t t = first; t < last; ++t) {
      const std::int64_t end = std::min(tile_end, args.n_visible[t]);
      if (end <= key) continue;
      const bool exact = exact_keys && queries.exact[static_cast<std::size_t>(t - first)];
      if (!exact && !has_values) {
        loadValues(args, key, tile_end, values);
        has_values = true;
      }
      for (std::int64_t w = key; w < end; w += kVectors * lanes) {
#if HWY_TARGET != HWY_SCALAR
        if (exact) {
          const ExactPart part{queries, tile,       t - first, args.n_heads, args.format.dim / 32,
                               w - key, sums.data()};
          // Of n keys in random order, number n is among the k best with probability k / n.
          if (key < args.k * kTileKeys)
            offerAll(part, args.rounding, w, end - w, best[t - first]);
          else
            offerFew(part, args.rounding, w, end - w, best[t - first]);
          continue;
        }
#endif
        V scores[kVectors];
        floatScores(args, t, values, w - key, scores);
        for (int j = 0; j < kVectors; ++j)
          offer(scores[j], w + j * lanes, end - w - j * lanes, best[t - first]);
      }
      makeRoom(best[t - first], args.k);
    }
  }
  for (std::int64_t i = 0; i < last - first; ++i) keepBest(best[i], args.k);
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
#if HWY_TARGET == HWY_AVX3_DL
HWY_POP_ATTRIBUTES
#endif
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kernels {
HWY_EXPORT(selectBlock);
HWY_EXPORT(mergeBest);

namespace {

constexpr std::int64_t kQueriesPerBlock = 128, kQueriesPerBatch = 256;
// Every range of keys fills candidates of its own: with fewer keys it is not worth it.
constexpr std::int64_t kFewestKeysPerRange = 4096;
constexpr std::int64_t kItemsPerThread = 1;

std::int64_t ceilDiv(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

void writeBest(const IndexSelectArgs& args, std::int64_t t, Candidates& best) {
  sortBest(best);
  std::int32_t* indices = args.indices + t * args.k;
  std::copy_n(best.indices, best.count, indices);
  std::fill(indices + best.count, indices + args.k, -1);
  if (args.scores == nullptr) return;
  float* scores = args.scores + t * args.k;
  std::copy_n(best.scores, best.count, scores);
  std::fill(scores + best.count, scores + args.k, -std::numeric_limits<float>::infinity());
}

// Queries [first, first + n), n at most kQueriesPerBatch.
void selectBatch(const IndexSelectArgs& args, std::int64_t first, std::int64_t n,
                 ThreadPool& pool) {
  const std::int64_t n_keys = *std::max_element(args.n_visible + first, args.n_visible + first + n);
  const std::int64_t n_blocks = ceilDiv(n, kQueriesPerBlock);
  const std::int64_t n_ranges =
      std::clamp<std::int64_t>(ceilDiv(kItemsPerThread * pool.size(), n_blocks), 1,
                               std::max<std::int64_t>(1, n_keys / kFewestKeysPerRange));
  const std::int64_t per_range = ceilDiv(ceilDiv(n_keys, n_ranges), kTileKeys) * kTileKeys;
  std::vector<CandidateLists> best;
  for (std::int64_t range = 0; range < n_ranges; ++range)
    best.emplace_back(n, std::min(args.k, n_keys));
  pool.parallelFor(n_blocks * n_ranges, 1, [&](std::int64_t item, std::int64_t) {
    const std::int64_t range = item / n_blocks, begin = item % n_blocks * kQueriesPerBlock;
    HWY_DYNAMIC_DISPATCH(selectBlock)
    (args, first + begin, first + std::min(begin + kQueriesPerBlock, n), range * per_range,
     std::min((range + 1) * per_range, n_keys), best[range].data() + begin);
  });
  pool.parallelFor(n, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t query = begin; query < end; ++query) {
      for (std::int64_t range = 1; range < n_ranges; ++range)
        HWY_DYNAMIC_DISPATCH(mergeBest)(best[0][query], best[range][query], args.k);
      writeBest(args, first + query, best[0][query]);
    }
  });
}

}  // namespace

void indexSelectCpu(const IndexSelectArgs& args, ThreadPool& pool) {
  if (args.k <= 0) return;
  for (std::int64_t first = 0; first < args.n; first += kQueriesPerBatch)
    selectBatch(args, first, std::min(kQueriesPerBatch, args.n - first), pool);
}

}  // namespace kernels
#endif
