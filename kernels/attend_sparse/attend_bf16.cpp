// Attention with products of bf16 numbers. Unpacked rows are exact in bf16 (an e4m3 code has four
// significant bits), q and P are on its grid, sums are float32: this is the arithmetic of the
// specification at twice the speed of float32. One instruction adds the products of two
// neighbouring values to each of 16 float sums: neighbouring dims for the scores, neighbouring
// rows for the weighted sum.
#include "kernels/attend_sparse/attend_tile.h"

#if defined(__x86_64__)
#include <hwy/highway.h>
#include <immintrin.h>

#include <algorithm>

#define LECTERN_BF16_TARGETS \
  "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512bf16"
HWY_PUSH_ATTRIBUTES(LECTERN_BF16_TARGETS)
// GCC 12 takes the undefined vectors inside its own intrinsics for mistakes of ours.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

namespace kernels {
namespace {

// Low and high bytes of every positive e4m3 code as bf16, with the exponent of scale 2^0.
struct CodeBytes {
  alignas(64) std::uint8_t low[128], high[128];
  CodeBytes() {
    for (int code = 0; code < 128; ++code) {
      const std::uint16_t bits = floatToBf16(e4m3ToFloat(static_cast<std::uint8_t>(code)));
      low[code] = static_cast<std::uint8_t>(bits);
      high[code] = static_cast<std::uint8_t>(bits >> 8);
    }
  }
};
const CodeBytes kCodeBytes;

// 64 bf16 values in the order of the dims.
struct Group {
  __m512i first, second;
};

// As unpackKvRow, for what the fast way leaves out: NaN, and scales near the ends of the range.
Group slowGroup(const std::uint8_t* codes, std::uint8_t scale) {
  alignas(64) std::uint16_t values[64];
  for (int i = 0; i < 64; ++i)
    values[i] = floatToBf16(e4m3ToFloat(codes[i]) * ue8m0ToFloat(scale));
  return {_mm512_load_si512(values), _mm512_load_si512(values + 32)};
}

inline Group unpackGroup(const std::uint8_t* codes, std::uint8_t scale) {
  // The qwords are dealt out so that the byte interleaving below leaves dims in order.
  const __m512i order = _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7);
  const __m512i code = _mm512_permutexvar_epi64(order, _mm512_loadu_si512(codes));
  const __m512i magnitude = _mm512_and_si512(code, _mm512_set1_epi8(0x7f));
  const bool has_nan = _mm512_cmpeq_epi8_mask(magnitude, _mm512_set1_epi8(0x7f)) != 0;
  if (has_nan || scale < 32 || scale > 240) [[unlikely]]
    return slowGroup(codes, scale);
  const __m512i low = _mm512_permutex2var_epi8(_mm512_load_si512(kCodeBytes.low), code,
                                               _mm512_load_si512(kCodeBytes.low + 64));
  const __m512i high = _mm512_permutex2var_epi8(_mm512_load_si512(kCodeBytes.high), code,
                                                _mm512_load_si512(kCodeBytes.high + 64));
  const __m512i sign = _mm512_andnot_si512(_mm512_set1_epi8(0x7f), code);
  const __m512i signed_high = _mm512_or_si512(high, sign);
  const __m512i scaling = _mm512_set1_epi16(static_cast<short>((int{scale} - 127) * 128));
  const __m512i whole = _mm512_set1_epi16(0x7fff);
  const auto scaled = [&](__m512i bits) {  // zeros stay
    return _mm512_mask_add_epi16(bits, _mm512_test_epi16_mask(bits, whole), bits, scaling);
  };
  return {scaled(_mm512_unpacklo_epi8(low, signed_high)),
          scaled(_mm512_unpackhi_epi8(low, signed_high))};
}

// Dims [64·g, 64·g + 64) of a row; `packed` may be null.
inline Group rowGroup(const KvRowFormat& format, const std::byte* packed, std::int64_t g) {
  if (packed == nullptr) return {_mm512_setzero_si512(), _mm512_setzero_si512()};
  const auto* codes = reinterpret_cast<const std::uint8_t*>(packed);
  const std::int64_t nope = format.nopeDim();
  if (g * 64 < nope) return unpackGroup(codes + g * 64, codes[nope + 2 * format.rope_dim + g]);
  const std::uint8_t* values = codes + nope + 2 * (g * 64 - nope);
  return {_mm512_loadu_si512(values), _mm512_loadu_si512(values + 64)};
}

// Memory of one panel.
std::uint16_t* panelBuffer(std::int64_t n_values) {
  thread_local AlignedBuffer<std::uint16_t> buffer;
  return buffer.sized(n_values);
}

// Selected rows lie anywhere: asked for some rows ahead, also across the panel's end.
void fetch(const KvRowFormat& format, const std::byte* packed) {
  if (packed == nullptr) return;
  for (std::int64_t byte = 0; byte < format.rowBytes(); byte += 64)
    _mm_prefetch(reinterpret_cast<const char*>(packed) + byte, _MM_HINT_T0);
}

// The sums of the lanes of four vectors.
inline __m128 fourSums(__m512 a, __m512 b, __m512 c, __m512 d) {
  const __m512 ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
  const __m512 cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
  const __m512 four = _mm512_add_ps(
      _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(ab), _mm512_castps_pd(cd))),
      _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(ab), _mm512_castps_pd(cd))));
  const __m256 half =
      _mm256_add_ps(_mm512_castps512_ps256(four), _mm512_extractf32x8_ps(four, 1));
  return _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
}

