#include <QTest>
#include <random>

#include "tests/kernels/bundle.h"
#include "tests/kernels/compare.h"
#include "tests/kernels/operations.h"
#include "tests/support/golden.h"
#include "tests/support/test_main.h"

using namespace kernels;
using support::Bundle;

namespace {

// Keys as one page of packed rows.
struct KeyPage {
  std::vector<std::byte> bytes;
  const std::byte* page = nullptr;
  PagedRows rows;

  KeyPage(const std::vector<float>& keys, const IndexRowFormat& format) {
    const auto n = static_cast<std::int64_t>(keys.size()) / format.dim;
    bytes.resize(static_cast<std::size_t>(n * format.rowBytes()));
    for (std::int64_t w = 0; w < n; ++w)
      pack(keys.data() + w * format.dim, format, bytes.data() + w * format.rowBytes());
    page = bytes.data();
    rows = {&page, n, format.rowBytes()};
  }

 private:
  // Golden keys are already rotated and on the grid; packIndexRow would rotate them again.
  static void pack(const float* key, const IndexRowFormat& format, std::byte* out) {
    if (format.packing == RowPacking::kFloat) return packIndexRow(format, key, out);
    auto* to = reinterpret_cast<std::uint8_t*>(out);
    std::uint8_t codes[32];
    for (std::int64_t g = 0; g < format.dim / 32; ++g) {
      to[format.dim / 2 + g] = quantizeFp4Group(key + g * 32, 32, codes);
      for (int i = 0; i < 16; ++i)
        to[g * 16 + i] = static_cast<std::uint8_t>(codes[2 * i] | codes[2 * i + 1] << 4);
    }
  }
};

}  // namespace

class IndexerTest : public QObject {
  Q_OBJECT
 private slots:
  void queriesAndWeightsMatch_data() { bothVersions(); }
  void queriesAndWeightsMatch() {
    FETCH_VERSION;
    REQUIRE_GOLDEN(path, "unit/indexer.safetensors");
    const Bundle golden(path);
    const auto lat = golden.floats("lat"), x = golden.floats("x");
    const std::int64_t n = golden.dim("x", 0);
    std::vector<float> q(static_cast<std::size_t>(n * 512)),
        weights(static_cast<std::size_t>(n * 4));
    LinearArgs linear;
    linear.x = lat.data();
    linear.w = golden.matrix("wq_b.weight", "wq_b.scale");
    linear.y = q.data();
    linear.n = n;
    linear.input = LinearInput::kFp8;
    support::run(version, linear);

    const YarnScaling tiny{.original_length = 64};
    const auto frequencies = ropeFrequencies(64, 160000, &tiny);
    std::vector<float> table(static_cast<std::size_t>(n * 64));
    for (std::int64_t t = 0; t < n; ++t) ropeAngles(frequencies, t, table.data() + t * 64);
    RopeArgs rope;
    rope.x = q.data();
    rope.cos_sin = table.data();
    rope.n = n;
    rope.n_heads = 4;
    rope.head_dim = 128;
    support::run(version, rope);
    std::vector<std::byte> packed(68);
    for (std::int64_t row = 0; row < n * 4; ++row) {
      packIndexRow({}, q.data() + row * 128, packed.data());
      unpackIndexRow({}, packed.data(), q.data() + row * 128);
    }
    // A flipped bf16 rounding before the FP4 grid moves a value by one of its steps; the rest
    // is identical.
    const auto expected = golden.floats("qI");
    std::size_t n_equal = 0;
    for (std::size_t i = 0; i < q.size(); ++i) n_equal += q[i] == expected[i];
    QVERIFY(static_cast<double>(n_equal) >= 0.995 * static_cast<double>(q.size()));

    linear.x = x.data();
    linear.w = golden.matrix("weights_proj.weight");
    linear.y = weights.data();
    linear.input = LinearInput::kAsIs;
    support::run(version, linear);
    const auto constant = static_cast<float>(1.0 / std::sqrt(128.0 * 4.0));
    for (float& weight : weights) weight = roundBf16(weight * constant);
    VERIFY_MATCH(support::bf16Mismatch(weights, golden.floats("weights"), 0.99));
  }

  void scoresMatch_data() { bothVersions(); }
  void scoresMatch() {
    FETCH_VERSION;
    REQUIRE_GOLDEN(path, "unit/indexer.safetensors");
    const Bundle golden(path);
    const auto q = golden.floats("qI"), weights = golden.floats("weights");
    const IndexRowFormat format;
    const KeyPage keys(golden.floats("keys"), format);
    IndexScoresArgs args;
    args.q = q.data();
    args.weights = weights.data();
    args.keys = keys.rows;
    args.format = format;
    args.n = golden.dim("qI", 0);
    args.n_heads = 4;
    args.scores_stride = golden.dim("keys", 0);
    const std::vector<std::int64_t> n_visible(static_cast<std::size_t>(args.n), args.scores_stride);
    args.n_visible = n_visible.data();
    std::vector<float> scores(static_cast<std::size_t>(args.n * args.scores_stride));
    args.scores = scores.data();
    support::run(version, args);
    VERIFY_MATCH(support::bf16Mismatch(scores, golden.floats("scores"), 0.99));
  }

