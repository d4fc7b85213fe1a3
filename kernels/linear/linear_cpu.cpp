// Weights are dequantised a tile of rows and a segment of columns at a time into a buffer of the
// first cache level; a register block of 4 rows x a few tokens then runs along k. Keeping the
// checkpoint's bytes in memory and paying the dequantisation once per call costs little for
// a chunk of tokens and nothing extra in memory; a single token streams the bytes once.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/linear/linear_cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <hwy/cache_control.h>

#include <algorithm>
#include <vector>

#include "kernels/act_quant/act_quant.h"
#include "kernels/aligned_buffer.h"
#include "kernels/dequantize-inl.h"
#include "kernels/formats-inl.h"
#include "kernels/linear/linear.h"
#include "kernels/linear/product_bf16.h"
#include "kernels/linear/product_rows.h"
#include "kernels/linear/weight_lanes-inl.h"
#include "kernels/sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = FloatLanes;
using V = hn::Vec<D>;

// Columns at a time: a tile of weights and a group of tokens fit the first cache level together.
constexpr std::int64_t kSegment = 512;
// Distance of the rows of a tile: not a power of two, or they would compete for the same lines of
// the cache.
constexpr std::int64_t kTileStride = kSegment + 16;
// Tokens of a register block: with 32 registers six rows of four sums fit, with 16 three.
constexpr std::int64_t kTokenGroup = hn::MaxLanes(D()) == 16 ? 6 : 3;

// Weight rows dequantised together: they and a group of tokens fit the first cache level with room
// to spare.
constexpr std::int64_t kRowsAtOnce = 8;

// What a block of sums works on: n_k columns from k0 on; the weight rows start there.
struct Segment {
  const float* w[kRowsAtOnce];
  std::int64_t k0, n_k;
};

// Keeps a value in a register: GCC would rather load it again for each of the multiply-adds that
// use it, and loads are what limits them.
HWY_INLINE V inRegister(V value) {
#if HWY_ARCH_X86 && HWY_COMPILER_GCC && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
  asm("" : "+v"(value.raw));
#endif
  return value;
}

// sums[t · kTileRows + o] = x[t] · w[o] for kT tokens and the kO weight rows from `first` on;
// from the second segment on added to what stands there. Loops over sums and pointers are unrolled
// early, or GCC keeps these in memory.
template <int kT, int kO>
void dotBlock(const float* const* x, const Segment& segment, std::int64_t first, float* sums) {
  const D d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d)), n_k = segment.n_k;
  const float *xs[kT], *w[kO];
  V sum[kT][kO];
  HWY_UNROLL(8)
  for (int o = 0; o < kO; ++o) w[o] = segment.w[first + o];
  HWY_UNROLL(8)
  for (int t = 0; t < kT; ++t) {
    xs[t] = x[t] + segment.k0;
    HWY_UNROLL(8)
    for (int o = 0; o < kO; ++o) sum[t][o] = hn::Zero(d);
  }
  std::int64_t k = 0;
  for (; k + lanes <= n_k; k += lanes) {
    V wk[kO];
    HWY_UNROLL(8)
    for (int o = 0; o < kO; ++o) wk[o] = hn::LoadU(d, w[o] + k);
    HWY_UNROLL(8)
    for (int t = 0; t < kT; ++t) {
      const V xk = inRegister(hn::LoadU(d, xs[t] + k));
      HWY_UNROLL(8)
      for (int o = 0; o < kO; ++o) sum[t][o] = hn::MulAdd(xk, wk[o], sum[t][o]);
    }
  }
  HWY_UNROLL(8)
  for (int t = 0; t < kT; ++t)
    HWY_UNROLL(2)
    for (int o = 0; o < kO; o += 4)
      fourSums(d, sum[t] + o, sums + t * kTileRows + first + o, segment.k0 > 0);
  for (; k < n_k; ++k)
    for (int t = 0; t < kT; ++t)
      for (int o = 0; o < kO; ++o) sums[t * kTileRows + first + o] += xs[t][k] * w[o][k];
}

