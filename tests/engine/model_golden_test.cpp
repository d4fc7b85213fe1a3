// Whole tiny models against the golden logits, selections and KV codes (golden/README.md, "Pass,
// whole models").
#include <QTest>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/forward.h"
#include "engine/kv_layout.h"
#include "engine/sequence_state.h"
#include "engine/taps.h"
#include "tests/engine/golden_model.h"
#include "tests/support/golden.h"
#include "tests/support/test_main.h"

namespace {

using engine::BackendKind;
using engine::Engine;
using engine::Numerics;
using support::GoldenCase;

constexpr double kClearMargin = 1e-5;  // below it a selection may differ

std::unique_ptr<Engine> openModel(const std::filesystem::path& model, BackendKind backend,
                                  Numerics numerics) {
  auto engine = Engine::open(model, {.backend = backend, .numerics = numerics, .n_threads = 1});
  if (!engine) {
    qWarning("%s", engine.error().message.c_str());
    return nullptr;
  }
  return std::move(*engine);
}

// What all cases of a model add up to.
struct Summary {
  std::vector<double> rows;          // distances of logit rows
  int n_top1 = 0;
  int n_experts = 0, n_experts_equal = 0;
  double topk_overlap = 0;
  int n_topk = 0;
  std::string clear_mismatch;        // a selection that differs though its margin is clear
};

double overlap(std::span<const std::int64_t> expected, std::span<const std::int32_t> actual) {
  int n_expected = 0, n_common = 0;
  for (const std::int64_t row : expected) {
    if (row < 0) continue;
    ++n_expected;
    n_common += std::find(actual.begin(), actual.end(), static_cast<std::int32_t>(row)) != actual.end();
  }
  return n_expected == 0 ? 1 : static_cast<double>(n_common) / n_expected;
}

void compareSelections(const Engine& engine, const GoldenCase& golden, const engine::Taps& taps,
                       Summary& summary) {
  const auto& config = engine.config();
  const auto n_rows = static_cast<std::int64_t>(golden.positions.size());
  const auto experts = golden.ints("experts");
  const auto router_margin = golden.floats("router_margin");
  for (std::size_t layer = 0; layer < config.layers.size(); ++layer) {
    const engine::LayerTap& tap = taps.layers[layer];
    for (std::int64_t row = 0; row < n_rows; ++row) {
      const std::int64_t position = golden.positions[static_cast<std::size_t>(row)];
      const std::int64_t cell = static_cast<std::int64_t>(layer) * n_rows + row;
      const std::int32_t* mine = tap.experts.data() + position * config.top_k;
      std::vector<std::int64_t> actual(mine, mine + config.top_k);
      std::vector<std::int64_t> expected(experts.begin() + cell * config.top_k,
                                         experts.begin() + (cell + 1) * config.top_k);
      std::sort(actual.begin(), actual.end());
      std::sort(expected.begin(), expected.end());
      ++summary.n_experts;
      summary.n_experts_equal += actual == expected;
      if (actual != expected && router_margin[static_cast<std::size_t>(cell)] >= kClearMargin)
        summary.clear_mismatch = golden.name + " experts of layer " + std::to_string(layer) +
                                 " at position " + std::to_string(position);
    }
    if (config.layers[layer].kind != engine::LayerKind::kCsa) continue;
    // A short prompt's list is as long as its entries; ours is padded.
    const std::string name = "topk." + std::to_string(layer);
    const auto topk = golden.ints(name);
    const auto width = golden.bundle.dim(golden.key(name), 1);
    const auto index_margin = golden.floats("index_margin." + std::to_string(layer));
    for (std::int64_t row = 0; row < n_rows; ++row) {
      const std::int64_t position = golden.positions[static_cast<std::size_t>(row)];
      const double common =
          overlap({topk.data() + row * width, static_cast<std::size_t>(width)},
                  {tap.topk.data() + position * config.index_topk,
                   static_cast<std::size_t>(config.index_topk)});
      summary.topk_overlap += common;
      ++summary.n_topk;
      const double margin = index_margin[static_cast<std::size_t>(row)];
      if (common < 1 && (margin == 0 || margin >= kClearMargin))
        summary.clear_mismatch = golden.name + " top-k of layer " + std::to_string(layer) +
                                 " at position " + std::to_string(position);
    }
  }
}

void compareCase(const Engine& engine, const GoldenCase& golden, Summary& summary) {
  engine::Taps taps;
  const auto logits = engine.allLogits(golden.tokens, static_cast<std::int64_t>(golden.tokens.size()),
                                       &taps, {});
  QVERIFY2(logits.has_value(), logits ? "" : logits.error().message.c_str());
  const auto vocab = static_cast<std::size_t>(engine.config().vocab);
  const auto expected = golden.floats("logits");
  for (std::size_t row = 0; row < golden.positions.size(); ++row) {
    const auto position = static_cast<std::size_t>(golden.positions[row]);
    const std::span<const float> mine(logits->data() + position * vocab, vocab);
    const std::span<const float> theirs(expected.data() + row * vocab, vocab);
    summary.rows.push_back(support::rowDistance(mine, theirs));
    summary.n_top1 += support::indexOfMax(mine) == support::indexOfMax(theirs);
  }
  compareSelections(engine, golden, taps, summary);
}

Summary compareModel(const std::filesystem::path& model, BackendKind backend, Numerics numerics) {
  Summary summary;
  const auto engine = openModel(model, backend, numerics);
  if (!engine) return summary;
  for (const auto& file : support::caseFiles(model))
    compareCase(*engine, GoldenCase(model, file, numerics), summary);
  qInfo("%zu rows: median %.2e, worst %.2e, top-1 %.3f, experts %.3f, top-k overlap %.3f",
        summary.rows.size(), support::median(summary.rows),
        *std::max_element(summary.rows.begin(), summary.rows.end()),
        static_cast<double>(summary.n_top1) / static_cast<double>(summary.rows.size()),
        static_cast<double>(summary.n_experts_equal) / summary.n_experts,
        summary.topk_overlap / std::max(1, summary.n_topk));
  return summary;
}

// Codes and scales of stored entries against the golden ones.
struct KvAgreement {
  std::int64_t n_codes = 0, n_codes_equal = 0, n_scales = 0, n_scales_equal = 0;
  double difference = 0, norm = 0;  // of dequantised values
  double codes() const { return static_cast<double>(n_codes_equal) / static_cast<double>(n_codes); }
  double relativeRms() const { return std::sqrt(difference / std::max(norm, 1e-300)); }
};

void compareRows(const kernels::KvRowFormat& format, const GoldenCase& golden,
                 const std::string& prefix, const std::vector<const std::byte*>& rows,
                 KvAgreement& sum) {
  const auto codes = golden.bundle.bytes(prefix + ".code");
  const auto scales = golden.bundle.bytes(prefix + ".scale");
  const auto rope = golden.bundle.bytes(prefix + ".rope");
  const auto nope = static_cast<std::size_t>(format.nopeDim());
  const std::size_t groups = nope / 64, rope_bytes = static_cast<std::size_t>(format.rope_dim) * 2;
  QCOMPARE(rows.size() * nope, codes.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto* row = reinterpret_cast<const std::uint8_t*>(rows[i]);
    for (std::size_t j = 0; j < nope; ++j) sum.n_codes_equal += row[j] == codes[i * nope + j];
    sum.n_codes += static_cast<std::int64_t>(nope);
    for (std::size_t j = 0; j < groups; ++j)
      sum.n_scales_equal += row[nope + rope_bytes + j] == scales[i * groups + j];
    sum.n_scales += static_cast<std::int64_t>(groups);

    std::vector<std::byte> expected(static_cast<std::size_t>(format.rowBytes()));
    std::memcpy(expected.data(), codes.data() + i * nope, nope);
    std::memcpy(expected.data() + nope, rope.data() + i * rope_bytes, rope_bytes);
    std::memcpy(expected.data() + nope + rope_bytes, scales.data() + i * groups, groups);
    std::vector<float> a(static_cast<std::size_t>(format.head_dim)), b = a;
    kernels::unpackKvRow(format, rows[i], a.data());
    kernels::unpackKvRow(format, expected.data(), b.data());
    for (std::size_t j = 0; j < a.size(); ++j) {
      sum.difference += std::pow(static_cast<double>(a[j]) - b[j], 2);
      sum.norm += std::pow(static_cast<double>(b[j]), 2);
    }
  }
}

void compareKeys(const kernels::IndexRowFormat& format, const GoldenCase& golden,
                 const std::string& prefix, const std::vector<const std::byte*>& rows,
                 KvAgreement& sum) {
  const auto codes = golden.bundle.bytes(prefix + ".packed");
  const auto scales = golden.bundle.bytes(prefix + ".scale");
  const auto n_codes = static_cast<std::size_t>(format.dim / 2);
  const auto n_scales = static_cast<std::size_t>(format.dim / 32);
  QCOMPARE(rows.size() * n_codes, codes.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::vector<std::byte> expected(n_codes + n_scales);
    std::memcpy(expected.data(), codes.data() + i * n_codes, n_codes);
    std::memcpy(expected.data() + n_codes, scales.data() + i * n_scales, n_scales);
    std::vector<float> a(static_cast<std::size_t>(format.dim)), b = a;
    kernels::unpackIndexRow(format, rows[i], a.data());
    kernels::unpackIndexRow(format, expected.data(), b.data());
    for (std::size_t j = 0; j < a.size(); ++j) {
      sum.n_codes_equal += a[j] == b[j];
      ++sum.n_codes;
      sum.difference += std::pow(static_cast<double>(a[j]) - b[j], 2);
      sum.norm += std::pow(static_cast<double>(b[j]), 2);
    }
  }
}

// Rows first .. first + n − 1 of a paged array of one layer.
std::vector<const std::byte*> rowsOf(const kernels::PagedRows& pages, std::int64_t first,
                                     std::int64_t n) {
  std::vector<const std::byte*> rows;
  for (std::int64_t i = first; i < first + n; ++i) rows.push_back(pages.row(i));
  return rows;
}

void addModels() {
  QTest::addColumn<QString>("model");
  QTest::addColumn<int>("backend");
  for (const char* model : {"tiny-flash", "tiny-pro", "tiny-dspark", "tiny-base"}) {
    QTest::addRow("%s reference", model) << model << static_cast<int>(BackendKind::kReference);
    QTest::addRow("%s cpu", model) << model << static_cast<int>(BackendKind::kCpu);
  }
}

#define FETCH_MODEL(model, backend)                                                   \
  REQUIRE_GOLDEN(models, "models")                                                    \
  QFETCH(QString, model);                                                             \
  QFETCH(int, backend);                                                               \
  const auto folder = models / model.toStdString();                                   \
  const auto kind = static_cast<BackendKind>(backend)

class ModelGoldenTest : public QObject {
  Q_OBJECT

