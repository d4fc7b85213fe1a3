// Keys are unpacked a tile at a time with the keys in the lanes of a vector, so that a register
// block of query heads and keys runs along the dimension without a sum across lanes, and the
// rounding, the weights and the sum over heads are vector operations too. A tile is used for all
// queries of the call.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/index_scores/index_scores_cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/formats-inl.h"
#include "kernels/index_scores/index_scores.h"

HWY_BEFORE_NAMESPACE();
namespace kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;

constexpr std::int64_t kKeysPerTile = 64;

// One tile; value [i, w] of key w at i·kKeysPerTile + w.
struct KeyTile {
  std::vector<std::uint32_t> words;  // [dim / 8, keys]: eight codes of a key
  std::vector<float> scales;         // [dim / 32, keys]
  std::vector<float> values;         // [dim, keys]
};

#if HWY_TARGET == HWY_SCALAR
void unpackWords(KeyTile& tile, std::int64_t dim) {
  for (std::int64_t i = 0; i < dim; ++i)
    for (std::int64_t w = 0; w < kKeysPerTile; ++w) {
      const std::uint32_t code = tile.words[i / 8 * kKeysPerTile + w] >> (i % 8 * 4) & 15;
      tile.values[i * kKeysPerTile + w] =
          e2m1ToFloat(static_cast<std::uint8_t>(code)) * tile.scales[i / 32 * kKeysPerTile + w];
    }
}
#else
// Spreads the eight codes of each word. A code moves to the top byte of its lane, where the table
// turns it into an integer that is 2^25 times its value.
void unpackWords(KeyTile& tile, std::int64_t dim) {
  const D d;
  const hn::RebindToSigned<D> i32;
  const hn::RebindToUnsigned<D> u32;
  const hn::Repartition<std::int8_t, D> i8;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto table = hn::LoadDup128(i8, kTwiceE2m1);
  const auto top = hn::Set(u32, 0x0f000000u);
  const V down = hn::Set(d, 0x1p-25f);
  for (std::int64_t i = 0; i < dim; i += 8)
    for (std::int64_t w = 0; w < kKeysPerTile; w += lanes) {
      const auto low = hn::LoadU(u32, tile.words.data() + i / 8 * kKeysPerTile + w);
      const auto high = hn::ShiftRight<4>(low);
      const V scale = hn::LoadU(d, tile.scales.data() + i / 32 * kKeysPerTile + w);
      float* out = tile.values.data() + i * kKeysPerTile + w;
      const auto spread = [&](auto word, float* to) {
        const auto value = hn::TableLookupBytes(table, hn::BitCast(i8, hn::And(word, top)));
        const V exact = hn::Mul(hn::ConvertTo(d, hn::BitCast(i32, value)), down);
        hn::StoreU(hn::Mul(exact, scale), d, to);
      };
      spread(hn::ShiftLeft<24>(low), out);
      spread(hn::ShiftLeft<24>(high), out + kKeysPerTile);
      spread(hn::ShiftLeft<16>(low), out + 2 * kKeysPerTile);
      spread(hn::ShiftLeft<16>(high), out + 3 * kKeysPerTile);
      spread(hn::ShiftLeft<8>(low), out + 4 * kKeysPerTile);
      spread(hn::ShiftLeft<8>(high), out + 5 * kKeysPerTile);
      spread(low, out + 6 * kKeysPerTile);
      spread(high, out + 7 * kKeysPerTile);
    }
}
#endif

