#include <QDateTime>
#include <QTest>
#include <cmath>
#include <cstdlib>
#include <random>

#include "tests/kernels/bundle.h"
#include "tests/kernels/compare.h"
#include "tests/kernels/operations.h"
#include "tests/support/golden.h"
#include "tests/support/test_main.h"

using namespace kernels;
using support::Bundle;
using support::Version;

namespace {

constexpr double kUnrounded = 1e-5, kIdentical = 0.995;

std::vector<float> product(Version version, const std::vector<float>& x, const MatrixView& w,
                           LinearInput input, Rounding rounding = Rounding::kBf16) {
  LinearArgs args;
  args.x = x.data();
  args.w = w;
  args.n = static_cast<std::int64_t>(x.size()) / w.in;
  args.input = input;
  args.rounding = rounding;
  std::vector<float> y(static_cast<std::size_t>(args.n * w.out));
  args.y = y.data();
  support::run(version, args);
  return y;
}

constexpr WeightType kTypes[] = {WeightType::kF32,  WeightType::kF16, WeightType::kBf16,
                                 WeightType::kFp8,  WeightType::kFp4, WeightType::kQ8_0,
                                 WeightType::kMxfp4};

unsigned randomSeed() {
  const char* fixed = std::getenv("LECTERN_SEED");
  const auto seed = fixed != nullptr ? static_cast<unsigned>(std::strtoul(fixed, nullptr, 10))
                                     : static_cast<unsigned>(QDateTime::currentMSecsSinceEpoch());
  qInfo("LECTERN_SEED=%u", seed);
  return seed;
}

// Random finite values, small ones among them.
struct RandomMatrix {
  std::vector<std::uint8_t> codes, scales;
  MatrixView view;

  RandomMatrix(WeightType type, std::int64_t out, std::int64_t in, std::mt19937& random) {
    view.type = type;
    view.out = out;
    view.in = in;
    codes.resize(static_cast<std::size_t>(out * view.rowBytes()));
    scales.resize(static_cast<std::size_t>(out * (in / 32 + 1)));
    for (auto* bytes : {&codes, &scales})
      for (auto& byte : *bytes) byte = static_cast<std::uint8_t>(random());
    // Scales, and the bytes of exponents, below those of infinity and NaN.
    for (auto& scale : scales) scale &= 0xbb;
    const auto [high, step, mask] = exponentBytes(type);
    for (std::size_t i = high; i < codes.size(); i += step) codes[i] &= mask;
    view.data = reinterpret_cast<const std::byte*>(codes.data());
    view.scale = scales.data();
  }

 private:
  struct ExponentBytes {
    std::size_t first, step;
    std::uint8_t mask;
  };
  static ExponentBytes exponentBytes(WeightType type) {
    switch (type) {
      case WeightType::kF32:
        return {3, 4, 0xbb};
      case WeightType::kF16:
      case WeightType::kBf16:
        return {1, 2, 0xbb};
      case WeightType::kFp8:
        return {0, 1, 0xf7};
      case WeightType::kFp4:
        return {0, 1, 0xff};
      case WeightType::kQ8_0:
        return {1, 34, 0xbb};
      case WeightType::kMxfp4:
        return {0, 17, 0xbb};
    }
    return {};
  }
};

std::vector<float> normed(Version version, std::vector<float> x, const std::vector<float>& weight) {
  RmsNormArgs args;
  args.x = args.y = x.data();
  args.weight = weight.data();
  args.dim = static_cast<std::int64_t>(weight.size());
  args.n = static_cast<std::int64_t>(x.size()) / args.dim;
  support::run(version, args);
  return x;
}

// Rotation of [n, n_heads, 128] by the positions of the bundle.
std::vector<float> rotated(Version version, std::vector<float> x, const Bundle& golden,
                           std::int64_t n_heads, const std::vector<float>& frequencies,
                           RopeDirection direction) {
  const auto positions = golden.ints("positions");
  std::vector<float> table(positions.size() * 64);
  for (std::size_t i = 0; i < positions.size(); ++i)
    ropeAngles(frequencies, positions[i], table.data() + i * 64);
  RopeArgs args;
  args.x = x.data();
  args.cos_sin = table.data();
  args.n = static_cast<std::int64_t>(positions.size());
  args.n_heads = n_heads;
  args.head_dim = 128;
  args.direction = direction;
  support::run(version, args);
  return x;
}

}  // namespace

