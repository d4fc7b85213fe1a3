#include <QTest>
#include <set>

#include "tests/kernels/bundle.h"
#include "tests/kernels/compare.h"
#include "tests/kernels/operations.h"
#include "tests/support/golden.h"
#include "tests/support/test_main.h"

using namespace kernels;
using support::Bundle;

namespace {

struct Routed {
  std::vector<std::int32_t> experts;
  std::vector<float> weights, margins;
};

Routed routed(RouteArgs args) {
  Routed result;
  result.experts.resize(static_cast<std::size_t>(args.n * args.top_k));
  result.weights.resize(result.experts.size());
  result.margins.resize(static_cast<std::size_t>(args.n));
  args.experts = result.experts.data();
  args.weights = result.weights.data();
  args.margins = result.margins.data();
  route(args);
  return result;
}

bool nearRelative(const std::vector<float>& a, const std::vector<float>& b, double bound) {
  for (std::size_t i = 0; i < b.size(); ++i)
    if (!(std::abs(a[i] - b[i]) <= bound * std::abs(b[i]))) return false;
  return a.size() == b.size();
}

}  // namespace

class RouteTest : public QObject {
  Q_OBJECT
 private slots:
  void logitsMatch_data() { bothVersions(); }
  void logitsMatch() {
    FETCH_VERSION;
    REQUIRE_GOLDEN(path, "unit/router.safetensors");
    const Bundle golden(path);
    const auto x = golden.floats("x");
    std::vector<float> logits(static_cast<std::size_t>(golden.dim("x", 0) * 8));
    LinearArgs args;
    args.x = x.data();
    args.w = golden.matrix("gate");
    args.y = logits.data();
    args.n = golden.dim("x", 0);
    args.rounding = Rounding::kNone;
    support::run(version, args);
    VERIFY_MATCH(support::elementMismatch(logits, golden.floats("logits"), 8, 1e-5));
    for (std::int64_t t = 0; t < args.n; ++t)  // equal rows of the gate give equal logits
      QCOMPARE(logits[t * 8 + 2], logits[t * 8 + 5]);
  }

  void biasedSelectionMatchesIncludingTies() {
    REQUIRE_GOLDEN(path, "unit/router.safetensors");
    const Bundle golden(path);
    const auto logits = golden.floats("logits"), bias = golden.floats("bias");
    RouteArgs args;
    args.logits = logits.data();
    args.bias = bias.data();
    args.n = golden.dim("logits", 0);
    args.n_experts = 8;
    args.top_k = 2;
    args.scale = 1.5f;
    const Routed result = routed(args);
    const auto expected = golden.ints("idx");
    QVERIFY(
        std::equal(result.experts.begin(), result.experts.end(), expected.begin(), expected.end()));
    QVERIFY(nearRelative(result.weights, golden.floats("weights"), 1e-5));
    for (const float margin : result.margins) QVERIFY(margin >= 0);
  }

  void hashLayersReadTheTable() {
    REQUIRE_GOLDEN(path, "unit/router.safetensors");
    const Bundle golden(path);
    const auto logits = golden.floats("logits");
    const auto wide = golden.ints("token_ids"), table = golden.ints("tid2eid");
    const std::vector<std::int32_t> ids(wide.begin(), wide.end());
    RouteArgs args;
    args.logits = logits.data();
    args.table = table.data();
    args.ids = ids.data();
    args.n = golden.dim("logits", 0);
    args.n_experts = 8;
    args.top_k = 2;
    args.scale = 1.5f;
    const Routed result = routed(args);
    const auto expected = golden.ints("hash_idx");
    QVERIFY(
        std::equal(result.experts.begin(), result.experts.end(), expected.begin(), expected.end()));
    QVERIFY(nearRelative(result.weights, golden.floats("hash_weights"), 1e-5));
    for (const float margin : result.margins) QVERIFY(std::isinf(margin));
  }

  // Two experts with equal logits share the weight; the scale carries the score out.
  void extremeLogitsKeepTheirScores() {
    REQUIRE_GOLDEN(path, "unit/router.safetensors");
    const Bundle golden(path);
    const auto logits = golden.floats("extreme_logits"), expected = golden.floats("extreme_scores");
    const float bias[2] = {0, 0};
    for (std::size_t i = 0; i < logits.size(); ++i) {
      const float pair[2] = {logits[i], 0.3f};
      RouteArgs args;
      args.logits = pair;
      args.bias = bias;
      args.n = 1;
      args.n_experts = 2;
      args.top_k = 2;
      const Routed result = routed(args);
      const double other = std::sqrt(std::log1p(std::exp(0.3)));
      const double weight = expected[i] / (expected[i] + other);
      const float actual = result.weights[result.experts[0] == 0 ? 0 : 1];
      QVERIFY(std::abs(actual - weight) <= 1e-6 + 1e-5 * weight);
    }
  }

  // Appendix A.6.
  void theSpecificationsChoiceComesOut() {
    const float logits[4] = {0.3f, -1.2f, 2.0f, 0.1f}, bias[4] = {0, 0.9f, -0.5f, 0.2f};
    RouteArgs args;
    args.logits = logits;
    args.bias = bias;
    args.n = 1;
    args.n_experts = 4;
    args.top_k = 2;
    args.scale = 1.5f;
    const Routed result = routed(args);
    QCOMPARE(result.experts, (std::vector<std::int32_t>{1, 3}));
    QVERIFY(nearRelative(result.weights, {0.5593930f, 0.9406070f}, 1e-6));
    QVERIFY(std::abs(result.margins[0] - (1.0627842 - 0.9583991)) < 1e-6);
  }
};

LECTERN_TEST(RouteTest)
#include "route_test.moc"
