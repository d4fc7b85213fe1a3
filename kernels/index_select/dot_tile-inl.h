// dot_tile-inl.h: dot products of packed queries with a tile of packed keys as integers. Compiled
// once per target by index_select_cpu.cpp.
//
// Twice an e2m1 value is an integer of at most 12. The scales of a row's groups are powers of two;
// where they differ by at most 2^3, the row is an integer vector times its smallest scale, and its
// dot product with another such row is an integer below 2^23 times both scales. Keys lie in the
// lanes of a vector, four dimensions to a lane, moved up to be unsigned: the byte
// multiply-adds of x86 want one unsigned operand.
#if defined(LECTERN_KERNELS_DOT_TILE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LECTERN_KERNELS_DOT_TILE_INL_H
#undef LECTERN_KERNELS_DOT_TILE_INL_H
#else
#define LECTERN_KERNELS_DOT_TILE_INL_H
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

#include "kernels/aligned_buffer.h"
#include "kernels/formats-inl.h"
#include "kernels/index_select/candidates-inl.h"
#include "kernels/index_select/index_select.h"

HWY_BEFORE_NAMESPACE();
// Highway's name for this target counts AVX-512 VNNI in, its compiler flags leave it out.
#if HWY_TARGET == HWY_AVX3_DL
HWY_PUSH_ATTRIBUTES("avx512vnni")
#endif
namespace kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Vectors of keys that one pass over the dimension works on, and heads together with them.
#if HWY_TARGET == HWY_AVX3_DL
constexpr int kVectors = 4, kHeadsTogether = 4;
#elif HWY_TARGET == HWY_AVX3
constexpr int kVectors = 2, kHeadsTogether = 4;
#else
constexpr int kVectors = 2, kHeadsTogether = 2;
#endif

// With 32-bit sums of bytes a group's share of the scale goes into the bytes themselves; with
// 16-bit sums it multiplies the sum of the group.
constexpr bool kScaledBytes = HWY_TARGET == HWY_AVX3_DL;
constexpr int kLargestFold = 3;
constexpr std::int32_t kRaise = kScaledBytes ? 12 << kLargestFold : 12;

// Queries of a block. A row is one head of one query; of each query, the heads of positive weight
// come first. "fold" is the exponent of a group's scale above the smallest of its row.
struct DotQueries {
  std::vector<std::int32_t> words;       // [rows, dim / 4]: four values
  std::vector<std::int32_t> starts;      // [rows, dim / 32]: undoes what raising the keys adds
  std::vector<std::int32_t> folds;       // [rows, dim / 32]
  std::vector<std::int32_t> heads;       // [rows]: number of the head
  std::vector<std::int32_t> n_positive;  // [queries]
  std::vector<float> weights;            // [queries, heads]: times the scale of the head's row
  std::vector<std::uint8_t> exact;       // [queries]: every row can be an integer vector
};

struct DotTile {
  AlignedBuffer<std::int32_t> words;    // [dim / 4, keys]: four values, raised
  AlignedBuffer<std::int32_t> factors;  // [dim / 32, keys]: 2^fold in both halves, or see above
  AlignedBuffer<float> scales;          // [keys]
};

#if HWY_TARGET != HWY_SCALAR
using U32 = hn::RebindToUnsigned<D>;
using U8 = hn::Repartition<std::uint8_t, D>;
using I16 = hn::Repartition<std::int16_t, D>;
using VI = hn::Vec<I32>;

// Scales and weights in this range keep every product and sum of the scores a normal number, so
// that a power of two may be multiplied in early or late.
constexpr std::int32_t kLowestScale = 127 - 30, kHighestScale = 127 + 30;

inline bool staysNormal(float weight) {
  const float magnitude = std::fabs(weight);
  return weight == 0.0f || (magnitude >= 0x1p-30f && magnitude <= 0x1p30f);
}

// Dimensions 8m, 8m+2, 8m+4, 8m+6 of a row are word 2m, the odd ones word 2m+1: that is how the
// nibbles lie in a packed row.
inline void loadQueryGroup(const std::uint8_t* codes, int fold, std::int32_t* words) {
  const hn::FixedTag<std::uint8_t, 16> u8;
  const hn::RebindToSigned<decltype(u8)> i8;
  const hn::Repartition<std::int32_t, decltype(u8)> i32;
  const hn::Repartition<std::uint16_t, decltype(u8)> u16;
  const auto table = hn::LoadDup128(i8, kTwiceE2m1);
  const auto nibble = hn::Set(u8, 15);
  const auto packed = hn::LoadU(u8, codes);
  const auto shifted = hn::BitCast(u8, hn::ShiftRight<4>(hn::BitCast(u16, packed)));
  auto low = hn::TableLookupBytes(table, hn::BitCast(i8, hn::And(packed, nibble)));
  auto high = hn::TableLookupBytes(table, hn::BitCast(i8, hn::And(shifted, nibble)));
  for (int i = 0; i < fold; ++i) {
    low = hn::Add(low, low);
    high = hn::Add(high, high);
  }
  const auto a = hn::BitCast(i32, low), b = hn::BitCast(i32, high);
  hn::StoreU(hn::InterleaveLower(i32, a, b), i32, words);
  hn::StoreU(hn::InterleaveUpper(i32, a, b), i32, words + 4);
}

