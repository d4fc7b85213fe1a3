#include <hwy/targets.h>

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
using support::Bundle;

namespace {

constexpr std::uint32_t kSeed = 20261125;

// Rows as the indexer stores them, in pages.
struct IndexRows {
  IndexRowFormat format;
  std::vector<std::byte> bytes;
  std::vector<const std::byte*> pages;
  PagedRows rows;

  IndexRows(const IndexRowFormat& format, std::vector<std::byte> packed,
            std::int64_t rows_per_page = 512)
      : format(format), bytes(std::move(packed)) {
    for (std::size_t at = 0; at < bytes.size();
         at += static_cast<std::size_t>(rows_per_page * format.rowBytes()))
      pages.push_back(bytes.data() + at);
    rows = {pages.data(), rows_per_page, format.rowBytes()};
  }
  // Golden rows are already rotated and on the grid; packIndexRow would rotate them again.
  IndexRows(const IndexRowFormat& format, const std::vector<float>& values)
      : IndexRows(format, packed(format, values)) {}

 private:
  static std::vector<std::byte> packed(const IndexRowFormat& format,
                                       const std::vector<float>& values) {
    const auto n = static_cast<std::int64_t>(values.size()) / format.dim;
    std::vector<std::byte> bytes(static_cast<std::size_t>(n * format.rowBytes()));
    for (std::int64_t w = 0; w < n; ++w)
      pack(format, values.data() + w * format.dim, bytes.data() + w * format.rowBytes());
    return bytes;
  }
  static void pack(const IndexRowFormat& format, const float* row, std::byte* out) {
    if (format.packing == RowPacking::kFloat) return packIndexRow(format, row, out);
    auto* to = reinterpret_cast<std::uint8_t*>(out);
    std::uint8_t codes[32];
    for (std::int64_t g = 0; g < format.dim / 32; ++g) {
      to[format.dim / 2 + g] = quantizeFp4Group(row + g * 32, 32, codes);
      for (int i = 0; i < 16; ++i)
        to[g * 16 + i] = static_cast<std::uint8_t>(codes[2 * i] | codes[2 * i + 1] << 4);
    }
  }
};

// What the rows of a random case are like.
enum class Kind {
  kNear,      // scales of a row within 2^3: every dot product is an exact integer
  kFar,       // a few rows have scales far apart
  kExtreme,   // a few rows have the smallest or the largest scales there are, or NaN
  kRepeated,  // five different keys: exact ties
  kEqual,     // one key
  kFloat      // not packed, nothing is rounded
};

std::vector<std::byte> randomRows(std::mt19937& random, const IndexRowFormat& format,
                                  std::int64_t n, Kind kind) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(n * format.rowBytes()));
  const std::int64_t n_distinct = kind == Kind::kRepeated ? 5 : kind == Kind::kEqual ? 1 : n;
  for (std::int64_t w = 0; w < n; ++w) {
    auto* row = reinterpret_cast<std::uint8_t*>(bytes.data() + w * format.rowBytes());
    if (w >= n_distinct) {
      const std::int64_t from = static_cast<std::int64_t>(random()) % n_distinct;
      std::memcpy(row, bytes.data() + from * format.rowBytes(),
                  static_cast<std::size_t>(format.rowBytes()));
    } else if (kind == Kind::kFloat) {
      for (std::int64_t i = 0; i < format.dim; ++i) {
        const float value = (static_cast<float>(random() % 2001) - 1000.0f) / 300.0f;
        std::memcpy(row + 4 * i, &value, 4);
      }
    } else {
      for (std::int64_t i = 0; i < format.dim / 2; ++i)
        row[i] = static_cast<std::uint8_t>(random());
      const bool odd = random() % 50 == 0;
      for (std::int64_t g = 0; g < format.dim / 32; ++g)
        row[format.dim / 2 + g] =
            odd && kind == Kind::kFar       ? static_cast<std::uint8_t>(110 + random() % 30)
            : odd && kind == Kind::kExtreme ? static_cast<std::uint8_t>(random() % 2 ? 0 : 255)
                                            : static_cast<std::uint8_t>(118 + random() % 4);
    }
  }
  return bytes;
}

