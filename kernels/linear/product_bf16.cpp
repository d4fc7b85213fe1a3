// As in linear_cpu.cpp, one token streams the bytes of eight rows, and a chunk of tokens meets
// tiles of rows that are unpacked once. Tables hold the value of every code under every scale, so
// that neither zeros nor the ends of the range are special.
#include "kernels/linear/product_bf16.h"

#include "kernels/linear/product_rows.h"

#if defined(__x86_64__)
#include <hwy/highway.h>
#include <immintrin.h>

#include <algorithm>
#include <cstring>
#include <memory>

#define LECTERN_BF16_TARGETS "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512bf16"
HWY_PUSH_ATTRIBUTES(LECTERN_BF16_TARGETS)
// GCC 12 takes the undefined vectors inside its own intrinsics for mistakes of ours.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

namespace kernels {
namespace {

// Every value of a code under every scale, as bf16.
struct Tables {
  // Low and high bytes for the positive e4m3 codes.
  alignas(64) std::uint8_t low[256][128], high[256][128];
  // The sixteen e2m1 codes twice: lookups take five bits.
  alignas(64) std::uint16_t e2m1[256][32];

  Tables() {
    for (int scale = 0; scale < 256; ++scale) {
      const float factor = ue8m0ToFloat(static_cast<std::uint8_t>(scale));
      for (int code = 0; code < 128; ++code) {
        const std::uint16_t bits =
            floatToBf16(e4m3ToFloat(static_cast<std::uint8_t>(code)) * factor);
        low[scale][code] = static_cast<std::uint8_t>(bits);
        high[scale][code] = static_cast<std::uint8_t>(bits >> 8);
      }
      for (int code = 0; code < 32; ++code)
        e2m1[scale][code] = floatToBf16(e2m1ToFloat(static_cast<std::uint8_t>(code)) * factor);
    }
  }
};

const Tables& tables() {
  static const auto made = std::make_unique<const Tables>();
  return *made;
}

// Formats: kGroup columns are kGroupBytes of codes under one scale, if there is one; values() makes
// vectors of 32 columns of them.
struct Bf16Format {
  static constexpr std::int64_t kGroup = 32, kGroupBytes = 64;
  static void values(const std::uint8_t* codes, const std::uint8_t*, const Tables&, __m512i* to) {
    to[0] = _mm512_loadu_si512(codes);
  }
};

struct Fp8Format {
  static constexpr std::int64_t kGroup = 64, kGroupBytes = 64, kScaleColumns = 128;
  static void values(const std::uint8_t* codes, const std::uint8_t* scale, const Tables& tables,
                     __m512i* to) {
    // The qwords are dealt out so that the byte interleaving below leaves columns in order.
    const __m512i order = _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7);
    const __m512i code = _mm512_permutexvar_epi64(order, _mm512_loadu_si512(codes));
    const std::uint8_t *lows = tables.low[*scale], *highs = tables.high[*scale];
    const __m512i low =
        _mm512_permutex2var_epi8(_mm512_load_si512(lows), code, _mm512_load_si512(lows + 64));
    const __m512i high =
        _mm512_permutex2var_epi8(_mm512_load_si512(highs), code, _mm512_load_si512(highs + 64));
    constexpr int kOrAnd = 0xf8;  // a | (b & c)
    const __m512i with_sign =
        _mm512_ternarylogic_epi32(high, code, _mm512_set1_epi8(static_cast<char>(0x80)), kOrAnd);
    to[0] = _mm512_unpacklo_epi8(low, with_sign);
    to[1] = _mm512_unpackhi_epi8(low, with_sign);
  }
};

// Words whose low five bits begin with a code become its value under the scale.
inline __m512i e2m1Values(const Tables& tables, std::uint8_t scale, __m512i codes) {
  return _mm512_permutexvar_epi16(codes, _mm512_load_si512(tables.e2m1[scale]));
}

struct Fp4Format {
  static constexpr std::int64_t kGroup = 32, kGroupBytes = 16, kScaleColumns = 32;
  static void values(const std::uint8_t* codes, const std::uint8_t* scale, const Tables& tables,
                     __m512i* to) {
    // Four codes to every qword, and from there one to every word.
    const __m512i shifts = _mm512_set1_epi64(0x000c'0008'0004'0000);
    const __m512i fours =
        _mm512_cvtepu16_epi64(_mm_loadu_si128(reinterpret_cast<const __m128i*>(codes)));
    to[0] = e2m1Values(tables, *scale, _mm512_multishift_epi64_epi8(shifts, fours));
  }
};

struct Mxfp4Format {
  static constexpr std::int64_t kGroup = kBlockColumns, kGroupBytes = kMxfp4BlockBytes;
  static void values(const std::uint8_t* block, const std::uint8_t*, const Tables& tables,
                     __m512i* to) {
    // Four bytes to every qword; the first four qwords want the low nibbles, the others the high.
    const __m512i places = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 0, 0, 1, 1, 2, 2, 3, 3);
    constexpr long long kLow = 0x0018'0010'0008'0000, kHigh = kLow + 0x0004'0004'0004'0004;
    const __m512i shifts = _mm512_setr_epi64(kLow, kLow, kLow, kLow, kHigh, kHigh, kHigh, kHigh);
    const __m512i bytes =
        _mm512_castsi128_si512(_mm_loadu_si128(reinterpret_cast<const __m128i*>(block + 1)));
    const __m512i fours = _mm512_permutexvar_epi32(places, bytes);
    to[0] = e2m1Values(tables, block[0], _mm512_multishift_epi64_epi8(shifts, fours));
  }
};

// Some rows of a matrix, their columns from the first on.
template <class Format>
struct Rows {
  const std::uint8_t *codes = nullptr, *scales = nullptr;
  std::int64_t stride = 0, scale_stride = 0;

