// The draft blocks: on stored trunk streams (unit bundles mtp_*, dspark_*), and behind whole tiny
// models (golden/README.md).
#include <QTest>

#include <algorithm>

#include "engine/draft_dspark.h"
#include "engine/draft_mtp.h"
#include "engine/engine.h"
#include "engine/taps.h"
#include "engine/weights.h"
#include "tests/engine/golden_model.h"
#include "tests/kernels/compare.h"
#include "tests/support/golden.h"
#include "tests/support/test_main.h"

namespace {

using engine::BackendKind;
using engine::Engine;
using engine::Numerics;
using support::Bundle;
using support::GoldenCase;

// Plain loops take a second per hundred tokens of a trunk: they get the short prompts.
constexpr std::size_t kReferenceTokens = 16;

std::unique_ptr<Engine> openModel(const QString& name, BackendKind backend, Numerics numerics) {
  auto engine = Engine::open(support::goldenPath("models") / name.toStdString(),
                             {.backend = backend, .numerics = numerics, .n_threads = 2});
  if (engine) return std::move(*engine);
  qWarning("%s", engine.error().message.c_str());
  return nullptr;
}

std::vector<base::TokenId> tokenIds(const std::vector<std::int64_t>& wide) {
  return {wide.begin(), wide.end()};
}

std::span<const float> rowOf(const std::vector<float>& values, std::size_t row, std::size_t width) {
  return {values.data() + row * width, width};
}

// Distances of rows, and how the unit bundles and the whole models judge them.
struct Rows {
  std::vector<double> distances;
  std::string wrong_top;

  // The best token must be the same unless the two best of the golden row are close.
  void add(std::span<const float> actual, std::span<const float> expected, double close) {
    distances.push_back(support::rowDistance(actual, expected));
    std::vector<float> best(expected.begin(), expected.end());
    std::partial_sort(best.begin(), best.begin() + 2, best.end(), std::greater<>());
    if (best[0] - best[1] >= close && support::indexOfMax(actual) != support::indexOfMax(expected))
      wrong_top = "row " + std::to_string(distances.size() - 1);
  }
  double worst() const { return *std::max_element(distances.begin(), distances.end()); }
  double middle() const { return support::median(distances); }
  void print(const char* name) const {
    qInfo("    %s: %zu rows, median %.1e, worst %.1e", name, distances.size(), middle(), worst());
  }
};

// Row distances of a unit bundle.
#define VERIFY_UNIT_ROWS(rows, numerics)                                       \
  do {                                                                         \
    rows.print(engine::numericsName(numerics).data());                         \
    QVERIFY2(rows.wrong_top.empty(), rows.wrong_top.c_str());                  \
    QVERIFY(rows.middle() <= (numerics == Numerics::kNone ? 1e-4 : 1e-3));     \
    QVERIFY(rows.worst() <= (numerics == Numerics::kNone ? 1e-4 : 5e-2));      \
  } while (false)

// Row distances behind whole models: the trunk's noise comes first.
#define VERIFY_MODEL_ROWS(rows, numerics)                                      \
  do {                                                                         \
    rows.print(engine::numericsName(numerics).data());                         \
    if (numerics == Numerics::kNone) {                                         \
      QVERIFY2(rows.wrong_top.empty(), rows.wrong_top.c_str());                \
      QVERIFY(rows.middle() <= 1e-5);                                          \
      QVERIFY(support::shareWithin(rows.distances, 1e-4) >= 0.97);             \
      QVERIFY(rows.worst() <= 5e-3);                                           \
    } else {                                                                   \
      QVERIFY(rows.middle() <= 0.10);                                          \
      QVERIFY(support::shareWithin(rows.distances, 0.20) >= 0.90);             \
      QVERIFY(rows.worst() <= 0.5);                                            \
    }                                                                          \
  } while (false)

void modelsAndModes(const std::vector<const char*>& models) {
  QTest::addColumn<QString>("model");
  QTest::addColumn<BackendKind>("backend");
  QTest::addColumn<Numerics>("numerics");
  for (const char* model : models)
    for (const auto backend : {BackendKind::kReference, BackendKind::kCpu})
      for (const auto numerics : {Numerics::kOfficial, Numerics::kNone})
        QTest::addRow("%s %s %s", model,
                      backend == BackendKind::kReference ? "reference" : "cpu",
                      engine::numericsName(numerics).data())
            << QString(model) << backend << numerics;
}

#define OPEN_MODEL(engine)                                                \
  QFETCH(QString, model);                                                 \
  QFETCH(BackendKind, backend);                                           \
  QFETCH(Numerics, numerics);                                             \
  REQUIRE_GOLDEN(models, "models")                                        \
  const auto engine = openModel(model, backend, numerics);                \
  QVERIFY(engine)

// Taps of the whole prompt, in the order of the target layers.
std::vector<float> tapsOf(const engine::ModelConfig& config, const engine::DsparkDraft& draft,
                          const engine::Taps& taps, std::int64_t n) {
  std::vector<const float*> streams;
  for (const std::int64_t layer : config.dspark.target_layers)
    streams.push_back(taps.layers[static_cast<std::size_t>(layer)].streams.data());
  std::vector<float> gathered(static_cast<std::size_t>(n) * streams.size() *
                              static_cast<std::size_t>(config.hidden));
  draft.gatherTaps(streams, n, gathered.data());
  return gathered;
}

base::TokenId greedy(std::span<const float> logits) {
  return static_cast<base::TokenId>(support::indexOfMax(logits));
}

}  // namespace

