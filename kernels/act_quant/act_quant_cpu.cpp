#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/act_quant/act_quant_cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <bit>

#include "kernels/act_quant/act_quant.h"
#include "kernels/formats-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void simulateGroups(const float* x, std::int64_t n, std::int64_t group, float* y) {
  const hn::CappedTag<float, 16> d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t g = 0; g < n; g += group) {
    auto largest = hn::Zero(d);
    for (std::int64_t i = g; i < g + group; i += lanes)
      largest = hn::Max(hn::Abs(hn::LoadU(d, x + i)), largest);
    const float amax = std::max(hn::GetLane(hn::MaxOfLanes(d, largest)), 1e-4f);
    const std::uint8_t code = powerOfTwoScale(amax, 1.0f / 448.0f);
    const auto scale = hn::Set(d, ue8m0ToFloat(code));
    // 1/s; its exponent is a normal one because s is at least 2^-22 and below 2^120.
    const auto inverse =
        hn::Set(d, std::bit_cast<float>(static_cast<std::uint32_t>(254 - code) << 23));
    for (std::int64_t i = g; i < g + group; i += lanes) {
      const auto scaled = hn::Mul(hn::LoadU(d, x + i), inverse);
      hn::StoreU(hn::Mul(nearestE4m3(d, scaled), scale), d, y + i);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kernels {
HWY_EXPORT(simulateGroups);

void simulateFp8Cpu(const float* x, std::int64_t n, std::int64_t group, float* y) {
  HWY_DYNAMIC_DISPATCH(simulateGroups)(x, n, group, y);
}

}  // namespace kernels
#endif