  Rows(const MatrixView& w, std::int64_t first) {
    codes = reinterpret_cast<const std::uint8_t*>(w.rowData(first));
    stride = w.rowBytes();
    if constexpr (requires { Format::kScaleColumns; }) scales = w.scaleRow(first);
    if (w.type == WeightType::kFp4) scale_stride = w.scaleColumns();
  }
  // The columns [k, k + kGroup) of row i.
  void values(std::int64_t i, std::int64_t k, const Tables& tables, __m512i* to) const {
    const std::uint8_t* scale = nullptr;
    if constexpr (requires { Format::kScaleColumns; })
      scale = scales + i * scale_stride + k / Format::kScaleColumns;
    Format::values(codes + i * stride + k / Format::kGroup * Format::kGroupBytes, scale, tables,
                   to);
  }
};

inline __m512 withProducts(__m512 sums, __m512i x, __m512i w) {
  return _mm512_dpbf16_ps(sums, reinterpret_cast<__m512bh>(x), reinterpret_cast<__m512bh>(w));
}

// sums[0 .. 4) = the sums of the lanes of four vectors, plus what stands there with `add`.
inline void storeFourSums(__m512 a, __m512 b, __m512 c, __m512 d, bool add, float* sums) {
  const __m512 ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
  const __m512 cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
  const __m512d ab_pairs = _mm512_castps_pd(ab), cd_pairs = _mm512_castps_pd(cd);
  const __m512 four = _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(ab_pairs, cd_pairs)),
                                    _mm512_castpd_ps(_mm512_unpackhi_pd(ab_pairs, cd_pairs)));
  const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(four), _mm512_extractf32x8_ps(four, 1));
  const __m128 total = _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
  _mm_storeu_ps(sums, add ? _mm_add_ps(_mm_loadu_ps(sums), total) : total);
}

// Columns whose sums stay in their lanes: a tile of weights and a group of tokens fit the first
// cache level together.
constexpr std::int64_t kSegment = 1024;