// Queries, weights and keys of a random case with its results.
struct RandomCase {
  IndexRowFormat format;
  IndexRows q, keys;
  std::vector<float> weights;
  std::vector<std::int64_t> n_visible;
  std::vector<std::int32_t> indices;
  std::vector<float> scores;
  IndexSelectArgs args;

  RandomCase(std::mt19937& random, Kind kind, std::int64_t n, std::int64_t n_heads,
             std::int64_t n_keys, std::int64_t k, std::int64_t rows_per_page = 100)
      : format{.dim = 128,
               .packing = kind == Kind::kFloat ? RowPacking::kFloat : RowPacking::kPacked},
        q(format,
          randomRows(random, format, n * n_heads, kind == Kind::kEqual ? Kind::kNear : kind)),
        keys(format, randomRows(random, format, n_keys, kind), rows_per_page) {
    for (std::int64_t i = 0; i < n * n_heads; ++i)
      weights.push_back(roundBf16((static_cast<float>(random() % 2001) - 800.0f) / 20000.0f));
    for (std::int64_t t = 0; t < n; ++t)
      n_visible.push_back(std::max<std::int64_t>(0, n_keys - (n - 1 - t) / 2));
    indices.resize(static_cast<std::size_t>(n * k));
    scores.resize(indices.size());
    args.q = q.bytes.data();
    args.weights = weights.data();
    args.n_visible = n_visible.data();
    args.keys = keys.rows;
    args.format = format;
    args.indices = indices.data();
    args.scores = scores.data();
    args.n = n;
    args.n_heads = n_heads;
    args.k = k;
    args.rounding = kind == Kind::kFloat ? Rounding::kNone : Rounding::kBf16;
  }
  void run(support::Version version) {
    std::fill(indices.begin(), indices.end(), 77);
    support::run(version, args);
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

  void bothVersionsPackTheSameBytes_data() {
    QTest::addColumn<int>("dim");
    for (const int dim : {32, 64, 128, 512}) QTest::addRow("%d", dim) << dim;
  }
  void bothVersionsPackTheSameBytes() {
    QFETCH(const int, dim);
    std::mt19937 random(kSeed);
    const IndexRowFormat format{.dim = dim};
    std::vector<float> row(static_cast<std::size_t>(dim));
    std::vector<std::byte> expected(static_cast<std::size_t>(format.rowBytes())), actual(expected);
    for (int i = 0; i < 2000; ++i) {
      // Few bits, so that values between two codes occur; many zeros; also the largest numbers.
      const int exponent = static_cast<int>(random() % 8) == 0 ? 110 : -130 + i % 140;
      const std::uint32_t n_values = i % 3 == 0 ? 5 : 65536;
      for (float& value : row)
        value = std::ldexp(
            static_cast<float>(random() % n_values) - static_cast<float>(n_values / 2), exponent);
      if (i % 5 == 0) std::fill(row.begin() + 1, row.end(), 0.0f);
      packIndexRowRef(format, row.data(), expected.data());
      packIndexRow(format, row.data(), actual.data());
      QVERIFY2(actual == expected, qPrintable(QString("seed %1, row %2").arg(kSeed).arg(i)));
    }
  }

  // Selecting as many as there are keys shows every score.
  void scoresMatch_data() { bothVersions(); }
  void scoresMatch() {
    FETCH_VERSION;
    REQUIRE_GOLDEN(path, "unit/indexer.safetensors");
    const Bundle golden(path);
    const auto weights = golden.floats("weights");
    const IndexRows q({}, golden.floats("qI")), keys({}, golden.floats("keys"));
    const std::int64_t n = golden.dim("qI", 0), n_keys = golden.dim("keys", 0);
    const std::vector<std::int64_t> n_visible(static_cast<std::size_t>(n), n_keys);
    std::vector<std::int32_t> indices(static_cast<std::size_t>(n * n_keys));
    std::vector<float> sorted(indices.size()), scores(indices.size());
    IndexSelectArgs args;
    args.q = q.bytes.data();
    args.weights = weights.data();
    args.n_visible = n_visible.data();
    args.keys = keys.rows;
    args.indices = indices.data();
    args.scores = sorted.data();
    args.n = n;
    args.n_heads = 4;
    args.k = n_keys;
    support::run(version, args);
    for (std::size_t i = 0; i < indices.size(); ++i) {
      const auto row = i / static_cast<std::size_t>(n_keys) * static_cast<std::size_t>(n_keys);
      QVERIFY(indices[i] >= 0 && indices[i] < n_keys);
      QVERIFY(i == row || sorted[i - 1] >= sorted[i]);
      scores[row + static_cast<std::size_t>(indices[i])] = sorted[i];
    }
    VERIFY_MATCH(support::bf16Mismatch(scores, golden.floats("scores"), 0.99));
  }

  // Appendix A.5.
  void theSpecificationsScoresComeOut_data() { bothVersions(); }
  void theSpecificationsScoresComeOut() {
    FETCH_VERSION;
    const IndexRowFormat format{.dim = 32, .packing = RowPacking::kFloat};
    const float heads[2][2] = {{1, -0.5f}, {0.25f, 2}},
                entries[3][2] = {{1, 1}, {-1, 0.5f}, {0, -2}};
    std::vector<float> q(2 * 32), key(3 * 32);
    for (int h = 0; h < 2; ++h) std::copy_n(heads[h], 2, q.data() + h * 32);
    for (int w = 0; w < 3; ++w) std::copy_n(entries[w], 2, key.data() + w * 32);
    const IndexRows queries(format, q), keys(format, key);
    const float weights[2] = {0.5f, -0.25f};
    const std::int64_t n_visible = 3;
    std::int32_t indices[5];
    float scores[5];
    IndexSelectArgs args;
    args.q = queries.bytes.data();
    args.weights = weights;
    args.n_visible = &n_visible;
    args.keys = keys.rows;
    args.format = format;
    args.indices = indices;
    args.scores = scores;
    args.n = 1;
    args.n_heads = 2;
    args.k = 5;
    support::run(version, args);
    const std::int32_t expected_indices[5] = {2, 1, 0, -1, -1};
    const float expected[5] = {0.5f, -0.1875f, -0.3125f, -INFINITY, -INFINITY};
    for (int i = 0; i < 5; ++i) {
      QCOMPARE(indices[i], expected_indices[i]);
      QCOMPARE(scores[i], expected[i]);
    }
  }

  void topkOfVisibleScoresMatches_data() { bothVersions(); }
  void topkOfVisibleScoresMatches() {
    FETCH_VERSION;
    REQUIRE_GOLDEN(path, "unit/indexer.safetensors");
    const Bundle golden(path);
    const auto scores = golden.floats("scores");
    const std::int64_t n = golden.dim("scores", 0), n_keys = golden.dim("scores", 1);
    const std::int64_t k = golden.dim("topk", 1);
    const auto expected = golden.ints("topk");
    for (std::int64_t t = 0; t < n; ++t) {
      const auto indices = selectGiven(version, scores.data() + t * n_keys, (t + 1) / 4, k);
      QVERIFY(std::equal(indices.begin(), indices.end(), expected.begin() + t * k));
    }
  }

  void equalScoresGoToTheLowestIndex_data() { bothVersions(); }
  void equalScoresGoToTheLowestIndex() {
    FETCH_VERSION;
    REQUIRE_GOLDEN(path, "unit/indexer.safetensors");
    const Bundle golden(path);
    const auto scores = golden.floats("tie_scores");
    for (const std::int64_t k : {1, 5, 8, 63, 64}) {
      const auto expected = golden.ints("tie_top" + std::to_string(k));
      for (std::int64_t t = 0; t < 40; ++t) {
        const auto indices = selectGiven(version, scores.data() + t * 64, 64, k);
        QVERIFY(std::equal(indices.begin(), indices.end(), expected.begin() + t * k));
        std::vector<std::int32_t> sorted(static_cast<std::size_t>(k));
        topk(scores.data() + t * 64, 64, k, sorted.data());
        QCOMPARE(sorted, indices);
      }
    }
  }

  // Given scores, more of them than a list of candidates holds.
  void manyScoresAreSelectedAsASortWould_data() {
    QTest::addColumn<int>("kind");
    const char* kinds[] = {"random", "few values", "both zeros", "rising", "falling", "infinities"};
    for (int kind = 0; kind < 6; ++kind) QTest::newRow(kinds[kind]) << kind;
  }
  void manyScoresAreSelectedAsASortWould() {
    QFETCH(const int, kind);
    std::mt19937 random(kSeed);
    constexpr std::int64_t kScores = 9000;
    std::vector<float> scores(kScores);
    for (std::int64_t i = 0; i < kScores; ++i) {
      const float powers[5] = {0.0f, 1.0f, -1.0f, 0.5f, -2.0f};
      const float value = (static_cast<float>(random() % 20001) - 10000.0f) / 700.0f;
      const auto place = static_cast<float>(i);
      scores[i] = kind == 0   ? value
                  : kind == 1 ? powers[random() % 5]
                  : kind == 2 ? (random() % 2 ? 0.0f : -0.0f)
                  : kind == 3 ? place
                  : kind == 4 ? -place
                              : (random() % 3 ? value : std::copysign(INFINITY, value));
      scores[i] = roundBf16(scores[i]);
    }
    for (const std::int64_t n : {1, 65, 1000, 9000})
      for (const std::int64_t k : {1, 2, 128, 999, 9000, 9500}) {
        std::vector<std::int32_t> expected(static_cast<std::size_t>(k));
        topk(scores.data(), n, k, expected.data());
        QCOMPARE(selectGiven(support::Version::kCpu, scores.data(), n, k), expected);
      }
  }

  void randomKeysAreSelectedAsTheReferenceDoes_data() {
    QTest::addColumn<int>("kind");
    const char* kinds[] = {"near", "far", "extreme", "repeated", "equal", "float"};
    for (int kind = 0; kind < 6; ++kind) QTest::newRow(kinds[kind]) << kind;
  }
  void randomKeysAreSelectedAsTheReferenceDoes() {
    QFETCH(const int, kind);
    std::mt19937 random(kSeed);
    struct Shape {
      std::int64_t n, n_heads, n_keys, k;
    };
    for (const Shape& shape :
         {Shape{1, 1, 1, 1}, Shape{3, 2, 63, 7}, Shape{70, 3, 150, 40}, Shape{5, 4, 1500, 128},
          Shape{3, 5, 700, 1024}, Shape{2, 64, 600, 130}, Shape{1, 4, 9000, 128},
          Shape{9, 4, 4000, 8}}) {
      RandomCase expected(random, static_cast<Kind>(kind), shape.n, shape.n_heads, shape.n_keys,
                          shape.k);
      expected.run(support::Version::kRef);
      const auto indices = expected.indices;
      const auto scores = expected.scores;
      expected.run(support::Version::kCpu);
      if (static_cast<Kind>(kind) == Kind::kFloat) {
        // Sums in float32 and in double: neighbours in the order may change places.
        for (std::size_t i = 0; i < scores.size(); ++i)
          QVERIFY(scores[i] == expected.scores[i] ||
                  std::fabs(scores[i] - expected.scores[i]) < 1e-4f);
        continue;
      }
      QVERIFY2(expected.indices == indices, qPrintable(QString("seed %1, %2 keys, %3 heads")
                                                           .arg(kSeed)
                                                           .arg(shape.n_keys)
                                                           .arg(shape.n_heads)));
      QCOMPARE(expected.scores, scores);
    }
  }

  // With no head of negative weight the bound that keys are thrown away by is as tight as can be:
  // here many keys are one rounding away from the threshold.
  void keysJustAboveTheThresholdAreSelected() {
    std::mt19937 random(kSeed);
    for (const std::int64_t n_heads : {1, 3, 4}) {
      RandomCase some(random, Kind::kNear, 100, n_heads, 3000, 8);
      for (float& weight : some.weights) weight = std::fabs(weight) + 0x1p-10f;
      some.run(support::Version::kRef);
      const auto indices = some.indices;
      some.run(support::Version::kCpu);
      QVERIFY2(some.indices == indices, qPrintable(QString("seed %1").arg(kSeed)));
    }
  }

  // Exact sums leave the instruction set no room.
  void everyInstructionSetGivesTheSameBits() {
    std::mt19937 random(kSeed);
    for (const Kind kind : {Kind::kNear, Kind::kFar, Kind::kExtreme})
      for (const std::int64_t n_heads : {1, 7, 64}) {
        RandomCase some(random, kind, 9, n_heads, 1000, n_heads == 7 ? 4 : 50);
        some.run(support::Version::kCpu);
        const auto indices = some.indices;
        const auto scores = some.scores;
        const std::int64_t supported = hwy::SupportedTargets();
        for (std::int64_t rest = supported; rest != 0; rest &= rest - 1) {
          hwy::SetSupportedTargetsForTest(rest & -rest);
          hwy::GetChosenTarget().DeInit();
          some.run(support::Version::kCpu);
          hwy::SetSupportedTargetsForTest(0);
          hwy::GetChosenTarget().DeInit();
          QVERIFY2(some.indices == indices && some.scores == scores, hwy::TargetName(rest & -rest));
        }
      }
  }

  void queriesThatSeeLittleGetLittle_data() { bothVersions(); }
  void queriesThatSeeLittleGetLittle() {
    FETCH_VERSION;
    std::mt19937 random(kSeed);
    RandomCase some(random, Kind::kNear, 5, 4, 100, 10);
    some.n_visible = {0, 1, 7, 64, 65};
    some.run(version);
    for (std::int64_t t = 0; t < 5; ++t) {
      std::vector<std::int32_t> of_query(some.indices.begin() + t * 10,
                                         some.indices.begin() + t * 10 + 10);
      const std::int64_t n_found = std::min<std::int64_t>(10, some.n_visible[t]);
      for (std::int64_t i = n_found; i < 10; ++i) QCOMPARE(of_query[i], -1);
      of_query.resize(static_cast<std::size_t>(n_found));
      std::sort(of_query.begin(), of_query.end());
      QVERIFY(std::unique(of_query.begin(), of_query.end()) == of_query.end());
      QVERIFY(n_found == 0 || (of_query.front() >= 0 && of_query.back() < some.n_visible[t]));
    }
  }

 private:
  // Two heads that see a key's first value, once as it is and once negated, give any bf16 score.
  static std::vector<std::int32_t> selectGiven(support::Version version, const float* scores,
                                               std::int64_t n, std::int64_t k) {
    const IndexRowFormat format{.dim = 32, .packing = RowPacking::kFloat};
    std::vector<float> q(2 * 32), key(static_cast<std::size_t>(n * 32));
    q[0] = 1.0f, q[32 + 1] = 1.0f;
    for (std::int64_t w = 0; w < n; ++w) {
      key[static_cast<std::size_t>(w * 32)] = std::max(scores[w], 0.0f);
      key[static_cast<std::size_t>(w * 32 + 1)] = std::max(-scores[w], 0.0f);
    }
    const IndexRows queries(format, q), keys(format, key);
    const float weights[2] = {1.0f, -1.0f};
    std::vector<std::int32_t> indices(static_cast<std::size_t>(k));
    IndexSelectArgs args;
    args.q = queries.bytes.data();
    args.weights = weights;
    args.n_visible = &n;
    args.keys = keys.rows;
    args.format = format;
    args.indices = indices.data();
    args.n = 1;
    args.n_heads = 2;
    args.k = k;
    support::run(version, args);
    return indices;
  }
};

LECTERN_TEST(IndexerTest)
#include "indexer_test.moc"