inline std::int32_t sumOfBytes(const std::int32_t* words, std::int64_t n_words) {
  std::int32_t sum = 0;
  for (std::int64_t i = 0; i < n_words; ++i)
    for (int shift = 0; shift < 32; shift += 8)
      sum += static_cast<std::int8_t>(words[i] >> shift & 255);
  return sum;
}

// False when the row is no integer vector. `weight` becomes that of the integers.
inline bool loadQueryRow(const IndexRowFormat& format, const std::byte* row, std::int64_t index,
                         DotQueries& to, float& weight) {
  const std::int64_t n_groups = format.dim / 32;
  const auto* codes = reinterpret_cast<const std::uint8_t*>(row);
  const std::uint8_t* scales = codes + format.dim / 2;
  const std::int32_t lowest = *std::min_element(scales, scales + n_groups);
  const std::int32_t highest = *std::max_element(scales, scales + n_groups);
  if (highest - lowest > kLargestFold || lowest < kLowestScale || lowest > kHighestScale ||
      !staysNormal(weight))
    return false;
  weight *= 0.25f * ue8m0ToFloat(static_cast<std::uint8_t>(lowest));
  std::int32_t* words = to.words.data() + index * n_groups * 8;
  std::int32_t* starts = to.starts.data() + index * n_groups;
  for (std::int64_t g = 0; g < n_groups; ++g) {
    const std::int32_t fold = scales[g] - lowest;
    to.folds[index * n_groups + g] = fold;
    loadQueryGroup(codes + g * 16, kScaledBytes ? fold : 0, words + g * 8);
    starts[g] = -kRaise * sumOfBytes(words + g * 8, 8);
    if (!kScaledBytes) starts[g] &= 0xffff;  // the lower of a lane's two 16-bit sums
  }
  if (kScaledBytes)
    for (std::int64_t g = 1; g < n_groups; ++g) starts[0] += starts[g];
  return true;
}

// Heads of positive weight, of which it returns the number, then the others.
inline std::int32_t orderHeads(const float* weights, std::int64_t n_heads, std::int32_t* heads) {
  std::iota(heads, heads + n_heads, 0);
  const auto* others = std::stable_partition(heads, heads + n_heads,
                                             [&](std::int32_t h) { return weights[h] > 0.0f; });
  return static_cast<std::int32_t>(others - heads);
}

inline void loadQueries(const IndexSelectArgs& args, std::int64_t first, std::int64_t last,
                        DotQueries& to) {
  const auto n_rows = static_cast<std::size_t>((last - first) * args.n_heads);
  const auto n_groups = static_cast<std::size_t>(args.format.dim / 32);
  to.words.resize(n_rows * n_groups * 8);
  to.starts.resize(n_rows * n_groups);
  to.folds.resize(n_rows * n_groups);
  to.heads.resize(n_rows);
  to.n_positive.resize(static_cast<std::size_t>(last - first));
  to.weights.assign(args.weights + first * args.n_heads, args.weights + last * args.n_heads);
  to.exact.assign(static_cast<std::size_t>(last - first), 1);
  for (std::int64_t query = 0; query < last - first; ++query) {
    const std::int64_t begin = query * args.n_heads, from = first * args.n_heads + begin;
    float* weights = to.weights.data() + begin;
    std::int32_t* heads = to.heads.data() + begin;
    to.n_positive[query] = orderHeads(weights, args.n_heads, heads);
    for (std::int64_t i = 0; i < args.n_heads; ++i) {
      const std::byte* row = args.q + (from + heads[i]) * args.format.rowBytes();
      if (!loadQueryRow(args.format, row, begin + i, to, weights[heads[i]])) to.exact[query] = 0;
    }
  }
}