// Weight rows that one token meets at a time: as many sums in flight hide the latency of one.
constexpr int kAtOnce = 8;
// Columns whose bytes are asked for together: a line of the cache or more for every type.
constexpr std::int64_t kAheadColumns = 128;
// Bytes of a row between those in use and those asked for, measured.
constexpr std::int64_t kDistance = 1024;

// y[i] = x · row i for one token and kRows rows, eight or one, of n_columns columns.
template <class Format, int kRows>
void productOfRows(const Rows<Format>& rows, std::int64_t n_columns, const std::uint16_t* x,
                   float* y) {
  constexpr std::int64_t kGroup = Format::kGroup;
  constexpr std::int64_t kAheadBytes = kAheadColumns / kGroup * Format::kGroupBytes;
  constexpr int kVectors = kGroup / 32;
  const Tables& made = tables();
  // The processor alone does not follow so many rows. Farther ahead in the same rows where it can
  // be and not in the next ones: where a row is a page, all these bytes want the same places of the
  // cache.
  const std::int64_t distance = kDistance / Format::kGroupBytes * kGroup;
  std::int64_t ahead_row = distance / n_columns * kRows, ahead_column = distance % n_columns;
  for (std::int64_t k0 = 0; k0 < n_columns; k0 += kSegment) {
    const std::int64_t segment_end = std::min(k0 + kSegment, n_columns);
    __m512 sum[8];
    for (__m512& v : sum) v = _mm512_setzero_ps();
    for (std::int64_t k1 = k0; k1 < segment_end; k1 += kAheadColumns) {
      const std::uint8_t* ahead =
          rows.codes + ahead_row * rows.stride + ahead_column / kGroup * Format::kGroupBytes;
      for (int i = 0; i < kRows; ++i)
        for (std::int64_t j = 0; j < kAheadBytes; j += 64)
          _mm_prefetch(reinterpret_cast<const char*>(ahead + i * rows.stride + j), _MM_HINT_T0);
      ahead_column += kAheadColumns;
      if (ahead_column >= n_columns) ahead_column -= n_columns, ahead_row += kRows;
      const std::int64_t end = std::min(k1 + kAheadColumns, segment_end);
      for (std::int64_t k = k1; k < end; k += kGroup) {
        __m512i xs[kVectors];
        for (int j = 0; j < kVectors; ++j) xs[j] = _mm512_loadu_si512(x + k + j * 32);
        for (int i = 0; i < kRows; ++i) {
          __m512i weights[kVectors];
          rows.values(i, k, made, weights);
          for (int j = 0; j < kVectors; ++j) sum[i] = withProducts(sum[i], xs[j], weights[j]);
        }
      }
    }
    float totals[8];
    std::copy_n(y, kRows, totals);
    storeFourSums(sum[0], sum[1], sum[2], sum[3], k0 > 0, totals);
    if constexpr (kRows > 4) storeFourSums(sum[4], sum[5], sum[6], sum[7], k0 > 0, totals + 4);
    std::copy_n(totals, kRows, y);
  }
}

// Weight rows unpacked together: they and a group of tokens fit the first cache level with room to
// spare.
constexpr std::int64_t kUnpackedRows = 8;
// Distance of the rows of a tile: not a power of two, or they would compete for the same lines of
// the cache.
constexpr std::int64_t kTileStride = kSegment + 32;
// Tokens of a register block: 32 registers hold six by four sums and what they are made of.
constexpr std::int64_t kTokenGroup = 6;