void loadTile(const IndexScoresArgs& args, std::int64_t first, std::int64_t last, KeyTile& tile) {
  const std::int64_t dim = args.format.dim;
  tile.values.resize(static_cast<std::size_t>(dim * kKeysPerTile));
  if (args.format.packing == RowPacking::kFloat) {
    for (std::int64_t w = first; w < last; ++w) {
      const auto* row = reinterpret_cast<const float*>(args.keys.row(w));
      for (std::int64_t i = 0; i < dim; ++i) tile.values[i * kKeysPerTile + w - first] = row[i];
    }
    return;
  }
  tile.words.resize(static_cast<std::size_t>(dim / 8 * kKeysPerTile));
  tile.scales.resize(static_cast<std::size_t>(dim / 32 * kKeysPerTile));
  for (std::int64_t w = first; w < last; ++w) {
    const auto* row = reinterpret_cast<const std::uint8_t*>(args.keys.row(w));
    for (std::int64_t i = 0; i < dim / 8; ++i)
      std::memcpy(&tile.words[i * kKeysPerTile + w - first], row + 4 * i, 4);
    for (std::int64_t g = 0; g < dim / 32; ++g)
      tile.scales[g * kKeysPerTile + w - first] = ue8m0ToFloat(row[dim / 2 + g]);
  }
  unpackWords(tile, dim);
}

// Adds kHeads heads to the scores of two vectors of keys.
template <int kHeads>
void addHeads(const float* q, const float* weights, std::int64_t dim, const float* keys,
              Rounding rounding, V* total) {
  const D d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V dot[kHeads][2];
  for (auto& pair : dot) pair[0] = pair[1] = hn::Zero(d);
  for (std::int64_t i = 0; i < dim; ++i) {
    const V a = hn::LoadU(d, keys + i * kKeysPerTile);
    const V b = hn::LoadU(d, keys + i * kKeysPerTile + lanes);
    for (int h = 0; h < kHeads; ++h) {
      const V x = hn::Set(d, q[h * dim + i]);
      dot[h][0] = hn::MulAdd(x, a, dot[h][0]);
      dot[h][1] = hn::MulAdd(x, b, dot[h][1]);
    }
  }
  for (int h = 0; h < kHeads; ++h)
    for (int j = 0; j < 2; ++j) {
      const V s = hn::Max(roundedLanes(d, dot[h][j], rounding), hn::Zero(d));
      total[j] = hn::Add(total[j],
                         roundedLanes(d, hn::Mul(s, hn::Set(d, weights[h])), rounding));
    }
}

// Scores of keys [first, last) for every query that sees any of them.
void scoreTile(const IndexScoresArgs& args, std::int64_t first, std::int64_t last) {
  const D d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t dim = args.format.dim;
  thread_local KeyTile tile;
  loadTile(args, first, last, tile);
  for (std::int64_t t = 0; t < args.n; ++t) {
    const float* q = args.q + t * args.n_heads * dim;
    const float* weights = args.weights + t * args.n_heads;
    const std::int64_t end = std::min(last, args.n_visible[t]);
    for (std::int64_t w = first; w < end; w += 2 * lanes) {
      const float* keys = tile.values.data() + (w - first);
      V total[2] = {hn::Zero(d), hn::Zero(d)};
      std::int64_t h = 0;
      for (; h + 4 <= args.n_heads; h += 4)
        addHeads<4>(q + h * dim, weights + h, dim, keys, args.rounding, total);
      for (; h < args.n_heads; ++h)
        addHeads<1>(q + h * dim, weights + h, dim, keys, args.rounding, total);
      float scores[32];
      for (int j = 0; j < 2; ++j)
        hn::StoreU(roundedLanes(d, total[j], args.rounding), d, scores + j * lanes);
      std::copy_n(scores, std::min(2 * lanes, end - w), args.scores + t * args.scores_stride + w);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kernels {
HWY_EXPORT(scoreTile);

void indexScoresCpu(const IndexScoresArgs& args, ThreadPool& pool) {
  if (args.n == 0) return;
  const std::int64_t n_keys = args.n_visible[args.n - 1];
  pool.parallelFor((n_keys + 63) / 64, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t tile = begin; tile < end; ++tile)
      HWY_DYNAMIC_DISPATCH(scoreTile)(args, tile * 64, std::min(tile * 64 + 64, n_keys));
  });
}

}  // namespace kernels
#endif
