// Weights are dequantised a tile of rows at a time into a buffer that stays in the first cache
// levels; a register block of 4 rows x a few tokens then runs along k. Keeping the checkpoint's
// bytes in memory and paying the dequantisation once per call costs little for a chunk of tokens
// and nothing extra in memory.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/linear/linear_cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <vector>

#include "kernels/act_quant/act_quant.h"
#include "kernels/dequantize-inl.h"
#include "kernels/formats-inl.h"
#include "kernels/linear/linear.h"
#include "kernels/sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;

constexpr std::int64_t kRowsPerTile = 16;

float sumOf(D d, V v) { return hn::GetLane(hn::SumOfLanes(d, v)); }

// Tokens of a register block: with 32 registers six rows of four sums fit, with 16 three.
constexpr int kTokens = hn::MaxLanes(D()) == 16 ? 6 : 3;

// y[t, o] for kT tokens and kO weight rows. Every (t, o) runs through the same operations
// whatever the block sizes are.
template <int kT, int kO>
void dotBlock(const float* x, std::int64_t x_stride, const float* const* w, std::int64_t in,
              float* y, std::int64_t y_stride, Rounding rounding) {
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
      const V xk = hn::LoadU(d, x + t * x_stride + k);
      for (int o = 0; o < kO; ++o) sum[t][o] = hn::MulAdd(xk, wk[o], sum[t][o]);
    }
  }
  for (int t = 0; t < kT; ++t) {
    float total[4];
    if constexpr (kO == 4) {
      fourSums(d, sum[t], total);
    } else {
      for (int o = 0; o < kO; ++o) total[o] = sumOf(d, sum[t][o]);
    }
    for (std::int64_t i = k; i < in; ++i)
      for (int o = 0; o < kO; ++o) total[o] += x[t * x_stride + i] * w[o][i];
    if constexpr (kO == 4) {
      const hn::CappedTag<float, 4> few;
      for (std::size_t o = 0; o < 4; o += hn::Lanes(few))
        hn::StoreU(roundedLanes(few, hn::LoadU(few, total + o), rounding), few,
                   y + t * y_stride + o);
    } else {
      for (int o = 0; o < kO; ++o) y[t * y_stride + o] = rounded(total[o], rounding);
    }
  }
}

// At most kTokens tokens.
template <int kO>
void dotRows(const float* x, std::int64_t x_stride, std::int64_t n, const float* const* w,
             std::int64_t in, float* y, std::int64_t y_stride, Rounding rounding) {
  if (n == kTokens) return dotBlock<kTokens, kO>(x, x_stride, w, in, y, y_stride, rounding);
  std::int64_t t = 0;
  for (; t + 2 <= n; t += 2)
    dotBlock<2, kO>(x + t * x_stride, x_stride, w, in, y + t * y_stride, y_stride, rounding);
  if (t < n)
    dotBlock<1, kO>(x + t * x_stride, x_stride, w, in, y + t * y_stride, y_stride, rounding);
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
  for (std::int64_t t = 0; t < args.n; t += kTokens) {
    const std::int64_t n_t = std::min<std::int64_t>(kTokens, args.n - t);
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
      for (std::int64_t t = begin; t < end; ++t)
        simulateFp8Cpu(a + t * a_stride, in, 128, out + t * in);
    });
    a = out;
    a_stride = in;
  }
  const std::int64_t n_tiles = (args.w.out + 15) / 16;
  // A range worth waking a thread for: about 64K multiplications.
  const std::int64_t grain =
      std::max<std::int64_t>(1, 65536 / std::max<std::int64_t>(1, 16 * in * args.n));
  pool.parallelFor(n_tiles, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t tile = begin; tile < end; ++tile) HWY_DYNAMIC_DISPATCH(linearTile)
    (args, a, a_stride, tile * 16, std::min<std::int64_t>(tile * 16 + 16, args.w.out));
  });
}

}  // namespace kernels
#endif