// sums[t · kTileRows + o] = x[t] · tile[o] for kT tokens and four rows over n_k columns. Loops over
// sums and pointers are unrolled early, or GCC keeps these in memory.
template <int kT>
void dotBlock(const std::uint16_t* const* x, std::int64_t k0, std::int64_t n_k,
              const std::uint16_t* tile, float* sums) {
  const std::uint16_t* xs[kT];
  __m512 sum[kT][4];
  HWY_UNROLL(8)
  for (int t = 0; t < kT; ++t) {
    xs[t] = x[t] + k0;
    HWY_UNROLL(4)
    for (int o = 0; o < 4; ++o) sum[t][o] = _mm512_setzero_ps();
  }
  for (std::int64_t k = 0; k < n_k; k += 32) {
    __m512i w[4];
    HWY_UNROLL(4)
    for (int o = 0; o < 4; ++o) w[o] = _mm512_load_si512(tile + o * kTileStride + k);
    HWY_UNROLL(8)
    for (int t = 0; t < kT; ++t) {
      __m512i xk = _mm512_loadu_si512(xs[t] + k);
      asm("" : "+v"(xk));  // GCC would load it again for each of the products
      HWY_UNROLL(4)
      for (int o = 0; o < 4; ++o) sum[t][o] = withProducts(sum[t][o], xk, w[o]);
    }
  }
  HWY_UNROLL(8)
  for (int t = 0; t < kT; ++t)
    storeFourSums(sum[t][0], sum[t][1], sum[t][2], sum[t][3], k0 > 0, sums + t * kTileRows);
}

void dotTokens(const std::uint16_t* const* x, std::int64_t n, std::int64_t k0, std::int64_t n_k,
               const std::uint16_t* tile, float* sums) {
  switch (n) {
    case 1:
      return dotBlock<1>(x, k0, n_k, tile, sums);
    case 2:
      return dotBlock<2>(x, k0, n_k, tile, sums);
    case 3:
      return dotBlock<3>(x, k0, n_k, tile, sums);
    case 4:
      return dotBlock<4>(x, k0, n_k, tile, sums);
    case 5:
      return dotBlock<5>(x, k0, n_k, tile, sums);
    default:
      return dotBlock<6>(x, k0, n_k, tile, sums);
  }
}

// sums[t · kTileRows + o] = x[t] · w[first + o] for o < n_rows <= kUnpackedRows, the last four rows
// perhaps in part.
template <class Format>
void productTile(const MatrixView& w, std::int64_t first, std::int64_t n_rows,
                 const std::uint16_t* const* x, std::int64_t n, float* sums) {
  alignas(64) thread_local std::uint16_t tile[kUnpackedRows * kTileStride];
  const Tables& made = tables();
  for (std::int64_t k0 = 0; k0 < w.in; k0 += kSegment) {
    const std::int64_t n_k = std::min(kSegment, w.in - k0);
    for (std::int64_t o = 0; o < n_rows; ++o) {
      const Rows<Format> row(w, first + o);
      for (std::int64_t k = 0; k < n_k; k += Format::kGroup) {
        __m512i values[Format::kGroup / 32];
        row.values(0, k0 + k, made, values);
        for (std::int64_t j = 0; j < Format::kGroup / 32; ++j)
          _mm512_store_si512(tile + o * kTileStride + k + j * 32, values[j]);
      }
    }
    // Tokens in small groups outside, weight rows inside: the group stays in the first level.
    for (std::int64_t t = 0; t < n; t += kTokenGroup)
      for (std::int64_t o = 0; o < n_rows; o += 4)
        dotTokens(x + t, std::min(kTokenGroup, n - t), k0, n_k, tile + o * kTileStride,
                  sums + t * kTileRows + o);
  }
}

// to[i] = rounded(from[i]) for n <= 16; 16 values may be read.
inline void roundedCopy(const float* from, std::int64_t n, Rounding rounding, float* to) {
  __m512 value = _mm512_loadu_ps(from);
  if (rounding == Rounding::kBf16) {
    const __m512i bits = _mm512_castps_si512(value);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i sum = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
    const __m512i grid = _mm512_and_si512(sum, _mm512_set1_epi32(static_cast<int>(0xffff0000)));
    const __mmask16 is_number = _mm512_cmp_ps_mask(value, value, _CMP_ORD_Q);
    value = _mm512_mask_mov_ps(value, is_number, _mm512_castsi512_ps(grid));
  }
  _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1u << n) - 1), value);
}