// At most kTokenGroup tokens; n_rows of the segment's weight rows, the last four perhaps in part.
void dotTokens(const float* const* x, std::int64_t n, const Segment& segment, std::int64_t n_rows,
               float* sums) {
  std::int64_t o = 0;
  if (n == 1)  // eight sums in flight: the latency of one addition is longer than four
    for (; o + 4 < n_rows; o += 8) dotBlock<1, 8>(x, segment, o, sums);
  for (; o < n_rows; o += 4) {
    if (n == kTokenGroup) {
      dotBlock<kTokenGroup, 4>(x, segment, o, sums);
      continue;
    }
    std::int64_t t = 0;
    for (; t + 2 <= n; t += 2) dotBlock<2, 4>(x + t, segment, o, sums + t * kTileRows);
    if (t < n) dotBlock<1, 4>(x + t, segment, o, sums + t * kTileRows);
  }
}

// Segments of weight rows that one token meets at a time: as many sums in flight hide the latency
// of one.
constexpr int kAtOnce = 8;
// How far ahead of them their bytes are asked for; the processor alone stops at every page's end.
constexpr std::int64_t kBytesAhead = 4096;
// Columns whose bytes are asked for together: a line of the cache or more for every type.
constexpr std::int64_t kAheadColumns = 128;
// Columns between those in use and those asked for, measured.
constexpr std::int64_t kDistance = 1024;

// totals[i] = x[i] · w[i] over n_k columns, a whole number of vectors.
void dotSegments(const float* const* x, const float* w, std::int64_t n_k, float* totals) {
  const D d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const float* xs[kAtOnce];
  for (int i = 0; i < kAtOnce; ++i) xs[i] = x[i];
  V sum[kAtOnce];
  for (int i = 0; i < kAtOnce; ++i) sum[i] = hn::Zero(d);
  for (std::int64_t k = 0; k < n_k; k += lanes)
    for (int i = 0; i < kAtOnce; ++i)
      sum[i] = hn::MulAdd(hn::LoadU(d, xs[i] + k), hn::LoadU(d, w + i * kTileStride + k), sum[i]);
  for (int i = 0; i < kAtOnce; i += 4) fourSums(d, sum + i, totals + i);
}

// y[o − first] = x · w[o] for one token; the sums of productTile, but in an order of work that
// reads the matrix from end to end, the way the processor fetches ahead best. w.in is a whole
// number of vectors; x is filled up with zeros to whole segments where w.in > kSegment.
void productOfOneToken(const MatrixView& w, std::int64_t first, std::int64_t last, const float* x,
                       float* y) {
  HWY_ALIGN thread_local float values[kAtOnce * kTileStride];
  const std::int64_t length = std::min(w.in, kSegment);
  std::int64_t o = first, k0 = 0;
  while (o < last) {
    const float* xs[kAtOnce];
    std::int64_t rows[kAtOnce];
    float totals[kAtOnce];
    int n = 0;
    for (; n < kAtOnce && o < last; ++n) {
      rows[n] = o;
      xs[n] = x + k0;
      const std::int64_t n_k = std::min(length, w.in - k0);
      float* to = values + n * kTileStride;
      const std::byte* ahead = w.rowData(o) + w.columnBytes(k0) + kBytesAhead;
      for (std::int64_t i = 0; i < w.columnBytes(n_k); i += 64) hwy::Prefetch(ahead + i);
      dequantize(w, o, k0, n_k, to);
      if (n_k < length) std::fill(to + n_k, to + length, 0.0f);
      k0 += length;
      if (k0 >= w.in) k0 = 0, ++o;
    }
    for (int i = n; i < kAtOnce; ++i) xs[i] = x;
    dotSegments(xs, values, length, totals);
    for (int i = 0; i < n; ++i) {
      float& total = y[rows[i] - first];
      total = xs[i] == x ? totals[i] : total + totals[i];
    }
  }
}

