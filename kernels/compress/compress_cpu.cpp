#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/compress/compress_cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>

#include <limits>

#include "kernels/compress/compress.h"
#include "kernels/formats-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// kVectors vectors of channels from c on, over all candidates in their order.
template <int kVectors, class D>
void poolChannels(D d, const CompressArgs& args, std::int64_t c) {
  using V = hn::Vec<D>;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t before = args.overlap && args.has_previous ? args.ratio : 0;
  const std::int64_t second = c + (args.overlap ? args.dim : 0);
  const auto offset = [&](std::int64_t i) {
    return i * args.row_stride + (i < 0 ? c : second);
  };
  V largest[kVectors], weight[kVectors], total[kVectors];
  for (int j = 0; j < kVectors; ++j) {
    largest[j] = hn::Set(d, -std::numeric_limits<float>::infinity());
    weight[j] = total[j] = hn::Zero(d);
  }
  for (std::int64_t i = -before; i < args.ratio; ++i)
    for (int j = 0; j < kVectors; ++j)
      largest[j] = hn::Max(hn::LoadU(d, args.g + offset(i) + j * lanes), largest[j]);
  for (std::int64_t i = -before; i < args.ratio; ++i)
    for (int j = 0; j < kVectors; ++j) {
      const V g = hn::LoadU(d, args.g + offset(i) + j * lanes);
      const V p = hn::Exp(d, hn::Sub(g, largest[j]));
      weight[j] = hn::Add(weight[j], p);
      total[j] = hn::MulAdd(p, hn::LoadU(d, args.k + offset(i) + j * lanes), total[j]);
    }
  for (int j = 0; j < kVectors; ++j)
    hn::StoreU(roundedLanes(d, hn::Div(total[j], weight[j]), args.rounding), d,
               args.pooled + c + j * lanes);
}

void pool(const CompressArgs& args) {
  const hn::CappedTag<float, 16> d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t c = 0;
  for (; c + 4 * lanes <= args.dim; c += 4 * lanes) poolChannels<4>(d, args, c);
  for (; c + lanes <= args.dim; c += lanes) poolChannels<1>(d, args, c);
  for (; c < args.dim; ++c) poolChannels<1>(hn::CappedTag<float, 1>(), args, c);
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kernels {
HWY_EXPORT(pool);

void compressCpu(const CompressArgs& args) { HWY_DYNAMIC_DISPATCH(pool)(args); }

}  // namespace kernels
#endif