// s[h, i] = (q_h·row_i)·scale, four rows per pass; n even.
template <int kHeads>
void scoreRows(const std::uint16_t* q, const std::uint16_t* rows, std::int64_t n, std::int64_t dim,
               float scale, float* s, std::int64_t stride) {
  for (std::int64_t i = 0; i < n; i += 4) {
    const std::uint16_t* r[4];
    for (std::int64_t j = 0; j < 4; ++j) r[j] = rows + std::min(i + j, n - 1) * dim;
    __m512 sum[kHeads][4];
    for (auto& head : sum)
      for (__m512& v : head) v = _mm512_setzero_ps();
    for (std::int64_t k = 0; k < dim; k += 32) {
      __m512bh row[4];
      for (int j = 0; j < 4; ++j) row[j] = (__m512bh)_mm512_loadu_si512(r[j] + k);
      for (int h = 0; h < kHeads; ++h) {
        const __m512bh x = (__m512bh)_mm512_loadu_si512(q + h * dim + k);
        for (int j = 0; j < 4; ++j) sum[h][j] = _mm512_dpbf16_ps(sum[h][j], x, row[j]);
      }
    }
    for (int h = 0; h < kHeads; ++h) {
      const __m128 dots = _mm_mul_ps(fourSums(sum[h][0], sum[h][1], sum[h][2], sum[h][3]),
                                     _mm_set1_ps(scale));
      if (n - i >= 4) _mm_storeu_ps(s + h * stride + i, dots);
      else _mm_storel_pi(reinterpret_cast<__m64*>(s + h * stride + i), dots);
    }
  }
}

void prepare(AttendTile& tile) {
  const std::int64_t dim = tile.args->format.head_dim;
  std::uint16_t* codes = tile.bf16_q.sized(tile.n * tile.n_heads * dim);
  for (std::int64_t t = 0; t < tile.n; ++t) {
    const float* q = tile.query(t, 0);
    std::uint16_t* out = codes + tile.index(t, 0) * dim;
    for (std::int64_t i = 0; i < tile.n_heads * dim; i += 16) {
      const __m512i bits = _mm512_castps_si512(_mm512_loadu_ps(q + i));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i),
                          _mm512_cvtepi32_epi16(_mm512_srli_epi32(bits, 16)));
    }
  }
}

