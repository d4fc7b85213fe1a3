#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/rms_norm/rms_norm_cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cmath>

#include "kernels/formats-inl.h"
#include "kernels/linear/product_rows.h"
#include "kernels/rms_norm/rms_norm.h"

HWY_BEFORE_NAMESPACE();
namespace kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Wide = hn::CappedTag<double, 8>;
using Narrow = hn::Rebind<float, Wide>;

// The reference's row; its sum is made in two times as many parts as a vector has lanes.
void normRow(const RmsNormArgs& args, std::int64_t row) {
  const Wide wide;
  const Narrow narrow;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(wide));
  const float* x = args.x + row * args.dim;
  float* y = args.y + row * args.dim;
  const auto load = [&](const float* from) { return hn::PromoteTo(wide, hn::LoadU(narrow, from)); };
  auto even = hn::Zero(wide), odd = hn::Zero(wide);
  std::int64_t i = 0;
  for (; i + 2 * lanes <= args.dim; i += 2 * lanes) {
    const auto a = load(x + i), b = load(x + i + lanes);
    even = hn::MulAdd(a, a, even);
    odd = hn::MulAdd(b, b, odd);
  }
  double sum = hn::GetLane(hn::SumOfLanes(wide, hn::Add(even, odd)));
  for (; i < args.dim; ++i) sum += static_cast<double>(x[i]) * x[i];
  const double r = 1.0 / std::sqrt(sum / static_cast<double>(args.dim) + args.eps);
  const auto factor = hn::Set(wide, r);
  for (i = 0; i + lanes <= args.dim; i += lanes) {
    const auto value = hn::Mul(load(args.weight + i), hn::Mul(load(x + i), factor));
    hn::StoreU(roundedLanes(narrow, hn::DemoteTo(narrow, value), args.rounding), narrow, y + i);
  }
  for (; i < args.dim; ++i)
    y[i] = rounded(static_cast<float>(args.weight[i] * (x[i] * r)), args.rounding);
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kernels {
HWY_EXPORT(normRow);

void rmsNormCpu(const RmsNormArgs& args, ThreadPool& pool) {
  pool.parallelFor(args.n, rowsWorthAThread(args.dim), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) HWY_DYNAMIC_DISPATCH(normRow)(args, row);
  });
}

}  // namespace kernels
#endif
