#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/head_norm/head_norm_cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cmath>
#include <functional>

#include "kernels/formats-inl.h"
#include "kernels/head_norm/head_norm.h"

HWY_BEFORE_NAMESPACE();
namespace kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Squares are summed in double, as in the reference; of bf16 squares such sums are exact, so that
// their order does not show.
void normHeads(const HeadNormArgs& args, std::int64_t begin, std::int64_t end) {
  const hn::CappedTag<double, 8> d64;
  const hn::Rebind<float, decltype(d64)> d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t row = begin; row < end; ++row) {
    float* q = args.q + row * args.head_dim;
    auto even = hn::Zero(d64), odd = hn::Zero(d64);
    const auto square = [&](std::int64_t i) {
      const auto value = hn::LoadU(d, q + i);
      return hn::PromoteTo(d64, roundedLanes(d, hn::Mul(value, value), args.rounding));
    };
    std::int64_t i = 0;
    for (; i + 2 * lanes <= args.head_dim; i += 2 * lanes) {
      even = hn::Add(even, square(i));
      odd = hn::Add(odd, square(i + lanes));
    }
    double sum = hn::GetLane(hn::SumOfLanes(d64, hn::Add(even, odd)));
    for (std::int64_t k = i; k < args.head_dim; ++k) sum += rounded(q[k] * q[k], args.rounding);
    const float mean =
        rounded(static_cast<float>(sum / static_cast<double>(args.head_dim)), args.rounding);
    const float r =
        rounded(1.0f / std::sqrt(rounded(mean + args.eps, args.rounding)), args.rounding);
    i = 0;
    for (; i + lanes <= args.head_dim; i += lanes)
      hn::StoreU(roundedLanes(d, hn::Mul(hn::LoadU(d, q + i), hn::Set(d, r)), args.rounding), d,
                 q + i);
    for (; i < args.head_dim; ++i) q[i] = rounded(q[i] * r, args.rounding);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kernels {
HWY_EXPORT(normHeads);

void headNormCpu(const HeadNormArgs& args, ThreadPool& pool) {
  const auto rows = [&args](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(normHeads)(args, begin, end);
  };
  pool.parallelFor(args.n_rows, 64, std::cref(rows));
}

}  // namespace kernels
#endif
