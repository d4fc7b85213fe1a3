#include <QTest>
#include <cmath>
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

// K and G of every token: [n, width] each.
struct Projected {
  std::vector<float> k, g;
  std::int64_t width = 0;
};

Projected project(Version version, const Bundle& golden, const std::string& prefix,
                  std::int64_t ratio) {
  const auto x = golden.floats("x"), ape = golden.floats(prefix + "ape");
  Projected rows;
  LinearArgs args;
  args.x = x.data();
  args.w = golden.matrix(prefix + "wkv.weight");
  args.n = golden.dim("x", 0);
  args.rounding = Rounding::kNone;
  rows.width = args.w.out;
  rows.k.resize(static_cast<std::size_t>(args.n * rows.width));
  rows.g.resize(rows.k.size());
  args.y = rows.k.data();
  support::run(version, args);
  args.w = golden.matrix(prefix + "wgate.weight");
  args.y = rows.g.data();
  support::run(version, args);
  for (std::int64_t t = 0; t < args.n; ++t)
    for (std::int64_t c = 0; c < rows.width; ++c)
      rows.g[t * rows.width + c] += ape[t % ratio * rows.width + c];
  return rows;
}

std::vector<float> pool(Version version, const Projected& rows, std::int64_t ratio,
                        std::int64_t n_entries, std::int64_t dim = 128) {
  std::vector<float> pooled(static_cast<std::size_t>(n_entries * dim));
  for (std::int64_t w = 0; w < n_entries; ++w) {
    CompressArgs args;
    args.k = rows.k.data() + w * ratio * rows.width;
    args.g = rows.g.data() + w * ratio * rows.width;
    args.row_stride = rows.width;
    args.ratio = ratio;
    args.dim = dim;
    args.overlap = ratio == 4;
    args.has_previous = w > 0;
    args.pooled = pooled.data() + w * dim;
    args.rounding = dim == 1 ? Rounding::kNone : Rounding::kBf16;
    support::run(version, args);
  }
  return pooled;
}

// Norm and rotation at position w·ratio.
std::vector<float> finished(Version version, std::vector<float> entries,
                            const std::vector<float>& weight, std::int64_t ratio) {
  const auto n = static_cast<std::int64_t>(entries.size()) / 128;
  RmsNormArgs norm;
  norm.x = norm.y = entries.data();
  norm.weight = weight.data();
  norm.n = n;
  norm.dim = 128;
  support::run(version, norm);
  const YarnScaling tiny{.original_length = 64};
  const auto frequencies = ropeFrequencies(64, 160000, &tiny);
  std::vector<float> table(static_cast<std::size_t>(n * 64));
  for (std::int64_t w = 0; w < n; ++w) ropeAngles(frequencies, w * ratio, table.data() + w * 64);
  RopeArgs rope;
  rope.x = entries.data();
  rope.cos_sin = table.data();
  rope.n = n;
  rope.head_dim = 128;
  support::run(version, rope);
  return entries;
}

// Share of codes that are equal; −1 if one is off by more than a step.
double codeAgreement(const std::vector<std::uint8_t>& actual,
                     const std::vector<std::uint8_t>& expected) {
  std::size_t n_equal = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (std::abs(int{actual[i]} - int{expected[i]}) > 1) return -1;
    n_equal += actual[i] == expected[i];
  }
  return static_cast<double>(n_equal) / static_cast<double>(expected.size());
}

}  // namespace

class CompressTest : public QObject {
  Q_OBJECT
 private slots:
  void entriesMatch_data() {
    QTest::addColumn<support::Version>("version");
    QTest::addColumn<int>("ratio");
    for (const int ratio : {4, 16, 128}) {
      QTest::addRow("reference %d", ratio) << Version::kRef << ratio;
      QTest::addRow("cpu %d", ratio) << Version::kCpu << ratio;
    }
  }
  void entriesMatch() {
    FETCH_VERSION;
    QFETCH(const int, ratio);
    const std::string name = "unit/compressor_" + std::to_string(ratio) + ".safetensors";
    const auto path = support::goldenPath(name);
    if (path.empty()) WITHOUT_DATA("compressor bundles");
    const Bundle golden(path);
    const Projected rows = project(version, golden, "", ratio);
    const auto width = static_cast<std::size_t>(rows.width);
    if (ratio != 128) {  // that file holds no projected rows
      VERIFY_MATCH(support::elementMismatch(rows.k, golden.floats("K"), width, 1e-5));
      VERIFY_MATCH(support::elementMismatch(rows.g, golden.floats("G"), width, 1e-5));
    }
    const std::int64_t n_entries = golden.dim("pooled", 0);
    VERIFY_MATCH(support::bf16Mismatch(pool(version, rows, ratio, n_entries),
                                       golden.floats("pooled"), 0.995));

    const auto entries =
        finished(version, golden.floats("pooled"), golden.floats("norm.weight"), ratio);
    const KvRowFormat format{.head_dim = 128};
    std::vector<std::uint8_t> packed(static_cast<std::size_t>(format.rowBytes())), codes, scales;
    for (std::int64_t w = 0; w < n_entries; ++w) {
      packKvRow(format, entries.data() + w * 128, reinterpret_cast<std::byte*>(packed.data()));
      codes.insert(codes.end(), packed.begin(), packed.begin() + 64);
      scales.push_back(packed[64 + 128]);
    }
    QVERIFY(codeAgreement(codes, golden.bytes("entries_code")) >= 0.995);
    QVERIFY(scales == golden.bytes("entries_scale"));
  }

