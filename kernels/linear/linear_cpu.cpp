// Weights are dequantised a tile of rows at a time into a buffer that stays in the first cache
// levels; a register block of 4 rows x 4 tokens then runs along k. Keeping the checkpoint's bytes
// in memory and paying the dequantisation once per call costs little for a chunk of tokens and
// nothing extra in memory.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/linear/linear_cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/act_quant/act_quant.h"
#include "kernels/bf16-inl.h"
#include "kernels/linear/linear.h"

HWY_BEFORE_NAMESPACE();
namespace kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;

constexpr std::int64_t kRowsPerTile = 16;

float sumOf(D d, V v) { return hn::GetLane(hn::SumOfLanes(d, v)); }

#if HWY_TARGET != HWY_SCALAR
using D4 = hn::FixedTag<float, 4>;

// Halves added until four lanes are left.
template <class DV>
HWY_INLINE hn::Vec<D4> folded(DV d, hn::Vec<DV> v) {
  if constexpr (hn::MaxLanes(DV()) == 4) {
    return v;
  } else {
    const hn::Half<decltype(d)> half;
    return folded(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
}

// The sums of four vectors at once, each by the tree of sumOf.
HWY_INLINE hn::Vec<D4> fourSums(D d, const V* v) {
  const D4 d4;
  const auto a = folded(d, v[0]), b = folded(d, v[1]), c = folded(d, v[2]), e = folded(d, v[3]);
  const auto ab = hn::Add(hn::ConcatLowerLower(d4, b, a), hn::ConcatUpperUpper(d4, b, a));
  const auto ce = hn::Add(hn::ConcatLowerLower(d4, e, c), hn::ConcatUpperUpper(d4, e, c));
  return hn::Add(hn::ConcatEven(d4, ce, ab), hn::ConcatOdd(d4, ce, ab));
}
#endif

void dequantizeFp8(const std::uint8_t* codes, const std::uint8_t* scales, std::int64_t in,
                   float* out) {
  const D d;
  const hn::Rebind<std::uint8_t, D> d8;
  const hn::RebindToUnsigned<D> d32;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const V shift = hn::Set(d, 0x1p120f);
  for (std::int64_t c = 0; c < in; c += 128) {
    const V scale = hn::Set(d, ue8m0ToFloat(scales[c / 128]));
    const std::int64_t end = std::min<std::int64_t>(c + 128, in);
    std::int64_t i = c;
    for (; i + lanes <= end; i += lanes) {
      const auto code = hn::PromoteTo(d32, hn::LoadU(d8, codes + i));
      const auto sign = hn::ShiftLeft<24>(hn::And(code, hn::Set(d32, 0x80)));
      const auto rest = hn::ShiftLeft<20>(hn::And(code, hn::Set(d32, 0x7f)));
      const V value = hn::BitCast(d, hn::Or(sign, rest));
      hn::StoreU(hn::Mul(hn::Mul(value, shift), scale), d, out + i);
    }
    for (; i < end; ++i) out[i] = e4m3ToFloat(codes[i]) * ue8m0ToFloat(scales[c / 128]);
  }
}

void dequantizeBf16(const std::uint16_t* codes, std::int64_t in, float* out) {
  const D d;
  const hn::Rebind<std::uint16_t, D> d16;
  const hn::RebindToUnsigned<D> d32;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= in; i += lanes) {
    const auto bits = hn::ShiftLeft<16>(hn::PromoteTo(d32, hn::LoadU(d16, codes + i)));
    hn::StoreU(hn::BitCast(d, bits), d, out + i);
  }
  for (; i < in; ++i) out[i] = bf16ToFloat(codes[i]);
}

// Two values per byte through a table of pairs.
struct PairTable {
  float pair[256][2];
  PairTable() {
    for (int b = 0; b < 256; ++b) {
      pair[b][0] = e2m1ToFloat(static_cast<std::uint8_t>(b));
      pair[b][1] = e2m1ToFloat(static_cast<std::uint8_t>(b >> 4));
    }
  }
};

void dequantizeFp4(const std::uint8_t* codes, const std::uint8_t* scales, std::int64_t in,
                   float* out) {
  static const PairTable table;
  for (std::int64_t c = 0; c < in; c += 32) {
    const float scale = ue8m0ToFloat(scales[c / 32]);
    for (std::int64_t i = 0; i < 32; i += 2) std::memcpy(out + c + i, table.pair[codes[(c + i) / 2]], 8);
    for (std::int64_t i = 0; i < 32; ++i) out[c + i] *= scale;
  }
}

void dequantize(const MatrixView& w, std::int64_t row, float* out) {
  const std::byte* bytes = w.rowData(row);
  switch (w.type) {
    case WeightType::kF32:
      std::memcpy(out, bytes, static_cast<std::size_t>(w.in) * 4);
      return;
    case WeightType::kBf16:
      return dequantizeBf16(reinterpret_cast<const std::uint16_t*>(bytes), w.in, out);
    case WeightType::kFp8:
      return dequantizeFp8(reinterpret_cast<const std::uint8_t*>(bytes), w.scaleRow(row), w.in, out);
    case WeightType::kFp4:
      return dequantizeFp4(reinterpret_cast<const std::uint8_t*>(bytes), w.scaleRow(row), w.in, out);
  }
}

// y[t][o] for kT tokens and kO weight rows. Every (t, o) runs through the same operations
// whatever the block sizes are.
template <int kT, int kO>
void dotBlock(const float* const* x, const float* const* w, std::int64_t in, float* const* y,
              Rounding rounding) {
  const D d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V sum[kT][kO];
  for (int t = 0; t < kT; ++t)
    for (int o = 0; o < kO; ++o) sum[t][o] = hn::Zero(d);
  std::int64_t k = 0;
  for (; k + lanes <= in; k += lanes) {
    V wk[kO];
    for (int o = 0; o < kO; ++o) wk[o] = hn::LoadU(d, w[o] + k);
    for (int t = 0; t < kT; ++t) {
      const V xk = hn::LoadU(d, x[t] + k);
      for (int o = 0; o < kO; ++o) sum[t][o] = hn::MulAdd(xk, wk[o], sum[t][o]);
    }
  }
#if HWY_TARGET != HWY_SCALAR
  if constexpr (kO == 4) {
    if (k == in) {
      const D4 d4;
      for (int t = 0; t < kT; ++t)
        hn::StoreU(roundedLanes(d4, fourSums(d, sum[t]), rounding), d4, y[t]);
      return;
    }
  }
#endif
  for (int t = 0; t < kT; ++t)
    for (int o = 0; o < kO; ++o) {
      float total = sumOf(d, sum[t][o]);
      for (std::int64_t i = k; i < in; ++i) total += x[t][i] * w[o][i];
      y[t][o] = rounded(total, rounding);
    }
}

template <int kO>
void dotRows(const float* a, std::int64_t a_stride, std::int64_t n, const float* const* w,
             std::int64_t in, float* y, std::int64_t y_stride, Rounding rounding) {
  std::int64_t t = 0;
  for (; t + 4 <= n; t += 4) {
    const float* x[4] = {a + t * a_stride, a + (t + 1) * a_stride, a + (t + 2) * a_stride,
                         a + (t + 3) * a_stride};
    float* out[4] = {y + t * y_stride, y + (t + 1) * y_stride, y + (t + 2) * y_stride,
                     y + (t + 3) * y_stride};
    dotBlock<4, kO>(x, w, in, out, rounding);
  }
  for (; t < n; ++t) {
    const float* x[1] = {a + t * a_stride};
    float* out[1] = {y + t * y_stride};
    dotBlock<1, kO>(x, w, in, out, rounding);
  }
}

// Weight rows [first, last) for all n rows of a.
void linearTile(const LinearArgs& args, const float* a, std::int64_t a_stride, std::int64_t first,
                std::int64_t last) {
  const std::int64_t in = args.w.in;
  const std::int64_t y_stride = args.y_stride ? args.y_stride : args.w.out;
  thread_local std::vector<float> tile;
  if (tile.size() < static_cast<std::size_t>(kRowsPerTile * in))
    tile.resize(static_cast<std::size_t>(kRowsPerTile * in));
  for (std::int64_t o = first; o < last; ++o) dequantize(args.w, o, tile.data() + (o - first) * in);
  // Tokens in small groups outside, weight rows inside: the group stays in the first level cache.
  for (std::int64_t t = 0; t < args.n; t += 4) {
    const std::int64_t n_t = std::min<std::int64_t>(4, args.n - t);
    std::int64_t o = first;
    for (; o + 4 <= last; o += 4) {
      const float* w[4];
      for (int i = 0; i < 4; ++i) w[i] = tile.data() + (o + i - first) * in;
      dotRows<4>(a + t * a_stride, a_stride, n_t, w, in, args.y + t * y_stride + o, y_stride,
                 args.rounding);
    }
    for (; o < last; ++o) {
      const float* w[1] = {tile.data() + (o - first) * in};
      dotRows<1>(a + t * a_stride, a_stride, n_t, w, in, args.y + t * y_stride + o, y_stride,
                 args.rounding);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kernels {
HWY_EXPORT(linearTile);

void linearCpu(const LinearArgs& args, ThreadPool& pool) {
  const std::int64_t in = args.w.in;
  const float* a = args.x;
  std::int64_t a_stride = args.x_stride ? args.x_stride : in;
  thread_local std::vector<float> quantized;
  if (args.input == LinearInput::kFp8) {
    quantized.resize(static_cast<std::size_t>(args.n * in));
    float* out = quantized.data();
    pool.parallelFor(args.n, 32, [&, a, a_stride](std::int64_t begin, std::int64_t end) {
      for (std::int64_t t = begin; t < end; ++t) simulateFp8(a + t * a_stride, in, 128, out + t * in);
    });
    a = out;
    a_stride = in;
  }
  const std::int64_t n_tiles = (args.w.out + 15) / 16;
  // A range worth waking a thread for: about 64K multiplications.
  const std::int64_t grain = std::max<std::int64_t>(1, 65536 / std::max<std::int64_t>(1, 16 * in * args.n));
  pool.parallelFor(n_tiles, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t tile = begin; tile < end; ++tile)
      HWY_DYNAMIC_DISPATCH(linearTile)
      (args, a, a_stride, tile * 16, std::min<std::int64_t>(tile * 16 + 16, args.w.out));
  });
}

}  // namespace kernels
#endif