Q_DECLARE_METATYPE(engine::BackendKind)
Q_DECLARE_METATYPE(engine::Numerics)

class DraftTest : public QObject {
  Q_OBJECT
 private slots:
  void mtpMatchesOnStoredStreams_data() { modelsAndModes({"tiny-flash", "tiny-pro"}); }
  void mtpMatchesOnStoredStreams() {
    OPEN_MODEL(engine);
    const std::string mode(engine::numericsName(numerics));
    const Bundle golden(support::goldenPath("unit/mtp_" + model.toStdString() + ".safetensors"));
    const engine::MtpDraft mtp(engine->forward(), engine->weights());
    const auto next_ids = tokenIds(golden.ints("next_ids"));
    auto streams = golden.floats("X_" + mode);
    const std::vector<float> trunk = streams;
    engine::LayerState state;
    std::vector<float> logits;
    mtp.run(0, next_ids, streams.data(), state, engine::LogitRows::kAll, logits);

    const auto expected = golden.floats("logits_" + mode);
    const auto vocab = static_cast<std::size_t>(engine->config().vocab);
    const std::size_t n_stored = expected.size() / vocab;
    Rows rows;
    for (std::size_t row = 0; row < n_stored; ++row)
      rows.add(rowOf(logits, next_ids.size() - n_stored + row, vocab),
               rowOf(expected, row, vocab), 0.1);
    VERIFY_UNIT_ROWS(rows, numerics);
    const auto out = golden.floats("X_out_" + mode);
    const std::vector<float> last(streams.end() - static_cast<std::ptrdiff_t>(out.size()),
                                  streams.end());
    VERIFY_MATCH(support::rowMismatch(last, out, out.size(),
                                      numerics == Numerics::kNone ? 1e-4 : 5e-2));

    // One position at a time gives the same bits.
    std::vector<float> single = trunk, one;
    engine::LayerState other;
    const std::size_t width = trunk.size() / next_ids.size();
    for (std::size_t i = 0; i < next_ids.size(); ++i)
      mtp.run(static_cast<std::int64_t>(i), {&next_ids[i], 1}, single.data() + i * width, other,
              engine::LogitRows::kLast, one);
    QVERIFY(single == streams);
    QVERIFY(std::equal(one.begin(), one.end(), logits.end() - static_cast<std::ptrdiff_t>(vocab)));
    QVERIFY(other.window == state.window && other.window_first == state.window_first);
  }

  void mtpMatchesBehindTheTrunk_data() { modelsAndModes({"tiny-flash", "tiny-pro"}); }
  void mtpMatchesBehindTheTrunk() {
    OPEN_MODEL(engine);
    const engine::MtpDraft mtp(engine->forward(), engine->weights());
    const auto vocab = static_cast<std::size_t>(engine->config().vocab);
    Rows rows;
    for (const auto& file : support::caseFiles(models / model.toStdString())) {
      const GoldenCase golden(models / model.toStdString(), file, numerics);
      if (backend == BackendKind::kReference && golden.tokens.size() > kReferenceTokens) continue;
      const auto n = static_cast<std::int64_t>(golden.tokens.size());
      engine::Taps taps;
      QVERIFY(engine->allLogits(golden.tokens, n, &taps, {}));
      std::vector<base::TokenId> next_ids(golden.tokens.begin() + 1, golden.tokens.end());
      next_ids.push_back(static_cast<base::TokenId>(golden.ints("greedy")[0]));
      engine::LayerState state;
      std::vector<float> logits;
      mtp.run(0, next_ids, taps.layers.back().streams.data(), state, engine::LogitRows::kAll,
              logits);
      const auto expected = golden.floats("mtp_logits");
      const std::size_t n_stored = expected.size() / vocab;
      QCOMPARE(n_stored, std::min<std::size_t>(2, golden.tokens.size()));
      for (std::size_t row = 0; row < n_stored; ++row)
        rows.add(rowOf(logits, golden.tokens.size() - n_stored + row, vocab),
                 rowOf(expected, row, vocab), 1e-3);
    }
    VERIFY_MODEL_ROWS(rows, numerics);
  }