void scorePanel(AttendTile& tile, const AttendPanel& panel) {
  const std::int64_t dim = tile.args->format.head_dim;
  std::uint16_t* rows = panelBuffer(panel.n * dim);
  const KvRowFormat format = tile.args->format;
  const bool scattered = panel.kind == AttendPanel::Kind::kSelected;
  const std::byte* packed[kMaxPanelRows + kRowsAhead];
  tile.packedRows(panel, packed);
  for (std::int64_t i = 0; i < panel.n; ++i) {
    if (scattered) fetch(format, packed[i + kRowsAhead]);
    for (std::int64_t g = 0; g < dim / 64; ++g) {
      const Group group = rowGroup(format, packed[i], g);
      _mm512_storeu_si512(rows + i * dim + g * 64, group.first);
      _mm512_storeu_si512(rows + i * dim + g * 64 + 32, group.second);
    }
  }
  for (std::int64_t t = panel.query_begin; t < panel.query_end; ++t) {
    const AttendOverlap part = tile.overlap(panel, t);
    if (part.begin >= part.end) continue;
    const std::uint16_t* first = rows + part.begin * dim;
    const std::int64_t n = part.end - part.begin;
    for (std::int64_t h = 0; h < tile.n_heads;) {
      const std::uint16_t* q = tile.bf16_q.data() + tile.index(t, h) * dim;
      float* s = tile.scores.data() + tile.index(t, h) * tile.stride + part.slot;
      if (h + 4 <= tile.n_heads) {
        scoreRows<4>(q, first, n, dim, tile.args->scale, s, tile.stride);
        h += 4;
      } else {
        scoreRows<1>(q, first, n, dim, tile.args->scale, s, tile.stride);
        h += 1;
      }
    }
  }
}

// Sums keep the lanes as two interleaved rows have them: of 32 dims, first those with bit 2 clear.
// sums_h += Σ over pairs of rows; p and stride count pairs, rows are [n_pairs, width] pairs.
template <int kHeads, int kVectors>
void weighRows(const std::uint32_t* p, std::int64_t stride, const std::uint32_t* rows,
               std::int64_t n_pairs, std::int64_t width, float* sums, std::int64_t dim) {
  __m512 sum[kHeads][kVectors];
  for (int h = 0; h < kHeads; ++h)
    for (int j = 0; j < kVectors; ++j) sum[h][j] = _mm512_loadu_ps(sums + h * dim + j * 16);
  for (std::int64_t i = 0; i < n_pairs; ++i) {
    __m512bh row[kVectors];
    for (int j = 0; j < kVectors; ++j)
      row[j] = (__m512bh)_mm512_loadu_si512(rows + i * width + j * 16);
    for (int h = 0; h < kHeads; ++h) {
      const __m512bh weight = (__m512bh)_mm512_set1_epi32(static_cast<int>(p[h * stride + i]));
      for (int j = 0; j < kVectors; ++j) sum[h][j] = _mm512_dpbf16_ps(sum[h][j], weight, row[j]);
    }
  }
  for (int h = 0; h < kHeads; ++h)
    for (int j = 0; j < kVectors; ++j) _mm512_storeu_ps(sums + h * dim + j * 16, sum[h][j]);
}

template <int kHeads>
void weighHeads(const std::uint32_t* p, std::int64_t stride, const std::uint32_t* rows,
                std::int64_t n_pairs, std::int64_t width, float* sums, std::int64_t dim) {
  std::int64_t c = 0;
  for (; c + 64 <= width; c += 64)
    weighRows<kHeads, 4>(p, stride, rows + c, n_pairs, width, sums + c, dim);
  if (c < width) weighRows<kHeads, 2>(p, stride, rows + c, n_pairs, width, sums + c, dim);
}

// 32 dims of a pair of rows; returns the place behind them.
inline std::uint16_t* storePair(std::uint16_t* out, __m512i even, __m512i odd) {
  _mm512_storeu_si512(out, _mm512_unpacklo_epi16(even, odd));
  _mm512_storeu_si512(out + 32, _mm512_unpackhi_epi16(even, odd));
  return out + 64;
}

// Dims [begin, end) of the rows, each pair interleaved.
const std::uint32_t* pairedRows(const AttendTile& tile, const AttendPanel& panel,
                                std::int64_t begin, std::int64_t end) {
  const std::int64_t width = end - begin;
  std::uint16_t* values = panelBuffer(panel.n * width);
  const KvRowFormat format = tile.args->format;
  const std::byte* packed[kMaxPanelRows + kRowsAhead];
  tile.packedRows(panel, packed);
  for (std::int64_t i = 0; i < panel.n; i += 2) {
    std::uint16_t* out = values + i * width;
    for (std::int64_t g = begin / 64; g * 64 < end; ++g) {
      const Group a = rowGroup(format, packed[i], g);
      const Group b = rowGroup(format, packed[i + 1], g);
      if (g * 64 >= begin) out = storePair(out, a.first, b.first);
      if (g * 64 + 32 < end) out = storePair(out, a.second, b.second);
    }
  }
  return reinterpret_cast<const std::uint32_t*>(values);
}