 private slots:
  void withoutRounding_data() { addModels(); }
  void withoutRounding() {
    FETCH_MODEL(model, backend);
    const Summary summary = compareModel(folder, kind, Numerics::kNone);
    QVERIFY(!summary.rows.empty());
    QVERIFY(support::median(summary.rows) <= 1e-5);
    QVERIFY(support::shareWithin(summary.rows, 1e-4) >= 0.97);
    QVERIFY(support::shareWithin(summary.rows, 5e-3) == 1);
    QVERIFY2(summary.clear_mismatch.empty(), summary.clear_mismatch.c_str());
  }

  void officialRounding_data() { addModels(); }
  void officialRounding() {
    FETCH_MODEL(model, backend);
    const Summary summary = compareModel(folder, kind, Numerics::kOfficial);
    QVERIFY(!summary.rows.empty());
    QVERIFY(support::median(summary.rows) <= 0.10);
    QVERIFY(support::shareWithin(summary.rows, 0.20) >= 0.90);
    QVERIFY(support::shareWithin(summary.rows, 0.5) == 1);
    QVERIFY(summary.n_top1 >= 0.80 * static_cast<double>(summary.rows.size()));
    QVERIFY(summary.n_experts_equal >= 0.95 * summary.n_experts);
    QVERIFY(summary.n_topk > 0);
    QVERIFY(summary.topk_overlap / summary.n_topk >= 0.75);
  }

