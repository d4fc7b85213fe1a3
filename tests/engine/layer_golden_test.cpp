// One layer at a time, each stage from its stored input, in official rounding: the sharpest test
// of the forward pass (golden/README.md, "Layer units").
#include <QTest>

#include <algorithm>

#include "engine/forward.h"
#include "engine/weights.h"
#include "tests/engine/golden_model.h"
#include "tests/kernels/compare.h"
#include "tests/support/golden.h"
#include "tests/support/test_main.h"

namespace {

using engine::BackendKind;
using engine::Engine;
using support::Bundle;

// Pass criteria of a stage: share of equal bf16 values, distance of the worst row.
struct Criterion {
  double identical = 0, row = 0;
};
constexpr Criterion kExactStage{0.995, 5e-3};
constexpr Criterion kSummingStage{0.97, 3e-2};

QString stageProblem(const std::vector<float>& actual, const std::vector<float>& expected,
                 std::size_t width, const std::vector<bool>& skip_row, Criterion criterion) {
  if (actual.size() != expected.size()) return "sizes differ";
  std::size_t n_equal = 0, n_compared = 0;
  double worst = 0;
  for (std::size_t row = 0; row < actual.size() / width; ++row) {
    if (!skip_row.empty() && skip_row[row]) continue;
    const std::span<const float> a(actual.data() + row * width, width);
    const std::span<const float> b(expected.data() + row * width, width);
    for (std::size_t i = 0; i < width; ++i) n_equal += a[i] == b[i];
    n_compared += width;
    worst = std::max(worst, support::rowDistance(a, b));
  }
  const double identical = static_cast<double>(n_equal) / static_cast<double>(n_compared);
  qInfo("    %.5f identical, worst row %.1e", identical, worst);
  if (n_compared == 0) return "nothing was compared";
  if (identical >= criterion.identical && worst <= criterion.row) return {};
  return QString("%1 identical, worst row %2").arg(identical).arg(worst);
}

#define VERIFY_STAGE(actual, expected, width, skip_row, criterion)                      \
  do {                                                                                  \
    const QString problem = stageProblem(actual, expected, width, skip_row, criterion);     \
    QVERIFY2(problem.isEmpty(), qPrintable(QString(#actual ": ") + problem));           \
  } while (false)

class LayerGoldenTest : public QObject {
  Q_OBJECT

 private slots:
  void layer_data() {
    QTest::addColumn<QString>("model");
    QTest::addColumn<int>("layer");
    QTest::addColumn<int>("backend");
    const std::pair<const char*, int> layers[] = {
        {"tiny-base", 0}, {"tiny-flash", 4}, {"tiny-pro", 0}, {"tiny-pro", 2}, {"tiny-pro", 4}};
    for (const auto& [model, layer] : layers) {
      QTest::addRow("%s %d reference", model, layer)
          << model << layer << static_cast<int>(BackendKind::kReference);
      QTest::addRow("%s %d cpu", model, layer)
          << model << layer << static_cast<int>(BackendKind::kCpu);
    }
  }
  void layer() {
    QFETCH(QString, model);
    QFETCH(int, layer);
    QFETCH(int, backend);
    REQUIRE_GOLDEN(models, "models")
    const auto engine = Engine::open(
        models / model.toStdString(),
        {.backend = static_cast<BackendKind>(backend), .n_threads = 2});
    QVERIFY2(engine, engine ? "" : engine.error().message.c_str());
    const Bundle golden(support::goldenPath("unit/layer_" + model.toStdString() + "_" +
                                            std::to_string(layer) + ".safetensors"));
    const engine::ModelConfig& c = (*engine)->config();
    const engine::Forward& forward = (*engine)->forward();
    const auto index = static_cast<std::size_t>(layer);
    const engine::LayerWeights& weights = (*engine)->weights().layers[index];
    const auto hidden = static_cast<std::size_t>(c.hidden);

    std::vector<base::TokenId> ids;
    for (const std::int64_t id : golden.ints("token_ids"))
      ids.push_back(static_cast<base::TokenId>(id));
    const auto n = static_cast<std::int64_t>(ids.size());
    
    const std::vector<float> streams = golden.floats("X");
    const auto attn_in = golden.floats("attn_in"), attn_out = golden.floats("attn_out");
    const auto moe_in = golden.floats("moe_in"), moe_out = golden.floats("moe_out");
    const auto size = attn_in.size();

    // attn_in from the streams.
    std::vector<float> mixed(size), normed(size);
    forward.hcPre(weights.hc_attn, streams.data(), n, mixed.data());
    forward.norm(weights.attn_norm, mixed.data(), n, normed.data());
    VERIFY_STAGE(normed, attn_in, hidden, {}, kExactStage);

    // attn_out from attn_in. A near-tie of the selection may fall differently.
    engine::SequenceState state = engine::emptyState((*engine)->layout());
    engine::openBlocks((*engine)->layout(), n, state);
    const engine::Part part{0, n, &state};
    const engine::Batch batch{{&part, 1}, n, ids.data(), 0};
    engine::LayerTap tap;
    std::vector<float> attended(size);
    forward.attention(index, attn_in.data(), batch, attended.data(), &tap);
    std::vector<bool> skip(static_cast<std::size_t>(n), false);
    if (golden.has("topk")) {
      const auto expected = golden.ints("topk");
      const auto k = static_cast<std::size_t>(golden.dim("topk", 1));
      const auto margin = golden.floats("index_margin");
      for (std::size_t row = 0; row < static_cast<std::size_t>(n); ++row) {
        std::vector<std::int64_t> a(tap.topk.begin() + row * k, tap.topk.begin() + (row + 1) * k);
        std::vector<std::int64_t> b(expected.begin() + row * k, expected.begin() + (row + 1) * k);
        std::sort(a.begin(), a.end());
        std::sort(b.begin(), b.end());
        if (a == b) continue;
        QVERIFY2(margin[row] > 0 && margin[row] < 1.0f / 128,
                 qPrintable(QString("top-k of row %1, margin %2").arg(row).arg(margin[row])));
        skip[row] = true;
      }
    }
    VERIFY_STAGE(attended, attn_out, hidden, skip, kSummingStage);

    // moe_in from the streams and attn_out.
    std::vector<float> middle = streams;
    forward.hcPre(weights.hc_attn, streams.data(), n, mixed.data());
    forward.hcPost(attn_out.data(), n, middle.data());
    std::vector<float> next = middle;
    forward.hcPre(weights.hc_ffn, middle.data(), n, mixed.data());
    forward.norm(weights.ffn_norm, mixed.data(), n, normed.data());
    VERIFY_STAGE(normed, moe_in, hidden, {}, kExactStage);
    forward.hcPost(moe_out.data(), n, next.data());
    VERIFY_STAGE(next, golden.floats("X_next"), hidden, {}, kExactStage);

    // moe_out from moe_in.
    std::vector<float> routed(size);
    forward.moe(weights, moe_in.data(), ids.data(), n, routed.data(), &tap);
    const auto experts = golden.ints("experts");
    const auto router_margin = golden.floats("router_margin");
    const auto top_k = static_cast<std::size_t>(c.top_k);
    std::fill(skip.begin(), skip.end(), false);
    for (std::size_t row = 0; row < static_cast<std::size_t>(n); ++row) {
      std::vector<std::int64_t> a(tap.experts.begin() + row * top_k,
                                  tap.experts.begin() + (row + 1) * top_k);
      std::vector<std::int64_t> b(experts.begin() + row * top_k,
                                  experts.begin() + (row + 1) * top_k);
      std::sort(a.begin(), a.end());
      std::sort(b.begin(), b.end());
      if (a == b) continue;
      QVERIFY2(router_margin[row] < 1e-4f, qPrintable(QString("experts of row %1").arg(row)));
      skip[row] = true;
    }
    VERIFY_STAGE(routed, moe_out, hidden, skip, kSummingStage);
  }
};

}  // namespace

LECTERN_TEST(LayerGoldenTest)
#include "layer_golden_test.moc"
