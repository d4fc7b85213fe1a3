#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/bench/peak.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "tests/bench/peak.h"

HWY_BEFORE_NAMESPACE();
namespace bench {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Returns something that depends on every sum, so that none is left out.
float multiplyAdds(long n_rounds, float x, long* n_lanes) {
  const hn::CappedTag<float, 16> d;
  const auto a = hn::Set(d, x), b = hn::Set(d, x * 0.5f);
  const auto step = hn::Set(d, x * 0.01f);  // every chain starts elsewhere: none is another one
  const auto s = [&](int i) { return hn::MulAdd(hn::Set(d, static_cast<float>(i)), step, a); };
  auto s0 = s(0), s1 = s(1), s2 = s(2), s3 = s(3), s4 = s(4), s5 = s(5), s6 = s(6), s7 = s(7),
       s8 = s(8), s9 = s(9);
  for (long i = 0; i < n_rounds; ++i) {
    s0 = hn::MulAdd(s0, a, b), s1 = hn::MulAdd(s1, a, b), s2 = hn::MulAdd(s2, a, b);
    s3 = hn::MulAdd(s3, a, b), s4 = hn::MulAdd(s4, a, b), s5 = hn::MulAdd(s5, a, b);
    s6 = hn::MulAdd(s6, a, b), s7 = hn::MulAdd(s7, a, b), s8 = hn::MulAdd(s8, a, b);
    s9 = hn::MulAdd(s9, a, b);
  }
  *n_lanes = static_cast<long>(hn::Lanes(d)) * 10 * n_rounds;
  const auto low = hn::Add(hn::Add(s0, s1), hn::Add(s2, s3));
  const auto high = hn::Add(hn::Add(s4, s5), hn::Add(s6, s7));
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(low, high), hn::Add(s8, s9))));
}

}  // namespace HWY_NAMESPACE
}  // namespace bench
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bench {
HWY_EXPORT(multiplyAdds);

double fmaPeak() {
  long n_products = 0;
  volatile float result = 0;
  // Unknown to the compiler.
  volatile float x = 0.5f;
  const double seconds = fastest([&] {
    result = HWY_DYNAMIC_DISPATCH(multiplyAdds)(2'000'000, x, &n_products);
  });
  return 2.0 * static_cast<double>(n_products) / seconds * 1e-9;
}

}  // namespace bench
#endif