  void greedyContinuation_data() { addModels(); }
  void greedyContinuation() {
    FETCH_MODEL(model, backend);
    const auto engine = openModel(folder, kind, Numerics::kNone);
    QVERIFY(engine);
    const auto vocab = static_cast<std::size_t>(engine->config().vocab);
    for (const auto& file : support::caseFiles(folder)) {
      const GoldenCase golden(folder, file, Numerics::kNone);
      const auto greedy = golden.ints("greedy");
      const auto gaps = golden.floats("greedy_gap");
      auto tokens = golden.tokens;
      for (std::size_t i = 0; i + 1 < greedy.size(); ++i)
        tokens.push_back(static_cast<base::TokenId>(greedy[i]));
      const auto n_prompt = golden.tokens.size();
      const auto logits =
          engine->allLogits(tokens, static_cast<std::int64_t>(n_prompt), nullptr, {});
      QVERIFY(logits);
      for (std::size_t step = 0; step < greedy.size() && gaps[step] >= 1e-3; ++step) {
        const std::span<const float> row(logits->data() + (n_prompt - 1 + step) * vocab, vocab);
        QCOMPARE(static_cast<std::int64_t>(support::indexOfMax(row)), greedy[step]);
      }
      if (!golden.bundle.has(golden.key("greedy_logits"))) continue;
      const auto expected = golden.floats("greedy_logits");
      for (std::size_t step = 0; step < greedy.size(); ++step) {
        const double distance = support::rowDistance(
            {logits->data() + (n_prompt - 1 + step) * vocab, vocab},
            {expected.data() + step * vocab, vocab});
        QVERIFY2(distance <= 5e-3, qPrintable(QString("%1 step %2: %3").arg(golden.name.c_str())
                                                  .arg(step).arg(distance)));
      }
    }
  }

