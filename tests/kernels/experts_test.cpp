#include <QTest>

#include "tests/kernels/bundle.h"
#include "tests/kernels/compare.h"
#include "tests/kernels/operations.h"
#include "tests/support/golden.h"
#include "tests/support/test_main.h"

using namespace kernels;
using support::Bundle;
using support::Version;

namespace {

ExpertWeights expertOf(const Bundle& golden, const std::string& prefix) {
  const auto matrix = [&](const std::string& name) {
    return golden.matrix(prefix + name + ".weight", prefix + name + ".scale");
  };
  return {matrix("w1"), matrix("w2"), matrix("w3")};
}

std::vector<float> product(Version version, const std::vector<float>& x, const MatrixView& w) {
  LinearArgs args;
  args.x = x.data();
  args.w = w;
  args.n = static_cast<std::int64_t>(x.size()) / w.in;
  args.input = LinearInput::kFp8;
  std::vector<float> y(static_cast<std::size_t>(args.n * w.out));
  args.y = y.data();
  support::run(version, args);
  return y;
}

}  // namespace

class ExpertsTest : public QObject {
  Q_OBJECT
 private slots:
  void everyStageMatches_data() { bothVersions(); }
  void everyStageMatches() {
    FETCH_VERSION;
    REQUIRE_GOLDEN(path, "unit/expert.safetensors");
    const Bundle golden(path);
    const auto x = golden.floats("x"), weight = golden.floats("weight");
    for (const std::string prefix : {"fp4_", "fp8_"}) {
      const ExpertWeights expert = expertOf(golden, prefix);
      const auto g = golden.floats(prefix + "g"), u = golden.floats(prefix + "u");
      VERIFY_MATCH(support::bf16Mismatch(product(version, x, expert.w1), g, 0.995));
      VERIFY_MATCH(support::bf16Mismatch(product(version, x, expert.w3), u, 0.995));
      const std::int64_t inter = expert.w1.out;
      std::vector<float> a(g.size());
      for (std::int64_t t = 0; t < golden.dim("x", 0); ++t)
        (version == Version::kRef ? swigluRef : swigluCpu)(
            g.data() + t * inter, u.data() + t * inter, inter, 10,
            prefix == "fp4_" ? weight[t] : 1.0f, Rounding::kBf16, a.data() + t * inter);
      VERIFY_MATCH(support::bf16Mismatch(a, golden.floats(prefix + "a"), 0.999));
      VERIFY_MATCH(support::bf16Mismatch(product(version, golden.floats(prefix + "a"), expert.w2),
                                         golden.floats(prefix + "y"), 0.995));
    }
  }

  // The layer of two experts: routed (chosen by the even tokens) and shared. What it adds up is
  // y of the certificate: shared alone for odd tokens, routed + shared for even ones.
  void chosenAndSharedExpertsAddUp_data() { bothVersions(); }
  void chosenAndSharedExpertsAddUp() {
    FETCH_VERSION;
    REQUIRE_GOLDEN(path, "unit/expert.safetensors");
    const Bundle golden(path);
    const auto x = golden.floats("x"), weight = golden.floats("weight");
    const auto routed = golden.floats("fp4_y"), shared = golden.floats("fp8_y");
    ExpertWeights idle = expertOf(golden, "fp8_");
    const ExpertWeights experts[2] = {idle, expertOf(golden, "fp4_")};
    ExpertsArgs args;
    args.x = x.data();
    args.experts = experts;
    args.shared = expertOf(golden, "fp8_");
    args.n = golden.dim("x", 0);
    args.n_experts = 2;
    args.top_k = 1;
    std::vector<std::int32_t> chosen(static_cast<std::size_t>(args.n), 1);
    std::vector<float> y(x.size()), expected(x.size());
    args.chosen = chosen.data();
    args.weights = weight.data();
    args.y = y.data();
    support::run(version, args);
    for (std::size_t i = 0; i < expected.size(); ++i) expected[i] = routed[i] + shared[i];
    VERIFY_MATCH(support::rowMismatch(y, expected, 256, 1e-2));
    for (const float value : y) QCOMPARE(value, roundBf16(value));
  }

  // Appendix A.6.
  void theClampIsOneSidedForTheGate() {
    const float g[2] = {12.5f, -30.0f}, u[2] = {-11.0f, 20.0f};
    float a[2];
    for (const auto swiglu : {swigluRef, swigluCpu}) {
      swiglu(g, u, 2, 10, 1, Rounding::kNone, a);
      QVERIFY(std::abs(a[0] - -99.9954602) < 1e-4);
      QVERIFY(std::abs(a[1] - -30.0 / (1 + std::exp(30.0)) * 10) < 1e-15);
    }
  }
};

LECTERN_TEST(ExpertsTest)
#include "experts_test.moc"