void weighPanel(AttendTile& tile, const AttendPanel& panel, std::int64_t begin, std::int64_t end) {
  const std::int64_t dim = tile.args->format.head_dim, width = end - begin;
  const std::uint32_t* rows = pairedRows(tile, panel, begin, end);
  for (std::int64_t t = panel.query_begin; t < panel.query_end; ++t) {
    const AttendOverlap part = tile.overlap(panel, t);
    if (part.begin >= part.end) continue;
    const std::uint32_t* first = rows + part.begin / 2 * width;
    const std::int64_t n_pairs = (part.end - part.begin) / 2;
    for (std::int64_t h = 0; h < tile.n_heads;) {
      const float* scores = tile.scores.data() + tile.index(t, h) * tile.stride;
      const auto* p = reinterpret_cast<const std::uint32_t*>(scores) + part.slot / 2;
      float* sums = tile.sums.data() + tile.index(t, h) * dim + begin;
      if (h + 4 <= tile.n_heads) {
        weighHeads<4>(p, tile.stride, first, n_pairs, width, sums, dim);
        h += 4;
      } else {
        weighHeads<1>(p, tile.stride, first, n_pairs, width, sums, dim);
        h += 1;
      }
    }
  }
}

inline __m512 rounded16(__m512 value) {
  const __m512i bits = _mm512_castps_si512(value);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i sum = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
  const __m512 result =
      _mm512_castsi512_ps(_mm512_and_si512(sum, _mm512_set1_epi32(static_cast<int>(0xffff0000))));
  return _mm512_mask_mov_ps(result, _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q), value);
}

// o = sums / z, the dims back in order. Adding zero makes +0 of −0, so that padding does not show.
void finish(AttendTile& tile, std::int64_t begin, std::int64_t end) {
  const std::int64_t dim = tile.args->format.head_dim;
  const __m512i low = _mm512_setr_epi32(0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  const __m512i high = _mm512_add_epi32(low, _mm512_set1_epi32(8));
  for (std::int64_t t = 0; t < tile.n; ++t)
    for (std::int64_t h = 0; h < tile.n_heads; ++h) {
      const float* sums = tile.sums.data() + tile.index(t, h) * dim;
      const __m512 z = _mm512_set1_ps(tile.z.data()[tile.index(t, h)]);
      float* o = tile.output(t, h);
      for (std::int64_t c = begin; c < end; c += 32) {
        const __m512 a = _mm512_loadu_ps(sums + c), b = _mm512_loadu_ps(sums + c + 16);
        const auto value = [&](__m512i order) {
          const __m512 sum =
              _mm512_add_ps(_mm512_permutex2var_ps(a, order, b), _mm512_setzero_ps());
          return rounded16(_mm512_div_ps(sum, z));
        };
        _mm512_storeu_ps(o + c, value(low));
        _mm512_storeu_ps(o + c + 16, value(high));
      }
    }
}

}  // namespace
}  // namespace kernels

HWY_POP_ATTRIBUTES

namespace kernels {

const AttendKernels* bf16AttendKernels(const AttendArgs& args) {
  static const bool can_run =
      __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vbmi") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
  static constexpr AttendKernels kernels = {.bytes_per_value = 2,
                                            .p_is_bf16 = true,
                                            .prepare = prepare,
                                            .scorePanel = scorePanel,
                                            .weighPanel = weighPanel,
                                            .finish = finish};
  const bool fits = args.rounding == Rounding::kBf16 &&
                    args.format.packing == RowPacking::kPacked && args.format.rope_dim % 64 == 0;
  return can_run && fits ? &kernels : nullptr;
}

}  // namespace kernels

#else

namespace kernels {
const AttendKernels* bf16AttendKernels(const AttendArgs&) { return nullptr; }
}  // namespace kernels

#endif