// Whether rows [first, first + 8) are eight and differ in nothing but their place.
inline bool areAlike(const MatrixView& w, std::int64_t first, std::int64_t last) {
  if (first + kAtOnce > last) return false;
  return w.type != WeightType::kFp8 || w.scaleRow(first) == w.scaleRow(first + kAtOnce - 1);
}

template <class Format>
void productOfOneToken(const MatrixView& w, std::int64_t first, std::int64_t last,
                       const std::uint16_t* x, float* y, Rounding rounding) {
  for (std::int64_t o = first; o < last;) {
    float sums[16];
    const Rows<Format> rows(w, o);
    const std::int64_t n = areAlike(w, o, last) ? kAtOnce : 1;
    if (n > 1)
      productOfRows<Format, kAtOnce>(rows, w.in, x, sums);
    else
      productOfRows<Format, 1>(rows, w.in, x, sums);
    roundedCopy(sums, n, rounding, y + (o - first));
    o += n;
  }
}

template <class Format>
void productRowsOf(const MatrixView& w, std::int64_t first, std::int64_t last,
                   const std::uint16_t* const* x, std::int64_t n, float* y, std::int64_t y_stride,
                   Rounding rounding) {
  if (n == 1) return productOfOneToken<Format>(w, first, last, x[0], y, rounding);
  alignas(64) float sums[kMostTokens * kTileRows];
  for (std::int64_t o = first; o < last; o += kTileRows) {
    const std::int64_t n_rows = std::min(kTileRows, last - o);
    for (std::int64_t i = 0; i < n_rows; i += kUnpackedRows)
      productTile<Format>(w, o + i, std::min(kUnpackedRows, n_rows - i), x, n, sums + i);
    for (std::int64_t t = 0; t < n; ++t)
      roundedCopy(sums + t * kTileRows, n_rows, rounding, y + t * y_stride + o - first);
  }
}

}  // namespace

void toBf16Codes(const float* values, std::int64_t n, std::uint16_t* codes) {
  for (std::int64_t i = 0; i < n; i += 16) {
    const __m512i bits = _mm512_castps_si512(_mm512_loadu_ps(values + i));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(codes + i),
                        _mm512_cvtepi32_epi16(_mm512_srli_epi32(bits, 16)));
  }
}

void productRowsBf16(const MatrixView& w, std::int64_t first, std::int64_t last,
                     const std::uint16_t* const* x, std::int64_t n, float* y, std::int64_t y_stride,
                     Rounding rounding) {
  switch (w.type) {
    case WeightType::kBf16:
      return productRowsOf<Bf16Format>(w, first, last, x, n, y, y_stride, rounding);
    case WeightType::kFp8:
      return productRowsOf<Fp8Format>(w, first, last, x, n, y, y_stride, rounding);
    case WeightType::kFp4:
      return productRowsOf<Fp4Format>(w, first, last, x, n, y, y_stride, rounding);
    case WeightType::kMxfp4:
      return productRowsOf<Mxfp4Format>(w, first, last, x, n, y, y_stride, rounding);
    default:
      return;  // fitsBf16Products
  }
}

}  // namespace kernels

HWY_POP_ATTRIBUTES

namespace kernels {

bool fitsBf16Products(const MatrixView& w, LinearInput input) {
  static const bool can_run =
      __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vbmi") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl");
  if (!can_run || input == LinearInput::kAsIs) return false;
  switch (w.type) {
    case WeightType::kBf16:
    case WeightType::kFp4:
    case WeightType::kMxfp4:
      return w.in % 32 == 0;
    case WeightType::kFp8:
      return w.in % 64 == 0;
    default:
      return false;
  }
}

}  // namespace kernels

#else

namespace kernels {
bool fitsBf16Products(const MatrixView&, LinearInput) { return false; }
void toBf16Codes(const float*, std::int64_t, std::uint16_t*) {}
void productRowsBf16(const MatrixView&, std::int64_t, std::int64_t, const std::uint16_t* const*,
                     std::int64_t, float*, std::int64_t, Rounding) {}
}  // namespace kernels

#endif