// y[o] = x · w[first + o] for one token and kAtOnce weight rows, straight from their bytes; the
// sums of productTile. False, with nothing done, where a row needs the general conversion.
template <class Lanes>
bool productOfRows(const MatrixView& w, std::int64_t first, const float* x, float* y) {
  const D d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t row_bytes = w.rowBytes(), ahead_bytes = w.columnBytes(kAheadColumns);
  const std::int64_t distance = std::min(w.in, kDistance);
  float totals[kAtOnce];
  for (std::int64_t k0 = 0; k0 < w.in; k0 += kSegment) {
    const std::int64_t n_k = std::min(kSegment, w.in - k0);
    Lanes rows[kAtOnce];
    for (int i = 0; i < kAtOnce; ++i)
      if (!rows[i].open(w, first + i, k0, n_k)) return false;
    V sum[kAtOnce];
    for (int i = 0; i < kAtOnce; ++i) sum[i] = hn::Zero(d);
    for (std::int64_t k = 0; k < n_k; k += Lanes::kGroup) {
      // The processor alone does not follow so many rows. Farther ahead in the same rows and not
      // in the next ones: where a row is a page, all these bytes want the same places of the cache.
      if (k % kAheadColumns == 0) {
        const std::int64_t column = k0 + k + distance;
        const std::byte* ahead = column < w.in
                                     ? w.rowData(first) + w.columnBytes(column)
                                     : w.rowData(first + kAtOnce) + w.columnBytes(column - w.in);
        for (int i = 0; i < kAtOnce; ++i, ahead += row_bytes)
          for (std::int64_t j = 0; j < ahead_bytes; j += 64) hwy::Prefetch(ahead + j);
      }
      for (int i = 0; i < kAtOnce; ++i) rows[i].group(k);
      for (std::int64_t j = 0; j < Lanes::kGroup / lanes; ++j) {
        const V xk = hn::LoadU(d, x + k0 + k + j * lanes);
        for (int i = 0; i < kAtOnce; ++i) sum[i] = hn::MulAdd(xk, rows[i].at(j), sum[i]);
      }
    }
    for (int i = 0; i < kAtOnce; i += 4) fourSums(d, sum + i, totals + i, k0 > 0);
  }
  std::copy_n(totals, kAtOnce, y);
  return true;
}

// As many of the rows [first, last) as there are whole groups of plain ones; returns the first row
// that is left.
template <class Lanes>
std::int64_t productOfPlainRows(const MatrixView& w, std::int64_t first, std::int64_t last,
                                const float* x, float* y) {
  std::int64_t o = first;
  if (w.in % Lanes::kGroup == 0)
    while (o + kAtOnce <= last && productOfRows<Lanes>(w, o, x, y + (o - first))) o += kAtOnce;
  return o;
}

std::int64_t productOfPlainRows(const MatrixView& w, std::int64_t first, std::int64_t last,
                                const float* x, float* y) {
  switch (w.type) {
    case WeightType::kF32:
      return first;
    case WeightType::kBf16:
      return productOfPlainRows<Bf16Lanes>(w, first, last, x, y);
    case WeightType::kF16:
      return productOfPlainRows<F16Lanes>(w, first, last, x, y);
    case WeightType::kFp8:
      return productOfPlainRows<Fp8Lanes>(w, first, last, x, y);
    case WeightType::kQ8_0:
      return productOfPlainRows<Q8Lanes>(w, first, last, x, y);
#if HWY_TARGET <= HWY_AVX3
    case WeightType::kFp4:
      return productOfPlainRows<Fp4Lanes>(w, first, last, x, y);
    case WeightType::kMxfp4:
      return productOfPlainRows<Mxfp4Lanes>(w, first, last, x, y);
#endif
    default:
      return first;
  }
}