  void dsparkMatchesOnStoredTaps_data() { modelsAndModes({"tiny-dspark"}); }
  void dsparkMatchesOnStoredTaps() {
    OPEN_MODEL(engine);
    const std::string mode(engine::numericsName(numerics));
    const Bundle golden(support::goldenPath("unit/dspark_" + model.toStdString() + ".safetensors"));
    const engine::DsparkDraft dspark(engine->forward(), engine->weights());
    const auto taps = golden.floats("main_hidden_" + mode);
    const std::int64_t n = golden.dim("main_hidden_" + mode, 0);
    const auto ids = tokenIds(golden.ints("ids_" + mode));
    engine::DsparkState state = dspark.emptyState();
    dspark.append(n, taps.data(), state);
    const auto block = dspark.draft(ids[0], state, greedy);

    const auto expected = golden.floats("logits_" + mode);
    const auto vocab = static_cast<std::size_t>(engine->config().vocab);
    Rows rows;
    for (std::size_t i = 0; i < block.ids.size(); ++i)
      rows.add(rowOf(block.logits, i, vocab), rowOf(expected, i, vocab), 0.1);
    VERIFY_UNIT_ROWS(rows, numerics);
    QCOMPARE(block.ids, std::vector<base::TokenId>(ids.begin() + 1, ids.end()));
    VERIFY_MATCH(support::absoluteMismatch(block.confidence, golden.floats("confidence_" + mode),
                                           numerics == Numerics::kNone ? 1e-4 : 0.15));

    // Taps one position at a time leave the same windows.
    engine::DsparkState single = dspark.emptyState();
    const auto width = static_cast<std::int64_t>(taps.size()) / n;
    for (std::int64_t i = 0; i < n; ++i) dspark.append(1, taps.data() + i * width, single);
    QCOMPARE(single.n, n);
    for (std::size_t i = 0; i < state.stages.size(); ++i)
      QVERIFY(single.stages[i].window == state.stages[i].window);
  }

  void dsparkMatchesBehindTheTrunk_data() { modelsAndModes({"tiny-dspark"}); }
  void dsparkMatchesBehindTheTrunk() {
    OPEN_MODEL(engine);
    const engine::DsparkDraft dspark(engine->forward(), engine->weights());
    const auto vocab = static_cast<std::size_t>(engine->config().vocab);
    Rows rows;
    double worst_confidence = 0;
    for (const auto& file : support::caseFiles(models / model.toStdString())) {
      const GoldenCase golden(models / model.toStdString(), file, numerics);
      if (backend == BackendKind::kReference && golden.tokens.size() > kReferenceTokens) continue;
      const auto n = static_cast<std::int64_t>(golden.tokens.size());
      engine::Taps taps;
      QVERIFY(engine->allLogits(golden.tokens, n, &taps, {}));
      engine::DsparkState state = dspark.emptyState();
      dspark.append(n, tapsOf(engine->config(), dspark, taps, n).data(), state);
      // The stored ids are fed, so that every row has the same tokens before it.
      const auto ids = tokenIds(golden.ints("draft_ids"));
      std::size_t place = 0;
      const auto block =
          dspark.draft(ids[0], state, [&](std::span<const float>) { return ids[++place]; });
      const auto expected = golden.floats("draft_logits");
      const auto confidence = golden.floats("draft_confidence");
      for (std::size_t i = 0; i < block.ids.size(); ++i) {
        rows.add(rowOf(block.logits, i, vocab), rowOf(expected, i, vocab), 1e-3);
        worst_confidence =
            std::max(worst_confidence, std::abs(double{block.confidence[i]} - confidence[i]));
      }
    }
    VERIFY_MODEL_ROWS(rows, numerics);
    // Official rounding of the trunk moves an unbounded logit too much to bound it here; the
    // stored taps above do.
    qInfo("    worst confidence %.1e", worst_confidence);
    if (numerics == Numerics::kNone) QVERIFY(worst_confidence <= 1e-4);
  }
};

LECTERN_TEST(DraftTest)
#include "draft_test.moc"