// Smallest scales and folds of the keys; false when one of them is no integer vector.
inline bool loadScales(const std::int32_t* codes, std::int64_t n_groups, DotTile& tile) {
  const D d;
  const I32 i32;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  auto inexact = hn::Zero(i32);
  for (std::int64_t v = 0; v < kTileKeys; v += lanes) {
    auto lowest = hn::LoadU(i32, codes + v), highest = lowest;
    for (std::int64_t g = 1; g < n_groups; ++g) {
      const auto code = hn::LoadU(i32, codes + g * kTileKeys + v);
      lowest = hn::Min(lowest, code);
      highest = hn::Max(highest, code);
    }
    const auto wrong = [&](auto mask) { inexact = hn::Or(inexact, hn::VecFromMask(i32, mask)); };
    wrong(hn::Gt(highest, hn::Add(lowest, hn::Set(i32, kLargestFold))));
    wrong(hn::Lt(lowest, hn::Set(i32, kLowestScale)));
    wrong(hn::Gt(lowest, hn::Set(i32, kHighestScale)));
    hn::StoreU(hn::BitCast(d, hn::ShiftLeft<23>(lowest)), d, tile.scales.data() + v);
    for (std::int64_t g = 0; g < n_groups; ++g) {
      const auto code = hn::LoadU(i32, codes + g * kTileKeys + v);
      hn::StoreU(hn::Sub(code, lowest), i32, tile.factors.data() + g * kTileKeys + v);
    }
  }
  if (!hn::AllTrue(i32, hn::Eq(inexact, hn::Zero(i32)))) return false;
  if (!kScaledBytes)
    for (std::int64_t i = 0; i < n_groups * kTileKeys; ++i)
      tile.factors.data()[i] = 0x00010001 << tile.factors.data()[i];
  return true;
}

// Four vectors of 16-byte blocks, block p of vector j being that of key 4p + j, become the words
// of all these keys: four dwords of packed codes, eight words.
inline void spreadWords(const std::uint8_t* blocks, VI folds, std::int32_t* words) {
  const U8 u8;
  const U32 u32;
  const hn::Repartition<std::uint64_t, D> u64;
  const std::int64_t bytes = static_cast<std::int64_t>(hn::Lanes(u8));
  HWY_ALIGN static constexpr std::uint8_t kRaised[16] = {12, 13, 14, 15, 16, 18, 20, 24,
                                                         12, 11, 10, 9,  8,  6,  4,  0};
  const auto table = hn::LoadDup128(u8, kRaised);
  const auto nibble = hn::Set(u32, 0x0f0f0f0fu);
  const auto load = [&](int j) { return hn::BitCast(u32, hn::LoadU(u8, blocks + j * bytes)); };
  const auto x0 = load(0), x1 = load(1), x2 = load(2), x3 = load(3);
  const auto a = hn::BitCast(u64, hn::InterleaveLower(u32, x0, x1));
  const auto b = hn::BitCast(u64, hn::InterleaveUpper(u32, x0, x1));
  const auto c = hn::BitCast(u64, hn::InterleaveLower(u32, x2, x3));
  const auto e = hn::BitCast(u64, hn::InterleaveUpper(u32, x2, x3));
  const auto store = [&](auto codes, std::int32_t* to) {
    auto value = hn::BitCast(u32, hn::TableLookupBytes(table, hn::BitCast(u8, codes)));
    if constexpr (kScaledBytes) {
      const auto shift = hn::BitCast(u32, folds);
      const auto raise = hn::Set(u32, kRaise), raised = hn::Shl(hn::Set(u32, 12), shift);
      const auto rest = hn::Mul(hn::Sub(raise, raised), hn::Set(u32, 0x01010101u));
      value = hn::Add(hn::Shl(value, shift), rest);
    }
    hn::StoreU(hn::BitCast(I32(), value), I32(), to);
  };
  const auto spread = [&](auto pairs, std::int32_t* to) {
    const auto packed = hn::BitCast(u32, pairs);
    store(hn::And(packed, nibble), to);
    store(hn::And(hn::ShiftRight<4>(packed), nibble), to + kTileKeys);
  };
  spread(hn::InterleaveLower(u64, a, c), words);
  spread(hn::InterleaveUpper(u64, a, c), words + 2 * kTileKeys);
  spread(hn::InterleaveLower(u64, b, e), words + 4 * kTileKeys);
  spread(hn::InterleaveUpper(u64, b, e), words + 6 * kTileKeys);
}