// sums[t · kTileRows + o] = x[t] · w[first + o] for o < n_rows <= kRowsAtOnce; whatever the n are,
// every (t, o) runs through the same operations.
void productTile(const MatrixView& w, std::int64_t first, std::int64_t n_rows,
                 const float* const* x, std::int64_t n, float* sums) {
  HWY_ALIGN thread_local float tile[kRowsAtOnce * kTileStride];
  for (std::int64_t k0 = 0; k0 < w.in; k0 += kSegment) {
    Segment segment;
    segment.k0 = k0;
    segment.n_k = std::min(kSegment, w.in - k0);
    for (std::int64_t o = 0; o < kRowsAtOnce; ++o) {
      const std::int64_t row = std::min(o, n_rows - 1);  // a short tile repeats its last row
      if (w.type == WeightType::kF32 && n <= kTokenGroup) {
        segment.w[o] = reinterpret_cast<const float*>(w.rowData(first + row)) + k0;
      } else {
        segment.w[o] = tile + row * kTileStride;
        if (o == row) dequantize(w, first + row, k0, segment.n_k, tile + row * kTileStride);
      }
    }
    // Tokens in small groups outside, weight rows inside: the group stays in the first level.
    for (std::int64_t t = 0; t < n; t += kTokenGroup)
      dotTokens(x + t, std::min(kTokenGroup, n - t), segment, n_rows, sums + t * kTileRows);
  }
}

void roundedCopy(const float* from, std::int64_t n, Rounding rounding, float* to) {
  const D d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    hn::StoreU(roundedLanes(d, hn::LoadU(d, from + i), rounding), d, to + i);
  for (; i < n; ++i) to[i] = rounded(from[i], rounding);
}