  void indexKeysMatch_data() { bothVersions(); }
  void indexKeysMatch() {
    FETCH_VERSION;
    REQUIRE_GOLDEN(path, "unit/compressor_4.safetensors");
    const Bundle golden(path);
    const std::int64_t n_entries = golden.dim("index_keys", 0);
    const auto pooled = pool(version, project(version, golden, "index_", 4), 4, n_entries);
    const auto keys = finished(version, pooled, golden.floats("index_norm.weight"), 4);
    const IndexRowFormat format;
    const auto expected = golden.bytes("index_keys_packed");
    const auto expected_scales = golden.bytes("index_keys_scale");
    std::vector<std::uint8_t> packed(68), nibbles, expected_nibbles, scales;
    for (std::int64_t w = 0; w < n_entries; ++w) {
      packIndexRow(format, keys.data() + w * 128, reinterpret_cast<std::byte*>(packed.data()));
      for (int i = 0; i < 64; ++i) {
        nibbles.insert(nibbles.end(), {std::uint8_t(packed[i] & 15), std::uint8_t(packed[i] >> 4)});
        const std::uint8_t byte = expected[w * 64 + i];
        expected_nibbles.insert(expected_nibbles.end(),
                                {std::uint8_t(byte & 15), std::uint8_t(byte >> 4)});
      }
      scales.insert(scales.end(), packed.begin() + 64, packed.end());
    }
    QVERIFY(codeAgreement(nibbles, expected_nibbles) >= 0.995);
    QVERIFY(scales == expected_scales);
  }

  // Appendix A.4.
  void theSpecificationsOverlapComesOut_data() { bothVersions(); }
  void theSpecificationsOverlapComesOut() {
    FETCH_VERSION;
    Projected rows;
    rows.width = 2;
    for (int t = 0; t < 8; ++t) {
      const auto position = static_cast<float>(t);
      rows.k.insert(rows.k.end(), {position + 1, -(position + 1) / 2});
      rows.g.insert(rows.g.end(), {0.1f * position, 0.2f * position - 0.5f});
    }
    const auto pooled = pool(version, rows, 4, 2, 1);
    QVERIFY(std::abs(pooled[0] - -1.373604658768691) < 5e-7);
    QVERIFY(std::abs(pooled[1] - -1.0646180627358817) < 5e-7);
  }

  // Channels that are no multiple of a vector, scores far apart, with and without a block before.
  void randomBlocksMatchTheReference() {
    constexpr std::uint32_t kSeed = 20261125;
    std::mt19937 random(kSeed);
    std::normal_distribution<float> value(0, 3);
    for (const std::int64_t ratio : {4, 128})
      for (const std::int64_t dim : {192, 512, 77}) {
        CompressArgs args;
        args.overlap = ratio == 4;
        args.ratio = ratio;
        args.dim = dim;
        const std::int64_t width = args.overlap ? 2 * dim : dim;
        args.row_stride = 2 * width;
        args.rounding = Rounding::kNone;
        std::vector<float> rows(static_cast<std::size_t>(2 * ratio * 2 * width));
        for (float& v : rows) v = value(random);
        std::vector<float> expected(static_cast<std::size_t>(dim)), actual(expected);
        for (const bool has_previous : {false, true}) {
          args.has_previous = has_previous;
          args.k = rows.data() + ratio * args.row_stride;
          args.g = args.k + width;
          args.pooled = expected.data();
          compressRef(args);
          args.pooled = actual.data();
          compressCpu(args);
          for (std::size_t c = 0; c < expected.size(); ++c)
            QVERIFY2(std::abs(actual[c] - expected[c]) <= 1e-5,
                     qPrintable(QString("seed %1, ratio %2, channel %3")
                                    .arg(kSeed).arg(ratio).arg(c)));
        }
      }
  }
};

LECTERN_TEST(CompressTest)
#include "compress_test.moc"
