// Keys are unpacked a tile at a time and used for all queries of the call; a register block of
// four keys per query head runs along the dimension.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/index_scores/index_scores_cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <vector>

#include "kernels/index_scores/index_scores.h"

HWY_BEFORE_NAMESPACE();
namespace kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr std::int64_t kKeysPerTile = 64;

// Four dot products of one query head; dim is a multiple of the lanes (a power of two >= 32).
void dotFour(const float* q, const float* const* keys, std::int64_t dim, float* out) {
  const hn::CappedTag<float, 16> d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  auto s0 = hn::Zero(d), s1 = hn::Zero(d), s2 = hn::Zero(d), s3 = hn::Zero(d);
  for (std::int64_t i = 0; i < dim; i += lanes) {
    const auto x = hn::LoadU(d, q + i);
    s0 = hn::MulAdd(x, hn::LoadU(d, keys[0] + i), s0);
    s1 = hn::MulAdd(x, hn::LoadU(d, keys[1] + i), s1);
    s2 = hn::MulAdd(x, hn::LoadU(d, keys[2] + i), s2);
    s3 = hn::MulAdd(x, hn::LoadU(d, keys[3] + i), s3);
  }
  out[0] = hn::GetLane(hn::SumOfLanes(d, s0));
  out[1] = hn::GetLane(hn::SumOfLanes(d, s1));
  out[2] = hn::GetLane(hn::SumOfLanes(d, s2));
  out[3] = hn::GetLane(hn::SumOfLanes(d, s3));
}

// Scores of keys [first, last) for every query that sees any of them.
void scoreTile(const IndexScoresArgs& args, std::int64_t first, std::int64_t last) {
  const std::int64_t dim = args.format.dim;
  thread_local std::vector<float> keys;
  keys.resize(static_cast<std::size_t>(kKeysPerTile * dim));
  for (std::int64_t w = first; w < last; ++w)
    unpackIndexRow(args.format, args.keys.row(w), keys.data() + (w - first) * dim);
  for (std::int64_t t = 0; t < args.n; ++t) {
    const std::int64_t end = std::min(last, args.n_visible[t]);
    for (std::int64_t w = first; w < end; w += 4) {
      const float* four[4];
      for (std::int64_t i = 0; i < 4; ++i)
        four[i] = keys.data() + (std::min(w + i, last - 1) - first) * dim;
      float total[4] = {}, dot[4];
      for (std::int64_t h = 0; h < args.n_heads; ++h) {
        dotFour(args.q + (t * args.n_heads + h) * dim, four, dim, dot);
        const float weight = args.weights[t * args.n_heads + h];
        for (int i = 0; i < 4; ++i)
          total[i] += rounded(std::max(rounded(dot[i], args.rounding), 0.0f) * weight, args.rounding);
      }
      for (std::int64_t i = 0; i < 4 && w + i < end; ++i)
        args.scores[t * args.scores_stride + w + i] = rounded(total[i], args.rounding);
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