// Keys [first, last); places beyond them repeat the last key. False when one of them is no integer
// vector.
inline bool loadTile(const IndexSelectArgs& args, std::int64_t first, std::int64_t last,
                     DotTile& tile) {
  const std::int64_t dim = args.format.dim, n_groups = dim / 32;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(D()));
  thread_local AlignedBuffer<std::uint8_t> block_buffer;
  thread_local AlignedBuffer<std::int32_t> code_buffer;
  std::uint8_t* blocks = block_buffer.sized(dim / 2 * kTileKeys);  // see spreadWords
  std::int32_t* codes = code_buffer.sized(n_groups * kTileKeys);   // of the scales
  tile.words.sized(dim / 4 * kTileKeys);
  tile.factors.sized(n_groups * kTileKeys);
  tile.scales.sized(kTileKeys);
  const auto* row = reinterpret_cast<const std::uint8_t*>(args.keys.row(first));
  for (std::int64_t i = 0; i < kTileKeys; ++i) {
    const std::int64_t place = i / lanes * lanes + i % 4 * (lanes / 4) + i % lanes / 4;
    for (std::int64_t g = 0; g < n_groups; ++g) {
      std::memcpy(&blocks[(g * kTileKeys + place) * 16], row + g * 16, 16);
      codes[g * kTileKeys + i] = row[dim / 2 + g];
    }
    if (first + i + 1 >= last) continue;
    row += args.keys.row_bytes;
    if ((first + i + 1) % args.keys.rows_per_page == 0)
      row = reinterpret_cast<const std::uint8_t*>(args.keys.row(first + i + 1));
  }
  if (!loadScales(codes, n_groups, tile)) return false;
  for (std::int64_t g = 0; g < n_groups; ++g)
    for (std::int64_t v = 0; v < kTileKeys; v += lanes)
      spreadWords(&blocks[(g * kTileKeys + v) * 16],
                  hn::LoadU(I32(), tile.factors.data() + g * kTileKeys + v),
                  tile.words.data() + g * 8 * kTileKeys + v);
  return true;
}

#if HWY_TARGET == HWY_AVX3_DL
// Four vectors that the compiler keeps in registers, which it does not with an array.
struct Four {
  __m512i a, b, c, d;
};

// The intrinsic makes GCC 12 copy registers around.
HWY_INLINE void multiplyAdd(__m512i& sum, __m512i keys, __m512i q) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(keys), "v"(q));
}

HWY_INLINE void multiplyAdd(Four& sums, const Four& keys, std::int32_t word) {
  const __m512i q = _mm512_set1_epi32(word);
  multiplyAdd(sums.a, keys.a, q);
  multiplyAdd(sums.b, keys.b, q);
  multiplyAdd(sums.c, keys.c, q);
  multiplyAdd(sums.d, keys.d, q);
}

// sums[h][j] of kHeads rows with the keys at w + j·lanes, w + (j + 1)·lanes.
template <int kHeads>
HWY_INLINE void dots(const DotQueries& queries, std::int64_t row, std::int64_t n_groups,
                     const DotTile& tile, std::int64_t w, VI (&sums)[kHeads][kVectors]) {
  static_assert(kHeads <= 4);
  constexpr std::int64_t kLanes = 16;
  const std::int64_t n_words = n_groups * 8;
  const std::int32_t* q = queries.words.data() + row * n_words;
  const std::int32_t* keys = tile.words.data() + w;
  const auto start = [&](int h) {
    const __m512i value = _mm512_set1_epi32(queries.starts[(row + h) * n_groups]);
    return Four{value, value, value, value};
  };
  Four s0 = start(0), s1{}, s2{}, s3{};
  if constexpr (kHeads > 1) s1 = start(1);
  if constexpr (kHeads > 2) s2 = start(2);
  if constexpr (kHeads > 3) s3 = start(3);
  for (std::int64_t g = 0; g < n_groups; ++g)
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i, ++q, keys += kTileKeys) {
      Four key = {_mm512_load_si512(keys), _mm512_load_si512(keys + kLanes),
                  _mm512_load_si512(keys + 2 * kLanes), _mm512_load_si512(keys + 3 * kLanes)};
      // Or GCC loads them again for every head.
      asm("" : "+v"(key.a), "+v"(key.b), "+v"(key.c), "+v"(key.d));
      multiplyAdd(s0, key, q[0]);
      if constexpr (kHeads > 1) multiplyAdd(s1, key, q[n_words]);
      if constexpr (kHeads > 2) multiplyAdd(s2, key, q[2 * n_words]);
      if constexpr (kHeads > 3) multiplyAdd(s3, key, q[3 * n_words]);
    }
  const auto store = [&](int h, const Four& s) {
    sums[h][0].raw = s.a, sums[h][1].raw = s.b, sums[h][2].raw = s.c, sums[h][3].raw = s.d;
  };
  store(0, s0);
  if constexpr (kHeads > 1) store(1, s1);
  if constexpr (kHeads > 2) store(2, s2);
  if constexpr (kHeads > 3) store(3, s3);
}
#else
using VH = hn::Vec<I16>;

