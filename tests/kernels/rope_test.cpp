#include <QTest>
#include <cmath>
#include <cstring>
#include <random>

#include "tests/kernels/bundle.h"
#include "tests/kernels/compare.h"
#include "tests/kernels/operations.h"
#include "tests/support/golden.h"
#include "tests/support/test_main.h"

using namespace kernels;

namespace {

// Angle, cosine and sine of Appendix A.1.
struct PrintedAngle {
  bool yarn;
  std::int64_t position;
  std::size_t i;
  double angle, cosine, sine;
};
constexpr PrintedAngle kPrinted[] = {
    {true, 1000, 1, 687.656067, -0.9384351, 0.3454556},
    {true, 1000, 16, 2.265625, -0.6402538, 0.7681634},
    {true, 1000000, 1, 687656.062, 0.6446286, -0.7644959},
    {true, 1000000, 31, 0.568052948, 0.8429501, 0.5379918},
    {false, 1000, 1, 749.894226, -0.5845929, 0.8113268},
    {false, 1000, 16, 10, -0.8390715, -0.5440211},
    {false, 1000000, 1, 749894.188, -0.6694566, 0.7428511},
};

std::vector<float> frequenciesOf(const std::string& table) {
  const YarnScaling published, tiny{.original_length = 64};
  if (table == "plain") return ropeFrequencies(64, 10000, nullptr);
  return ropeFrequencies(64, 160000, table == "yarn" ? &published : &tiny);
}

std::vector<float> tableOf(const std::vector<float>& frequencies,
                           const std::vector<std::int64_t>& positions) {
  std::vector<float> table(positions.size() * 64);
  for (std::size_t i = 0; i < positions.size(); ++i)
    ropeAngles(frequencies, positions[i], table.data() + i * 64);
  return table;
}

}  // namespace

class RopeTest : public QObject {
  Q_OBJECT
 private slots:
  void frequenciesAndAnglesMatch() {
    REQUIRE_GOLDEN(path, "unit/rope.safetensors");
    const support::Bundle golden(path);
    const auto positions = golden.ints("positions");
    for (const std::string table : {"plain", "yarn", "yarn_tiny"}) {
      const auto frequencies = frequenciesOf(table);
      const auto expected = golden.floats(table + "_freq");
      for (std::size_t i = 0; i < 32; ++i) {
        const auto bits = [](float value) { return std::bit_cast<std::int32_t>(value); };
        QVERIFY2(std::abs(bits(frequencies[i]) - bits(expected[i])) <= 1,
                 qPrintable(table.c_str()));
      }
      const auto cosines = golden.floats(table + "_cos"), sines = golden.floats(table + "_sin");
      const auto actual = tableOf(expected, positions);
      for (std::size_t p = 0; p < positions.size(); ++p) {
        const std::span row(actual.data() + p * 64, 64);
        VERIFY_MATCH(support::absoluteMismatch(row.first(32), {&cosines[p * 32], 32}, 2e-7));
        VERIFY_MATCH(support::absoluteMismatch(row.last(32), {&sines[p * 32], 32}, 2e-7));
      }
    }
  }

  void theSpecificationsAnglesComeOut() {
    for (const PrintedAngle& p : kPrinted) {
      const auto frequencies = frequenciesOf(p.yarn ? "yarn" : "plain");
      const auto table = tableOf(frequencies, {p.position});
      const float angle = static_cast<float>(p.position) * frequencies[p.i];
      QVERIFY(std::abs(angle - p.angle) <= 1e-8 * std::abs(p.angle) + 1e-9 ||
              std::abs(angle / p.angle - 1) < 1e-7);
      QVERIFY(std::abs(table[p.i] - p.cosine) < 2e-7);
      QVERIFY(std::abs(table[32 + p.i] - p.sine) < 2e-7);
    }
  }

  void rotationMatchesInBothDirections_data() { bothVersions(); }
  void rotationMatchesInBothDirections() {
    FETCH_VERSION;
    REQUIRE_GOLDEN(path, "unit/rope.safetensors");
    const support::Bundle golden(path);
    for (const std::string name : {"plain", "yarn"}) {
      const auto table = tableOf(golden.floats(name + "_freq"), golden.ints("positions"));
      for (const auto direction : {RopeDirection::kForward, RopeDirection::kInverse}) {
        auto x = golden.floats("x");
        RopeArgs args;
        args.x = x.data();
        args.cos_sin = table.data();
        args.n = golden.dim("x", 0);
        args.n_heads = 2;
        args.head_dim = 128;
        args.direction = direction;
        support::run(version, args);
        const auto expected =
            golden.floats(name + (direction == RopeDirection::kForward ? "_y" : "_inverse"));
        VERIFY_MATCH(support::bf16Mismatch(x, expected, 0.999));
      }
    }
  }

  // Against the C library's double functions: not more than a unit in the last place apart.
  void cosinesAndSinesAreThoseOfDouble() {
    constexpr std::uint32_t kSeed = 20261125;
    std::mt19937 random(kSeed);
    for (const std::size_t half : {32, 13}) {
      auto frequencies = frequenciesOf("plain");
      frequencies.resize(half);
      std::vector<float> row(2 * half);
      for (int repeat = 0; repeat < 5000; ++repeat) {
        const auto position = static_cast<std::int64_t>(random() % (1u << (1 + repeat % 22)));
        ropeAngles(frequencies, position, row.data());
        for (std::size_t i = 0; i < half; ++i) {
          const double angle = static_cast<float>(position) * frequencies[i];
          QVERIFY2(std::abs(row[i] - std::cos(angle)) < 6e-8 &&
                       std::abs(row[half + i] - std::sin(angle)) < 6e-8,
                   qPrintable(QString("seed %1, position %2, frequency %3")
                                  .arg(kSeed).arg(position).arg(i)));
        }
      }
    }
  }

  void bothVersionsRotateAlike() {
    constexpr std::uint32_t kSeed = 20261126;
    std::mt19937 random(kSeed);
    std::uniform_real_distribution<float> value(-3, 3);
    for (const std::int64_t rope_dim : {64, 16, 10}) {
      RopeArgs args;
      args.n = 19, args.n_heads = 3, args.head_dim = rope_dim + 64, args.rope_dim = rope_dim;
      std::vector<float> x(static_cast<std::size_t>(args.n * args.n_heads * args.head_dim)),
          table(static_cast<std::size_t>(args.n * rope_dim));
      for (float& v : x) v = value(random);
      for (float& v : table) v = value(random) / 3;
      args.cos_sin = table.data();
      for (const auto rounding : {Rounding::kBf16, Rounding::kNone})
        for (const auto direction : {RopeDirection::kForward, RopeDirection::kInverse}) {
          args.rounding = rounding;
          args.direction = direction;
          auto expected = x, actual = x;
          args.x = expected.data();
          ropeRef(args);
          args.x = actual.data();
          ropeCpu(args, support::testPool());
          QVERIFY2(std::memcmp(actual.data(), expected.data(), x.size() * 4) == 0,
                   qPrintable(QString("seed %1, %2 rotated").arg(kSeed).arg(rope_dim)));
        }
    }
  }
};

LECTERN_TEST(RopeTest)
#include "rope_test.moc"
