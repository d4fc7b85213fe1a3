#include <QTest>
#include <cstring>
#include <random>

#include "tests/kernels/bundle.h"
#include "tests/kernels/compare.h"
#include "tests/kernels/operations.h"
#include "tests/support/golden.h"
#include "tests/support/test_main.h"

using namespace kernels;

class NormsTest : public QObject {
  Q_OBJECT
 private slots:
  void rmsNormMatches_data() { bothVersions(); }
  void rmsNormMatches() {
    FETCH_VERSION;
    REQUIRE_GOLDEN(path, "unit/norms.safetensors");
    const support::Bundle golden(path);
    const auto x = golden.floats("x"), weight = golden.floats("weight");
    std::vector<float> y(x.size());
    RmsNormArgs args;
    args.x = x.data();
    args.weight = weight.data();
    args.y = y.data();
    args.n = golden.dim("x", 0);
    args.dim = golden.dim("x", 1);
    support::run(version, args);
    VERIFY_MATCH(support::bf16Mismatch(y, golden.floats("rms"), 0.999));

    std::vector<float> in_place = x;  // y may alias x
    args.x = args.y = in_place.data();
    support::run(version, args);
    QVERIFY(in_place == y);
  }

  void headNormRoundsFiveTimes_data() { bothVersions(); }
  void headNormRoundsFiveTimes() {
    FETCH_VERSION;
    REQUIRE_GOLDEN(path, "unit/norms.safetensors");
    const support::Bundle golden(path);
    auto q = golden.floats("q");
    const auto expected = golden.floats("head");
    HeadNormArgs args;
    args.q = q.data();
    args.head_dim = golden.dim("q", 2);
    args.n_rows = golden.dim("q", 0) * golden.dim("q", 1);
    support::run(version, args);
    std::int64_t n_identical = 0;
    for (std::int64_t row = 0; row < args.n_rows; ++row) {
      bool identical = true;
      for (std::int64_t i = row * args.head_dim; i < (row + 1) * args.head_dim; ++i) {
        identical = identical && q[i] == expected[i];
        QVERIFY(std::abs(q[i] - expected[i]) <= 0x1.02p-7f * std::abs(expected[i]));
      }
      n_identical += identical;
    }
    QVERIFY(static_cast<double>(n_identical) >= 0.99 * static_cast<double>(args.n_rows));
  }

  void bothVersionsNormHeadsAlike() {
    constexpr std::uint32_t kSeed = 20261125;
    std::mt19937 random(kSeed);
    std::normal_distribution<float> value(0, 2);
    for (const std::int64_t dim : {64, 192, 512, 83}) {
      std::vector<float> q(static_cast<std::size_t>(71 * dim));
      for (float& v : q) v = kernels::roundBf16(value(random));
      auto expected = q, actual = q;
      headNormRef({expected.data(), 71, dim});
      headNormCpu({actual.data(), 71, dim}, support::testPool());
      QVERIFY2(std::memcmp(actual.data(), expected.data(), q.size() * 4) == 0,
               qPrintable(QString("seed %1, %2 dims").arg(kSeed).arg(dim)));
    }
  }
};

LECTERN_TEST(NormsTest)
#include "norms_test.moc"
