#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/rope/rope_cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <functional>
#include <vector>

#include "kernels/formats-inl.h"
#include "kernels/rope/rope.h"

HWY_BEFORE_NAMESPACE();
namespace kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The tokens [begin, end), with the products and sums of the reference.
void rotateTokens(const RopeArgs& args, std::int64_t begin, std::int64_t end) {
  const hn::CappedTag<float, 16> d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t dim = args.rope_dim, half = dim / 2;
  const float sign = args.direction == RopeDirection::kForward ? 1.0f : -1.0f;
  // Factors of a value itself and of its neighbour in the pair.
  thread_local std::vector<float> factors;
  factors.resize(static_cast<std::size_t>(2 * dim));
  float *own = factors.data(), *other = own + dim;
  for (std::int64_t token = begin; token < end; ++token) {
    const float* cosines = args.cos_sin + token * dim;
    const float* sines = cosines + half;
    for (std::int64_t i = 0; i < half; ++i) {
      own[2 * i] = own[2 * i + 1] = cosines[i];
      other[2 * i] = -sign * sines[i];
      other[2 * i + 1] = sign * sines[i];
    }
    for (std::int64_t head = 0; head < args.n_heads; ++head) {
      float* x = args.x + (token * args.n_heads + head + 1) * args.head_dim - dim;
      std::int64_t i = 0;
      if constexpr (hn::MaxLanes(d) > 1) {
        for (; i + lanes <= dim; i += lanes) {
          const auto value = hn::LoadU(d, x + i);
          const auto turned = hn::Add(hn::Mul(value, hn::LoadU(d, own + i)),
                                      hn::Mul(hn::Reverse2(d, value), hn::LoadU(d, other + i)));
          hn::StoreU(roundedLanes(d, turned, args.rounding), d, x + i);
        }
      }
      for (; i < dim; i += 2) {
        const float a = x[i], b = x[i + 1];
        x[i] = rounded(a * own[i] + b * other[i], args.rounding);
        x[i + 1] = rounded(b * own[i + 1] + a * other[i + 1], args.rounding);
      }
    }
  }
}

// cos and sin of float angles up to 2^30 quarter turns, computed in double: far closer than
// float32 can show. n_angles must be a multiple of the lanes.
template <class D64>
void cosSin(D64 d64, const float* frequencies, float position, std::int64_t n_angles,
            float* cosines, float* sines) {
  const hn::Rebind<float, D64> f32;
  const hn::Rebind<std::int32_t, D64> i32;
  using V = hn::Vec<D64>;
  const auto set = [&](double value) { return hn::Set(d64, value); };
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d64));
  for (std::int64_t i = 0; i < n_angles; i += lanes) {
    const V angle = hn::PromoteTo(
        d64, hn::Mul(hn::Set(f32, position), hn::LoadU(f32, frequencies + i)));
    // angle = quarters·(π/2) + r; the first part of π/2 has 33 bits, so its multiples are exact.
    const V quarters = hn::Round(hn::Mul(angle, set(0.63661977236758134308)));
    V r = hn::NegMulAdd(quarters, set(0x1.921fb544p0), angle);
    r = hn::NegMulAdd(quarters, set(0x1.0b4611a626331p-34), r);
    const V z = hn::Mul(r, r);
    // Taylor series, |r| ≤ π/4: the first terms left out are below 2e-14 and 1e-15.
    V s = set(1.0 / 6227020800.0);
    for (const double c : {-1.0 / 39916800.0, 1.0 / 362880.0, -1.0 / 5040.0, 1.0 / 120.0,
                           -1.0 / 6.0, 1.0})
      s = hn::MulAdd(s, z, set(c));
    s = hn::Mul(s, r);
    V c = set(-1.0 / 87178291200.0);
    for (const double k : {1.0 / 479001600.0, -1.0 / 3628800.0, 1.0 / 40320.0, -1.0 / 720.0,
                           1.0 / 24.0, -1.0 / 2.0, 1.0})
      c = hn::MulAdd(c, z, set(k));
    const auto sine = hn::DemoteTo(f32, s), cosine = hn::DemoteTo(f32, c);
    const auto turns = hn::DemoteTo(i32, quarters);
    const auto one = hn::Set(i32, 1);
    const auto swapped = hn::RebindMask(f32, hn::Eq(hn::And(turns, one), one));
    const auto signOf = [&](hn::Vec<decltype(i32)> t) {  // bit 1 as the sign
      return hn::BitCast(f32, hn::ShiftLeft<30>(hn::And(t, hn::Set(i32, 2))));
    };
    hn::StoreU(hn::Xor(hn::IfThenElse(swapped, cosine, sine), signOf(turns)), f32, sines + i);
    hn::StoreU(hn::Xor(hn::IfThenElse(swapped, sine, cosine), signOf(hn::Add(turns, one))), f32,
               cosines + i);
  }
}

void cosSinOf(const float* frequencies, float position, std::int64_t n, float* cosines,
              float* sines) {
  const hn::CappedTag<double, 8> d;
  const std::int64_t whole = n - n % static_cast<std::int64_t>(hn::Lanes(d));
  cosSin(d, frequencies, position, whole, cosines, sines);
  cosSin(hn::CappedTag<double, 1>(), frequencies + whole, position, n - whole, cosines + whole,
         sines + whole);
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kernels {
HWY_EXPORT(rotateTokens);
HWY_EXPORT(cosSinOf);

void ropeAngles(const std::vector<float>& frequencies, std::int64_t position, float* cos_sin) {
  const auto half = static_cast<std::int64_t>(frequencies.size());
  HWY_DYNAMIC_DISPATCH(cosSinOf)
  (frequencies.data(), static_cast<float>(position), half, cos_sin, cos_sin + half);
}

void ropeCpu(const RopeArgs& args, ThreadPool& pool) {
  const auto tokens = [&args](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(rotateTokens)(args, begin, end);
  };
  pool.parallelFor(args.n, 16, std::cref(tokens));
}

}  // namespace kernels
#endif
