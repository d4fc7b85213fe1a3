#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/machine_peak/machine_peak.cpp"
#include "kernels/machine_peak/machine_peak.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

HWY_BEFORE_NAMESPACE();
namespace kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;

// n_steps · 12 dependent chains of multiply-adds: enough to hide the latency, few enough for 16
// registers. Returns the operations; `sum` keeps the work from being dropped.
double multiplyAdds(std::int64_t n_steps, float* sum) {
  const D d;
  constexpr int kChains = 12;
  const auto factor = hn::Set(d, 0.999f), term = hn::Set(d, 0.001f);
  hn::Vec<D> chain[kChains];
  for (auto& value : chain) value = hn::Zero(d);
  for (std::int64_t i = 0; i < n_steps; ++i)
    for (auto& value : chain) value = hn::MulAdd(value, factor, term);
  for (auto& value : chain) *sum += hn::GetLane(value);
  return 2.0 * static_cast<double>(n_steps) * kChains * static_cast<double>(hn::Lanes(d));
}

// Sum over [data, data + n), n a multiple of 256.
std::uint64_t readThrough(const std::uint8_t* data, std::int64_t n) {
  const hn::CappedTag<std::uint32_t, 16> d;
  const std::int64_t step = static_cast<std::int64_t>(hn::Lanes(d)) * 4;
  hn::Vec<decltype(d)> sum[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  for (std::int64_t i = 0; i < n; i += 4 * step)
    for (std::int64_t j = 0; j < 4; ++j)
      sum[j] = hn::Add(sum[j],
                       hn::LoadU(d, reinterpret_cast<const std::uint32_t*>(data + i + j * step)));
  return hn::GetLane(hn::Add(hn::Add(sum[0], sum[1]), hn::Add(sum[2], sum[3])));
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kernels {
HWY_EXPORT(multiplyAdds);
HWY_EXPORT(readThrough);

namespace {

using Clock = std::chrono::steady_clock;

// The best rate of `n_rounds` calls of round(), which returns how much it did.
template <class Round>
double bestRate(int n_rounds, const Round& round) {
  double best = 0;
  for (int i = 0; i < n_rounds; ++i) {
    const auto begin = Clock::now();
    const double done = round();
    best = std::max(best, done / std::chrono::duration<double>(Clock::now() - begin).count());
  }
  return best;
}

}  // namespace

double measureFmaPeak(ThreadPool& pool) {
  constexpr std::int64_t kSteps = 4000, kPieces = 16;  // a piece takes some 30 microseconds
  const std::int64_t n = kPieces * pool.size();
  std::vector<double> done(static_cast<std::size_t>(n));
  std::vector<float> sums(static_cast<std::size_t>(n));
  return bestRate(100, [&] {
    pool.parallelFor(n, 1, [&](std::int64_t i, std::int64_t) {
      done[static_cast<std::size_t>(i)] =
          HWY_DYNAMIC_DISPATCH(multiplyAdds)(kSteps, &sums[static_cast<std::size_t>(i)]);
    });
    double all = 0;
    for (const double count : done) all += count;
    return all;
  });
}

double measureReadBandwidth(ThreadPool& pool) {
  constexpr std::int64_t kBytes = std::int64_t{128} << 20, kPiece = std::int64_t{1} << 20;
  const std::vector<std::uint8_t> data(static_cast<std::size_t>(kBytes), 1);
  std::vector<std::uint64_t> sums(static_cast<std::size_t>(kBytes / kPiece));
  return bestRate(10, [&] {
    pool.parallelFor(kBytes / kPiece, 1, [&](std::int64_t i, std::int64_t) {
      sums[static_cast<std::size_t>(i)] +=
          HWY_DYNAMIC_DISPATCH(readThrough)(data.data() + i * kPiece, kPiece);
    });
    return static_cast<double>(kBytes);
  });
}

}  // namespace kernels
#endif