class LinearTest : public QObject {
  Q_OBJECT
 private slots:
  // Unit vectors bring out the weights themselves: those of dequantizeRow, for every type.
  void unitVectorsBringOutTheWeights_data() { bothVersions(); }
  void unitVectorsBringOutTheWeights() {
    FETCH_VERSION;
    constexpr std::int64_t kIn = 192, kOut = 21;  // whole blocks, no whole tile
    const unsigned seed = randomSeed();
    std::mt19937 random(seed);
    std::vector<float> x(kIn * kIn);
    for (std::size_t i = 0; i < kIn; ++i) x[i * kIn + i] = 1;
    for (const WeightType type : kTypes) {
      const RandomMatrix matrix(type, kOut + 124, kIn, random);
      const MatrixView w = matrix.view.rows(124, kOut);  // from one FP8 tile into the next
      for (const LinearInput input : {LinearInput::kAsIs, LinearInput::kBf16}) {
        const auto y = product(version, x, w, input, Rounding::kNone);
        std::vector<float> row(kIn);
        for (std::int64_t o = 0; o < kOut; ++o) {
          dequantizeRow(w, o, row.data());
          for (std::int64_t i = 0; i < kIn; ++i) {
            float expected = row[static_cast<std::size_t>(i)];
            const float actual = y[static_cast<std::size_t>(i * kOut + o)];
            if (input == LinearInput::kBf16 && std::fabs(expected) < 0x1p-126f && actual == 0)
              expected = 0;
            QCOMPARE(actual, expected);
          }
        }
        // The same for tokens that come alone.
        for (std::int64_t i = 0; i < kIn; i += 17) {
          const std::vector<float> unit(x.begin() + i * kIn, x.begin() + (i + 1) * kIn);
          const auto alone = product(version, unit, w, input, Rounding::kNone);
          QVERIFY(std::equal(alone.begin(), alone.end(), y.begin() + i * kOut));
        }
      }
    }
  }

  // Products of bf16 numbers differ from the plain loops in the order of the sum only.
  void productsOfBf16Match() {
    const unsigned seed = randomSeed();
    std::mt19937 random(seed);
    for (const WeightType type : kTypes)
      for (const std::int64_t in : {32, 128, 1024, 2208}) {
        if (type == WeightType::kFp8 && in % 64 != 0) continue;
        RandomMatrix w(type, 37, in, random);
        // No weight is so small that it counts as zero.
        for (auto& scale : w.scales) scale = 0x40 | (scale & 0x3f);
        if (type == WeightType::kMxfp4)
          for (std::size_t i = 0; i < w.codes.size(); i += 17)
            w.codes[i] = 0x40 | (w.codes[i] & 0x3f);
        for (const std::int64_t n : {1, 2, 5, 23}) {
          std::vector<float> x(static_cast<std::size_t>(n * in));
          for (float& value : x)
            value = roundBf16(static_cast<float>(static_cast<int>(random() % 4001) - 2000));
          const auto run = [&](Version version) {
            return product(version, x, w.view, LinearInput::kBf16, Rounding::kNone);
          };
          VERIFY_MATCH(
              support::elementMismatch(run(Version::kCpu), run(Version::kRef), 37, kUnrounded));
        }
      }
  }

  void quantizedProductsMatch_data() { bothVersions(); }
  void quantizedProductsMatch() {
    FETCH_VERSION;
    REQUIRE_GOLDEN(path, "unit/linears.safetensors");
    const Bundle golden(path);
    const auto x = golden.floats("x");
    for (const std::string type : {"fp8", "fp4"}) {
      const MatrixView w = golden.matrix(type + "_weight", type + "_scale");
      const auto exact = product(version, x, w, LinearInput::kFp8, Rounding::kNone);
      const auto width = static_cast<std::size_t>(w.out);
      VERIFY_MATCH(
          support::elementMismatch(exact, golden.floats(type + "_y_f32"), width, kUnrounded));
      VERIFY_MATCH(support::bf16Mismatch(product(version, x, w, LinearInput::kFp8),
                                         golden.floats(type + "_y"), kIdentical));
    }
  }

  void plainProductsMatch_data() { bothVersions(); }
  void plainProductsMatch() {
    FETCH_VERSION;
    REQUIRE_GOLDEN(path, "unit/linears.safetensors");
    const Bundle golden(path);
    const auto x = golden.floats("x");
    const MatrixView bf16 = golden.matrix("bf16_weight");
    VERIFY_MATCH(support::bf16Mismatch(product(version, x, bf16, LinearInput::kAsIs),
                                       golden.floats("bf16_y"), kIdentical));
    const auto expected = golden.floats("fp32_y");
    const auto width = static_cast<std::size_t>(bf16.out);
    const auto y = product(version, x, bf16, LinearInput::kAsIs, Rounding::kNone);
    VERIFY_MATCH(support::elementMismatch(y, expected, width, kUnrounded));
    const auto floats = golden.floats("bf16_weight");
    MatrixView f32 = bf16;
    f32.type = WeightType::kF32;
    f32.data = reinterpret_cast<const std::byte*>(floats.data());
    QVERIFY(product(version, x, f32, LinearInput::kAsIs, Rounding::kNone) == y);
  }