void productRows(const MatrixView& w, std::int64_t first, std::int64_t last, const float* const* x,
                 std::int64_t n, float* y, std::int64_t y_stride, Rounding rounding) {
  const bool whole_vectors = w.in % static_cast<std::int64_t>(hn::Lanes(D())) == 0;
  if (n == 1 && w.type != WeightType::kF32 && whole_vectors) {
    const float* row = x[0];
    thread_local std::vector<float> padded;
    if (w.in > kSegment && w.in % kSegment != 0) {
      padded.assign(static_cast<std::size_t>(w.in + kSegment), 0.0f);
      std::copy_n(row, w.in, padded.data());
      row = padded.data();
    }
    const std::int64_t rest = productOfPlainRows(w, first, last, row, y);
    if (rest < last) productOfOneToken(w, rest, last, row, y + (rest - first));
    return roundedCopy(y, last - first, rounding, y);
  }
  HWY_ALIGN float sums[kMostTokens * kTileRows];
  for (std::int64_t o = first; o < last; o += kTileRows) {
    const std::int64_t n_rows = std::min(kTileRows, last - o);
    for (std::int64_t i = 0; i < n_rows; i += kRowsAtOnce)
      productTile(w, o + i, std::min(kRowsAtOnce, n_rows - i), x, n, sums + i);
    for (std::int64_t t = 0; t < n; ++t)
      roundedCopy(sums + t * kTileRows, n_rows, rounding, y + t * y_stride + o - first);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kernels {
HWY_EXPORT(productRows);

void productRows(const MatrixView& w, std::int64_t first, std::int64_t last, const float* const* x,
                 std::int64_t n, float* y, std::int64_t y_stride, Rounding rounding) {
  HWY_DYNAMIC_DISPATCH(productRows)(w, first, last, x, n, y, y_stride, rounding);
}

void toBf16Rows(const float* x, std::int64_t x_stride, std::int64_t n, std::int64_t in,
                LinearInput input, ThreadPool& pool, std::uint16_t* codes) {
  pool.parallelFor(n, rowsWorthAThread(in), [&](std::int64_t begin, std::int64_t end) {
    thread_local std::vector<float> quantized;
    if (input == LinearInput::kFp8) quantized.resize(static_cast<std::size_t>(in));
    for (std::int64_t t = begin; t < end; ++t) {
      const float* row = x + t * x_stride;
      if (input == LinearInput::kFp8) {
        simulateFp8Cpu(row, in, 128, quantized.data());
        row = quantized.data();
      }
      toBf16Codes(row, in, codes + t * in);
    }
  });
}

namespace {

constexpr std::int64_t kPieceBytes = std::int64_t{256} << 10;

// Pieces of a few tiles by so many tokens that their rows, of row_bytes, fit half of a second cache
// level of 1 MiB; narrow matrices share out the tokens too.
// product(first, last, t, n, y) makes rows [first, last) of w for tokens [t, t + n).
template <class Product>
void inPieces(const LinearArgs& args, std::int64_t row_bytes, ThreadPool& pool,
              const Product& product) {
  const std::int64_t most_tokens =
      std::clamp<std::int64_t>((std::int64_t{512} << 10) / row_bytes, 48, kMostTokens);
  const std::int64_t in = args.w.in, out = args.w.out;
  const std::int64_t y_stride = args.y_stride ? args.y_stride : out;
  const std::int64_t n_tiles = (out + kTileRows - 1) / kTileRows;
  const std::int64_t n_parts = n_tiles >= 4 * pool.size() ? 1 : 2 * pool.size();
  const std::int64_t n_tokens =
      std::clamp((args.n + n_parts - 1) / n_parts, std::min<std::int64_t>(args.n, 48), most_tokens);
  // Worth waking a thread for; and, where weights come from memory, long enough for the bytes asked
  // for ahead to reach the thread that wants them.
  const std::int64_t worth = 65536 / (kTileRows * in * n_tokens);
  const std::int64_t stream = std::min(kPieceBytes / (kTileRows * args.w.rowBytes() * n_tokens),
                                       n_tiles / (8 * pool.size()));
  const std::int64_t tiles = std::clamp<std::int64_t>(std::max(worth, stream), 1,
                                                      std::max<std::int64_t>(1, n_tiles));
  const std::int64_t n_columns = (n_tiles + tiles - 1) / tiles;
  const std::int64_t n_chunks = (args.n + n_tokens - 1) / n_tokens;
  pool.parallelFor(n_columns * n_chunks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t piece = begin; piece < end; ++piece) {
      const std::int64_t t = piece / n_columns * n_tokens, n = std::min(n_tokens, args.n - t);
      const std::int64_t first = piece % n_columns * tiles * kTileRows;
      product(first, std::min(first + tiles * kTileRows, out), t, n, args.y + t * y_stride + first);
    }
  });
}

template <class Value>
void rowPointers(const Value* x, std::int64_t stride, std::int64_t n, const Value** rows) {
  for (std::int64_t i = 0; i < n; ++i) rows[i] = x + i * stride;
}

}  // namespace

void linearCpu(const LinearArgs& args, ThreadPool& pool) {
  const std::int64_t in = args.w.in;
  if (args.n == 0) return;
  const float* x = args.x;
  std::int64_t x_stride = args.x_stride ? args.x_stride : in;
  const std::int64_t y_stride = args.y_stride ? args.y_stride : args.w.out;
  if (fitsBf16Products(args.w, args.input)) {
    thread_local AlignedBuffer<std::uint16_t> buffer;
    std::uint16_t* codes = buffer.sized(args.n * in);
    toBf16Rows(x, x_stride, args.n, in, args.input, pool, codes);
    return inPieces(
        args, in * 2, pool,
        [&](std::int64_t first, std::int64_t last, std::int64_t t, std::int64_t n, float* y) {
          const std::uint16_t* rows[kMostTokens];
          rowPointers(codes + t * in, in, n, rows);
          productRowsBf16(args.w, first, last, rows, n, y, y_stride, args.rounding);
        });
  }
  if (args.input == LinearInput::kFp8) {
    thread_local AlignedBuffer<float> quantized;
    float* to = quantized.sized(args.n * in);
    pool.parallelFor(args.n, rowsWorthAThread(in), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t t = begin; t < end; ++t)
        simulateFp8Cpu(args.x + t * x_stride, in, 128, to + t * in);
    });
    x = to;
    x_stride = in;
  }
  inPieces(args, in * 4, pool,
           [&](std::int64_t first, std::int64_t last, std::int64_t t, std::int64_t n, float* y) {
             const float* rows[kMostTokens];
             rowPointers(x + t * x_stride, x_stride, n, rows);
             productRows(args.w, first, last, rows, n, y, y_stride, args.rounding);
           });
}

}  // namespace kernels
#endif