  void streamsWithoutRounding_data() { addModels(); }
  void streamsWithoutRounding() {
    FETCH_MODEL(model, backend);
    const auto engine = openModel(folder, kind, Numerics::kNone);
    QVERIFY(engine);
    const auto width =
        static_cast<std::size_t>(engine->config().hc_streams * engine->config().hidden);
    int n_compared = 0;
    for (const auto& file : support::caseFiles(folder)) {
      const GoldenCase golden(folder, file, Numerics::kNone);
      if (!golden.bundle.has(golden.key("streams"))) continue;
      engine::Taps taps;
      const auto n = golden.tokens.size();
      QVERIFY(engine->allLogits(golden.tokens, static_cast<std::int64_t>(n), &taps, {}));
      const auto expected = golden.floats("streams");
      for (std::size_t layer = 0; layer < taps.layers.size(); ++layer, ++n_compared) {
        const double distance =
            support::rowDistance({taps.layers[layer].streams.data() + (n - 1) * width, width},
                                 {expected.data() + layer * width, width});
        QVERIFY2(distance <= 1e-4, qPrintable(QString("%1 layer %2: %3").arg(golden.name.c_str())
                                                  .arg(layer).arg(distance)));
      }
    }
    QVERIFY(n_compared > 0);
  }

  // One summation order per row: any mix of prefill and decode gives the same bits.
  void everySplitIsBitIdentical_data() { addModels(); }
  void everySplitIsBitIdentical() {
    FETCH_MODEL(model, backend);
    for (const Numerics numerics : {Numerics::kOfficial, Numerics::kNone}) {
      const auto engine = openModel(folder, kind, numerics);
      QVERIFY(engine);
      for (const auto& file : support::caseFiles(folder)) {
        const GoldenCase golden(folder, file, numerics);
        const auto n = static_cast<std::int64_t>(golden.tokens.size());
        // The plain loops take long; what they could get wrong shows in short prompts too.
        // LECTERN_ALL_SPLITS=1 runs every listed split (ten minutes).
        const bool plain = kind == BackendKind::kReference;
        const bool all = qEnvironmentVariableIsSet("LECTERN_ALL_SPLITS");
        const std::int64_t n_decoded_max = all ? n : plain ? 4 : 130;
        if (!all && n > (plain || numerics == Numerics::kNone ? 150 : 600)) continue;
        const auto whole = engine->allLogits(golden.tokens, n, nullptr, {});
        QVERIFY(whole);
        for (const std::int64_t split : golden.splits) {
          if (n - split > n_decoded_max) continue;
          const auto parts = engine->allLogits(golden.tokens, split, nullptr, {});
          QVERIFY(parts);
          QVERIFY2(std::memcmp(whole->data(), parts->data(), whole->size() * sizeof(float)) == 0,
                   qPrintable(QString("%1 split at %2").arg(golden.name.c_str()).arg(split)));
        }
      }
    }
  }