  void queryPathMatches_data() { bothVersions(); }
  void queryPathMatches() {
    FETCH_VERSION;
    REQUIRE_GOLDEN(path, "unit/query_kv.safetensors");
    const Bundle golden(path);
    const auto wq_a = golden.matrix("wq_a.weight", "wq_a.scale");
    const auto wq_b = golden.matrix("wq_b.weight", "wq_b.scale");
    const auto q_norm = golden.floats("q_norm.weight");
    const auto first = product(version, golden.floats("x"), wq_a, LinearInput::kFp8);
    VERIFY_MATCH(support::bf16Mismatch(first, golden.floats("wq_a_out"), kIdentical));
    VERIFY_MATCH(support::bf16Mismatch(normed(version, golden.floats("wq_a_out"), q_norm),
                                       golden.floats("lat"), 0.999));
    VERIFY_MATCH(
        support::bf16Mismatch(product(version, golden.floats("lat"), wq_b, LinearInput::kFp8),
                              golden.floats("wq_b_out"), kIdentical));

    auto q = product(version, normed(version, first, q_norm), wq_b, LinearInput::kFp8);
    HeadNormArgs head;
    head.q = q.data();
    head.head_dim = 128;
    head.n_rows = static_cast<std::int64_t>(q.size()) / 128;
    support::run(version, head);
    q = rotated(version, q, golden, 4, ropeFrequencies(64, 10000, nullptr),
                RopeDirection::kForward);
    VERIFY_MATCH(support::rowMismatch(q, golden.floats("q"), 512, 1e-2));
  }

  void windowKvPathMatches_data() { bothVersions(); }
  void windowKvPathMatches() {
    FETCH_VERSION;
    REQUIRE_GOLDEN(path, "unit/query_kv.safetensors");
    const Bundle golden(path);
    const auto wkv = golden.matrix("wkv.weight", "wkv.scale");
    const auto kv_norm = golden.floats("kv_norm.weight");
    VERIFY_MATCH(support::bf16Mismatch(product(version, golden.floats("x"), wkv, LinearInput::kFp8),
                                       golden.floats("wkv_out"), kIdentical));
    const auto norm = normed(version, golden.floats("wkv_out"), kv_norm);
    VERIFY_MATCH(support::bf16Mismatch(norm, golden.floats("kv_norm_out"), 0.999));

    const auto rows = rotated(version, golden.floats("kv_norm_out"), golden, 1,
                              ropeFrequencies(64, 10000, nullptr), RopeDirection::kForward);
    const KvRowFormat format{.head_dim = 128};
    const auto codes = golden.bytes("kv_code"), scales = golden.bytes("kv_scale");
    std::vector<float> kv(rows.size());
    std::vector<std::uint8_t> packed(static_cast<std::size_t>(format.rowBytes()));
    for (std::size_t row = 0; row < rows.size() / 128; ++row) {
      auto* bytes = reinterpret_cast<std::byte*>(packed.data());
      packKvRow(format, rows.data() + row * 128, bytes);
      unpackKvRow(format, bytes, kv.data() + row * 128);
      QVERIFY(std::equal(packed.begin(), packed.begin() + 64, codes.begin() + row * 64));
      QCOMPARE(int{packed[64 + 128]}, int{scales[row]});
    }
    VERIFY_MATCH(support::bf16Mismatch(kv, golden.floats("kv"), 0.999));
  }

  void outputProjectionMatches_data() { bothVersions(); }
  void outputProjectionMatches() {
    FETCH_VERSION;
    REQUIRE_GOLDEN(path, "unit/output_projection.safetensors");
    const Bundle golden(path);
    const YarnScaling tiny{.original_length = 64};
    const auto o = rotated(version, golden.floats("o"), golden, 4,
                           ropeFrequencies(64, 160000, &tiny), RopeDirection::kInverse);
    VERIFY_MATCH(support::bf16Mismatch(o, golden.floats("o_derotated"), 0.999));

    const auto derotated = golden.floats("o_derotated");
    GroupedOutArgs args;
    args.o = derotated.data();
    args.w = golden.matrix("wo_a.weight", "wo_a.scale");
    args.n = golden.dim("o", 0);
    args.n_groups = 2;
    std::vector<float> z(static_cast<std::size_t>(args.n * args.w.out));
    args.z = z.data();
    support::run(version, args);
    VERIFY_MATCH(support::bf16Mismatch(z, golden.floats("z"), kIdentical));
    const auto wo_b = golden.matrix("wo_b.weight", "wo_b.scale");
    VERIFY_MATCH(
        support::bf16Mismatch(product(version, golden.floats("z"), wo_b, LinearInput::kFp8),
                              golden.floats("y"), kIdentical));
  }
};

LECTERN_TEST(LinearTest)
#include "linear_test.moc"