// Adds, in every lane, bytes 0 and 1 of `keys` times those of `q` to the lower half of `sums` and
// bytes 2 and 3 to the upper half. Keys are unsigned, q is signed; nothing overflows here.
HWY_INLINE VH addPairs(VH sums, VI keys, VI q) {
#if HWY_TARGET == HWY_AVX3
  return hn::Add(sums, VH{_mm512_maddubs_epi16(keys.raw, q.raw)});
#elif HWY_TARGET == HWY_AVX2
  return hn::Add(sums, VH{_mm256_maddubs_epi16(keys.raw, q.raw)});
#elif HWY_TARGET == HWY_SSE4 || HWY_TARGET == HWY_SSSE3
  return hn::Add(sums, VH{_mm_maddubs_epi16(keys.raw, q.raw)});
#else
  const I16 i16;
  const VH k = hn::BitCast(i16, keys), x = hn::BitCast(i16, q);
  const VH even = hn::Mul(hn::And(k, hn::Set(i16, 255)), hn::ShiftRight<8>(hn::ShiftLeft<8>(x)));
  const VH odd = hn::Mul(hn::ShiftRight<8>(k), hn::ShiftRight<8>(x));
  return hn::Add(sums, hn::Add(even, odd));
#endif
}

// total + (lower + upper half of `sums`) · the half of `factors`, lane by lane.
HWY_INLINE VI addGroup(VI total, VH sums, VH factors) {
#if HWY_TARGET == HWY_AVX3
  return hn::Add(total, VI{_mm512_madd_epi16(sums.raw, factors.raw)});
#elif HWY_TARGET == HWY_AVX2
  return hn::Add(total, VI{_mm256_madd_epi16(sums.raw, factors.raw)});
#elif HWY_TARGET == HWY_SSE4 || HWY_TARGET == HWY_SSSE3
  return hn::Add(total, VI{_mm_madd_epi16(sums.raw, factors.raw)});
#else
  const I32 i32;
  const VI both = hn::BitCast(i32, sums), factor = hn::BitCast(i32, factors);
  const VI sum = hn::Add(hn::ShiftRight<16>(hn::ShiftLeft<16>(both)), hn::ShiftRight<16>(both));
  return hn::Add(total, hn::Mul(sum, hn::ShiftRight<16>(factor)));
#endif
}

// As above.
template <int kHeads>
HWY_INLINE void dots(const DotQueries& queries, std::int64_t row, std::int64_t n_groups,
                     const DotTile& tile, std::int64_t w, VI (&sums)[kHeads][kVectors]) {
  const I32 i32;
  const I16 i16;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(i32)), n_words = n_groups * 8;
  const std::int32_t* q = queries.words.data() + row * n_words;
  const std::int32_t* keys = tile.words.data() + w;
  for (auto& of_head : sums)
    for (auto& sum : of_head) sum = hn::Zero(i32);
  for (std::int64_t g = 0; g < n_groups; ++g) {
    VH group[kHeads][kVectors];
    for (int h = 0; h < kHeads; ++h)
      for (auto& sum : group[h])
        sum = hn::BitCast(i16, hn::Set(i32, queries.starts[(row + h) * n_groups + g]));
    for (std::int64_t i = g * 8; i < g * 8 + 8; ++i) {
      VI key[kVectors];
      for (int j = 0; j < kVectors; ++j) key[j] = hn::LoadU(i32, keys + i * kTileKeys + j * lanes);
      for (int h = 0; h < kHeads; ++h) {
        const VI word = hn::Set(i32, q[h * n_words + i]);
        for (int j = 0; j < kVectors; ++j) group[h][j] = addPairs(group[h][j], key[j], word);
      }
    }
    for (int j = 0; j < kVectors; ++j) {
      const VH factors =
          hn::BitCast(i16, hn::LoadU(i32, tile.factors.data() + g * kTileKeys + w + j * lanes));
      for (int h = 0; h < kHeads; ++h) {
        const int fold = queries.folds[(row + h) * n_groups + g];
        sums[h][j] = addGroup(sums[h][j], group[h][j], hn::ShiftLeftSame(factors, fold));
      }
    }
  }
}
#endif
#endif  // HWY_SCALAR

}  // namespace HWY_NAMESPACE
}  // namespace kernels
#if HWY_TARGET == HWY_AVX3_DL
HWY_POP_ATTRIBUTES
#endif
HWY_AFTER_NAMESPACE();

#endif  // per target