  void keysBeyondTheVisibleOnesAreLeftAlone_data() { bothVersions(); }
  void keysBeyondTheVisibleOnesAreLeftAlone() {
    FETCH_VERSION;
    REQUIRE_GOLDEN(path, "unit/indexer.safetensors");
    const Bundle golden(path);
    const auto q = golden.floats("qI"), weights = golden.floats("weights");
    const IndexRowFormat format;
    const KeyPage keys(golden.floats("keys"), format);
    const std::vector<std::int64_t> n_visible = {0, 1, 7, 30};
    std::vector<float> scores(4 * 30, 77.0f);
    IndexScoresArgs args;
    args.q = q.data();
    args.weights = weights.data();
    args.n_visible = n_visible.data();
    args.keys = keys.rows;
    args.format = format;
    args.scores = scores.data();
    args.n = 4;
    args.n_heads = 4;
    args.scores_stride = 30;
    support::run(version, args);
    for (std::int64_t t = 0; t < 4; ++t)
      for (std::int64_t w = 0; w < 30; ++w)
        QCOMPARE(scores[t * 30 + w] == 77.0f, w >= n_visible[t]);
  }

  // Appendix A.5.
  void theSpecificationsScoresComeOut_data() { bothVersions(); }
  void theSpecificationsScoresComeOut() {
    FETCH_VERSION;
    std::vector<float> q(2 * 32), keys(3 * 32);
    const float heads[2][2] = {{1, -0.5f}, {0.25f, 2}}, rows[3][2] = {{1, 1}, {-1, 0.5f}, {0, -2}};
    for (int h = 0; h < 2; ++h) std::copy_n(heads[h], 2, q.data() + h * 32);
    for (int w = 0; w < 3; ++w) std::copy_n(rows[w], 2, keys.data() + w * 32);
    const IndexRowFormat format{.dim = 32, .packing = RowPacking::kFloat};
    const KeyPage page(keys, format);
    const float weights[2] = {0.5f, -0.25f}, expected[3] = {-0.3125f, -0.1875f, 0.5f};
    const std::int64_t n_visible = 3;
    float scores[3];
    IndexScoresArgs args;
    args.q = q.data();
    args.weights = weights;
    args.n_visible = &n_visible;
    args.keys = page.rows;
    args.format = format;
    args.scores = scores;
    args.n = 1;
    args.n_heads = 2;
    args.scores_stride = 3;
    support::run(version, args);
    for (int w = 0; w < 3; ++w) QCOMPARE(scores[w], expected[w]);
  }

  void topkOfVisibleScoresMatches_data() { bothVersions(); }
  void topkOfVisibleScoresMatches() {
    FETCH_VERSION;
    REQUIRE_GOLDEN(path, "unit/indexer.safetensors");
    const Bundle golden(path);
    const auto scores = golden.floats("scores");
    TopkArgs args;
    args.scores = scores.data();
    args.n = golden.dim("scores", 0);
    args.scores_stride = golden.dim("scores", 1);
    args.k = golden.dim("topk", 1);
    std::vector<std::int64_t> n_visible(static_cast<std::size_t>(args.n));
    for (std::int64_t t = 0; t < args.n; ++t) n_visible[t] = (t + 1) / 4;
    args.n_visible = n_visible.data();
    std::vector<std::int32_t> indices(static_cast<std::size_t>(args.n * args.k));
    args.indices = indices.data();
    support::run(version, args);
    const auto expected = golden.ints("topk");
    QVERIFY(std::equal(indices.begin(), indices.end(), expected.begin(), expected.end()));
  }

  // Many scores, so that the selection by radix is what runs: against a full sort.
  void manyScoresAreSelectedAsASortWould_data() {
    QTest::addColumn<int>("kind");
    const char* kinds[] = {"bf16", "float32", "few values", "both zeros", "infinities"};
    for (int kind = 0; kind < 5; ++kind) QTest::newRow(kinds[kind]) << kind;
  }
  void manyScoresAreSelectedAsASortWould() {
    QFETCH(const int, kind);
    std::mt19937 random(20261124);
    constexpr std::int64_t kScores = 5000;
    std::vector<float> scores(kScores);
    for (float& score : scores) {
      const float value = (static_cast<float>(random() % 20001) - 10000.0f) / 700.0f;
      const float powers[5] = {0.0f, 1.0f, -1.0f, 0.5f, -2.0f};
      score = kind == 0   ? roundBf16(value)
              : kind == 1 ? value * value * value
              : kind == 2 ? powers[random() % 5]
              : kind == 3 ? (random() % 2 ? 0.0f : -0.0f)
                          : (random() % 3 ? value : std::copysign(INFINITY, value));
    }
    for (const std::int64_t n : {257, 1000, 5000})
      for (const std::int64_t k : {0, 1, 2, 128, 999, 5000, 6000}) {
        std::vector<std::int32_t> actual(static_cast<std::size_t>(k)), expected(actual);
        TopkArgs args{scores.data(), &n, expected.data(), 1, k, kScores};
        support::run(support::Version::kRef, args);
        args.indices = actual.data();
        support::run(support::Version::kCpu, args);
        QCOMPARE(actual, expected);
      }
  }

  void equalScoresGoToTheLowestIndex_data() { bothVersions(); }
  void equalScoresGoToTheLowestIndex() {
    FETCH_VERSION;
    REQUIRE_GOLDEN(path, "unit/indexer.safetensors");
    const Bundle golden(path);
    const auto scores = golden.floats("tie_scores");
    const std::vector<std::int64_t> n_visible(40, 64);
    for (const int k : {1, 5, 8, 63, 64}) {
      TopkArgs args;
      args.scores = scores.data();
      args.n_visible = n_visible.data();
      args.n = 40;
      args.k = k;
      args.scores_stride = 64;
      std::vector<std::int32_t> indices(static_cast<std::size_t>(40 * k));
      args.indices = indices.data();
      support::run(version, args);
      const auto expected = golden.ints("tie_top" + std::to_string(k));
      QVERIFY(std::equal(indices.begin(), indices.end(), expected.begin(), expected.end()));
    }
  }
};

LECTERN_TEST(IndexerTest)
#include "indexer_test.moc"