  void storedEntries_data() { addModels(); }
  void storedEntries() {
    FETCH_MODEL(model, backend);
    const auto engine = openModel(folder, kind, Numerics::kOfficial);
    QVERIFY(engine);
    const engine::KvLayout& layout = engine->layout();
    int n_cases = 0;
    for (const auto& file : support::caseFiles(folder)) {
      const GoldenCase golden(folder, file, Numerics::kOfficial);
      if (!golden.bundle.has("kv.0.window.code") && !golden.bundle.has("kv.0.compressed.code"))
        continue;
      ++n_cases;
      engine::SequenceState state = engine::emptyState(layout);
      std::vector<float> logits;
      const std::span<const base::TokenId> tokens(golden.tokens);
      QVERIFY(engine->forward().run(tokens, state, {}, logits));
      bool first_compressed = true;
      for (std::size_t layer = 0; layer < engine->config().layers.size(); ++layer) {
        const std::string prefix = "kv." + std::to_string(layer);
        KvAgreement agreement;
        const engine::LayerState& mine = *state.layers[layer];
        const auto window_first = golden.bundle.ints(prefix + ".window.first")[0];
        std::vector<const std::byte*> rows;
        for (std::int64_t i = 0; i < golden.bundle.dim(prefix + ".window.code", 0); ++i)
          rows.push_back(mine.window.data() +
                         (window_first + i - mine.window_first) * layout.row.rowBytes());
        compareRows(layout.row, golden, prefix + ".window", rows, agreement);
        const auto& shape = engine->config().layers[layer];
        if (shape.ratio != 0) {
          std::vector<const std::byte*> pages;
          const auto paged = engine::pagedRows(state, layout.layers[layer],
                                               layout.layers[layer].rows_offset,
                                               layout.row.rowBytes(), pages);
          compareRows(layout.row, golden, prefix + ".compressed",
                      rowsOf(paged, golden.bundle.ints(prefix + ".compressed.first")[0],
                             golden.bundle.dim(prefix + ".compressed.code", 0)),
                      agreement);
        }
        if (shape.kind == engine::LayerKind::kCsa) {
          std::vector<const std::byte*> pages;
          const auto paged = engine::pagedRows(state, layout.layers[layer],
                                               layout.layers[layer].keys_offset,
                                               layout.key.rowBytes(), pages);
          compareKeys(layout.key, golden, prefix + ".keys",
                      rowsOf(paged, golden.bundle.ints(prefix + ".keys.first")[0],
                             golden.bundle.dim(prefix + ".keys.packed", 0)),
                      agreement);
        }
        qInfo("%s layer %zu: codes %.4f, relative rms %.1e", golden.name.c_str(), layer,
              agreement.codes(), agreement.relativeRms());
        if (layer == 0) {
          QVERIFY(agreement.codes() >= 0.995);
          QCOMPARE(agreement.n_scales_equal, agreement.n_scales);
        } else if (shape.ratio != 0 && first_compressed) {
          QVERIFY(agreement.codes() >= 0.95);
        }
        QVERIFY(agreement.relativeRms() <= 0.15);
        first_compressed = first_compressed && (layer == 0 || shape.ratio == 0);
      }
    }
    QVERIFY(n_cases > 0);
  }
};

}  // namespace

LECTERN_TEST(ModelGoldenTest)
#include "model_golden_test.moc"
