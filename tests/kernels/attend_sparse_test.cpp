#include <QTest>
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

// Rows in float form, in pages of `rows_per_page`.
struct FloatPages {
  std::vector<float> values;
  std::vector<const std::byte*> pages;
  PagedRows rows;
  FloatPages(std::vector<float> kv, std::int64_t dim, std::int64_t rows_per_page)
      : values(std::move(kv)) {
    for (std::size_t first = 0; first < values.size(); first += rows_per_page * dim)
      pages.push_back(reinterpret_cast<const std::byte*>(values.data() + first));
    rows = {pages.data(), rows_per_page, dim * 4};
  }
};

// Queries with a window and compressed rows behind it, from a seed. The last query stands at
// position `start + n − 1` and every one sees one more compressed row than the one before.
struct Problem {
  std::int64_t n = 0, n_heads = 1, dim = 128, window = 128, n_rows = 0, n_selected = 0;
  std::int64_t start = 300;
  Rounding rounding = Rounding::kBf16;
  RowPacking packing = RowPacking::kPacked;
};

class RandomAttention {
 public:
  explicit RandomAttention(const Problem& problem, std::uint32_t seed = kSeed)
      : p_(problem), random_(seed) {
    format_ = {.head_dim = p_.dim, .packing = p_.packing};
    q_ = values(p_.n * p_.n_heads * p_.dim);
    sink_ = values(p_.n_heads);
    first_ = std::max<std::int64_t>(0, p_.start - p_.window + 1);
    window_ = rows(p_.start + p_.n - first_);
    compressed_ = rows(p_.n_rows);
    const std::int64_t row_bytes = format_.rowBytes();
    for (std::int64_t row = 0; row < p_.n_rows; row += kPageRows)
      pages_.push_back(compressed_.data() + row * row_bytes);
    for (std::int64_t t = 0; t < p_.n; ++t) {
      visible_.push_back(std::max<std::int64_t>(0, p_.n_rows - p_.n + 1 + t));
      for (std::int64_t i = 0; i < p_.n_selected; ++i)
        selected_.push_back(random_() % 5 == 0 ? -1
                                               : static_cast<std::int32_t>(random_() % p_.n_rows));
    }
  }

  // The results of queries [first, first + n).
  std::vector<float> run(std::int64_t first, std::int64_t n, ThreadPool* pool) const {
    AttendArgs args;
    args.q = q_.data() + first * p_.n_heads * p_.dim;
    args.sink = sink_.data();
    args.n = n;
    args.n_heads = p_.n_heads;
    args.format = format_;
    args.scale = 1.0f / std::sqrt(static_cast<float>(p_.dim));
    args.window = window_.data();
    args.window_first = first_;
    args.window_size = p_.window;
    args.start = p_.start + first;
    args.compressed = {pages_.data(), kPageRows, format_.rowBytes()};
    if (p_.n_selected > 0) args.selected = selected_.data() + first * p_.n_selected;
    args.n_selected = p_.n_selected;
    args.n_visible = visible_.data() + first;
    args.rounding = p_.rounding;
    std::vector<float> o(static_cast<std::size_t>(n * p_.n_heads * p_.dim));
    args.o = o.data();
    if (pool != nullptr) attendSparseCpu(args, *pool);
    else attendSparseRef(args);
    return o;
  }
  const Problem& problem() const { return p_; }

  static constexpr std::uint32_t kSeed = 20261125;

 private:
  static constexpr std::int64_t kPageRows = 16;

  std::vector<float> values(std::int64_t n) {
    std::vector<float> all(static_cast<std::size_t>(n));
    for (float& value : all)
      value = roundBf16(static_cast<float>(random_() % 4001) / 1000.0f - 2.0f);
    return all;
  }
  // Groups of very different sizes, so that scales and subnormal codes differ.
  std::vector<std::byte> rows(std::int64_t n) {
    std::vector<std::byte> bytes(static_cast<std::size_t>(n * format_.rowBytes()));
    for (std::int64_t i = 0; i < n; ++i) {
      auto row = values(p_.dim);
      for (std::int64_t c = 0; c < p_.dim; ++c)
        row[static_cast<std::size_t>(c)] *= std::ldexp(1.0f, static_cast<int>((i + c / 64) % 5) - 3) *
                                            (c % 3 == 0 ? 0x1p-9f : 1.0f);
      packKvRow(format_, row.data(), bytes.data() + i * format_.rowBytes());
    }
    return bytes;
  }

  Problem p_;
  std::mt19937 random_;
  KvRowFormat format_;
  std::int64_t first_ = 0;
  std::vector<float> q_, sink_;
  std::vector<std::byte> window_, compressed_;
  std::vector<const std::byte*> pages_;
  std::vector<std::int32_t> selected_;
  std::vector<std::int64_t> visible_;
};

}  // namespace

Q_DECLARE_METATYPE(Problem)

namespace {

void addProblems() {
  QTest::addColumn<Problem>("problem");
  const auto add = [](const char* name, const Problem& problem) { QTest::newRow(name) << problem; };
  add("window only", {.n = 37, .n_heads = 4, .dim = 192});
  add("window from the start", {.n = 40, .n_heads = 3, .window = 16, .start = 0});
  add("odd start", {.n = 19, .n_heads = 5, .window = 16, .n_rows = 21, .start = 77});
  add("one head", {.n = 21, .n_heads = 1, .dim = 512, .n_rows = 700});
  add("visible", {.n = 33, .n_heads = 8, .dim = 512, .n_rows = 131});
  add("visible, few", {.n = 33, .n_heads = 4, .dim = 192, .n_rows = 20});
  add("selected", {.n = 35, .n_heads = 4, .dim = 192, .n_rows = 500, .n_selected = 128});
  add("selected, odd", {.n = 18, .n_heads = 5, .window = 16, .n_rows = 90, .n_selected = 7});
  add("64 heads", {.n = 5, .n_heads = 64, .dim = 512, .n_rows = 65, .n_selected = 33});
  add("70 heads", {.n = 3, .n_heads = 70, .dim = 128, .n_rows = 65});
  add("float", {.n = 35, .n_heads = 5, .dim = 192, .n_rows = 201, .rounding = Rounding::kNone,
                .packing = RowPacking::kFloat});
  add("float, selected", {.n = 35, .n_heads = 4, .n_rows = 201, .n_selected = 31,
                          .rounding = Rounding::kNone, .packing = RowPacking::kFloat});
  add("packed, not rounded", {.n = 21, .n_heads = 4, .dim = 192, .n_rows = 301,
                              .rounding = Rounding::kNone});
}

}  // namespace

class AttendSparseTest : public QObject {
  Q_OBJECT
 private slots:
  void listedEntriesMatch_data() { bothVersions(); }
  void listedEntriesMatch() {
    FETCH_VERSION;
    REQUIRE_GOLDEN(path, "unit/sparse_attention.safetensors");
    const Bundle golden(path);
    const auto q = golden.floats("q"), sink = golden.floats("sink");
    const std::int64_t n = golden.dim("q", 0), n_heads = 4, dim = 128;
    const FloatPages pages(golden.floats("kv"), dim, 16);
    const auto wide = golden.ints("idx");
    const std::vector<std::int32_t> idx(wide.begin(), wide.end());
    AttendArgs args;
    args.q = q.data();
    args.sink = sink.data();
    args.n_heads = n_heads;
    args.format = {.head_dim = dim, .packing = RowPacking::kFloat};
    args.scale = static_cast<float>(1.0 / std::sqrt(128.0));
    args.window_size = 0;  // no window: the golden lists name every entry
    args.compressed = pages.rows;
    args.selected = idx.data();
    args.n_selected = golden.dim("idx", 1);
    args.n = n;
    args.start = 1000;
    args.window_first = 1000;
    for (const auto rounding : {Rounding::kBf16, Rounding::kNone}) {
      std::vector<float> o(q.size());
      args.o = o.data();
      args.rounding = rounding;
      support::run(version, args);
      const auto expected = golden.floats(rounding == Rounding::kBf16 ? "o" : "o_f32");
      const double bound = rounding == Rounding::kBf16 ? 0x1p-8 : 2e-6;
      std::size_t n_equal = 0;
      for (std::int64_t row = 0; row < n * n_heads; ++row) {
        float largest = 0;
        for (std::int64_t c = 0; c < dim; ++c)
          largest = std::max(largest, std::fabs(expected[row * dim + c]));
        for (std::int64_t i = row * dim; i < (row + 1) * dim; ++i) {
          QVERIFY2(std::abs(o[i] - expected[i]) <= bound * largest,
                   qPrintable(QString("row %1: %2 instead of %3, row maximum %4")
                                  .arg(row).arg(o[i]).arg(expected[i]).arg(largest)));
          n_equal += o[i] == expected[i];
        }
      }
      if (rounding == Rounding::kBf16)
        QVERIFY(static_cast<double>(n_equal) >= 0.99 * static_cast<double>(o.size()));
    }
  }

  // Appendix A.5, and the same entries as window rows, as visible rows and mixed.
  void theSpecificationsExampleComesOutOfEveryList_data() { bothVersions(); }
  void theSpecificationsExampleComesOutOfEveryList() {
    FETCH_VERSION;
    constexpr std::int64_t kDim = 64;  // the other values are zero
    std::vector<float> q(kDim), kv(3 * kDim), o(kDim);
    q[0] = 1, q[1] = 2;
    const float rows[3][2] = {{0.5f, -1}, {1, 0.25f}, {-0.5f, 1.5f}};
    for (int i = 0; i < 3; ++i) std::copy_n(rows[i], 2, kv.data() + i * kDim);
    const float sink = 0.3f;
    const FloatPages all(kv, kDim, 2);
    const FloatPages last_two({kv.begin() + kDim, kv.end()}, kDim, 1);
    const std::int32_t selected[4] = {-1, 1, -1, 0};
    const std::int64_t three = 3, two = 2;

    AttendArgs window;  // positions 5, 6, 7
    window.q = q.data();
    window.sink = &sink;
    window.o = o.data();
    window.n = 1;
    window.n_heads = 1;
    window.format = {.head_dim = kDim, .packing = RowPacking::kFloat};
    window.scale = static_cast<float>(1.0 / std::sqrt(2.0));
    window.rounding = Rounding::kNone;
    window.window = reinterpret_cast<const std::byte*>(kv.data());
    window.window_first = 5;
    window.window_size = 3;
    window.start = 7;

    AttendArgs visible = window;
    visible.window_size = 0;
    visible.compressed = all.rows;
    visible.n_visible = &three;

    AttendArgs mixed = window;
    mixed.window_first = 7;
    mixed.window_size = 1;
    mixed.compressed = last_two.rows;
    mixed.selected = selected;
    mixed.n_selected = 4;

    AttendArgs both = mixed;
    both.selected = nullptr;
    both.n_visible = &two;

    for (const AttendArgs& args : {window, visible, mixed, both}) {
      std::fill(o.begin(), o.end(), -1.0f);
      support::run(version, args);
      QVERIFY(std::abs(o[0] - 0.0126901) < 1e-6);
      QVERIFY(std::abs(o[1] - 0.8774538) < 1e-6);
      QCOMPARE(o[2], 0.0f);
    }
  }

  // Window rule of Appendix A.5: window 4, queries 0..5 see 1, 2, 3, 4, 4, 4 rows. Every value is
  // the number of its position and every key is zero, so the output is the mean position.
  void theWindowSlides_data() { bothVersions(); }
  void theWindowSlides() {
    FETCH_VERSION;
    constexpr std::int64_t kDim = 64;
    std::vector<float> kv(6 * kDim), q(6 * kDim), o(6 * kDim);
    for (int p = 0; p < 6; ++p) kv[p * kDim + 3] = static_cast<float>(p);
    const float sink = -1e30f;
    AttendArgs args;
    args.q = q.data();
    args.sink = &sink;
    args.o = o.data();
    args.n = 6;
    args.n_heads = 1;
    args.format = {.head_dim = kDim, .packing = RowPacking::kFloat};
    args.scale = 1;
    args.window = reinterpret_cast<const std::byte*>(kv.data());
    args.window_size = 4;
    args.rounding = Rounding::kNone;
    support::run(version, args);
    const float mean[6] = {0, 0.5f, 1, 1.5f, 2.5f, 3.5f};
    for (int t = 0; t < 6; ++t) QCOMPARE(o[t * kDim + 3], mean[t]);
  }

  void randomListsMatchTheReference_data() { addProblems(); }
  void randomListsMatchTheReference() {
    QFETCH(const Problem, problem);
    const RandomAttention attention(problem);
    const auto expected = attention.run(0, problem.n, nullptr);
    const auto actual = attention.run(0, problem.n, &support::testPool());
    // A step of the last rounding is up to 2^-8 of a value; the sums differ by less than half of it.
    const double bound = problem.rounding == Rounding::kBf16 ? 0x1.8p-8 : 5e-6;
    std::size_t n_equal = 0;
    for (std::size_t row = 0; row < expected.size(); row += static_cast<std::size_t>(problem.dim)) {
      float largest = 0;
      for (std::size_t i = row; i < row + static_cast<std::size_t>(problem.dim); ++i)
        largest = std::max(largest, std::fabs(expected[i]));
      for (std::size_t i = row; i < row + static_cast<std::size_t>(problem.dim); ++i) {
        QVERIFY2(std::abs(actual[i] - expected[i]) <= bound * largest,
                 qPrintable(QString("seed %1, value %2: %3 instead of %4, row maximum %5")
                                .arg(RandomAttention::kSeed).arg(i).arg(actual[i])
                                .arg(expected[i]).arg(largest)));
        n_equal += actual[i] == expected[i];
      }
    }
    if (problem.rounding == Rounding::kBf16)
      QVERIFY(static_cast<double>(n_equal) >= 0.98 * static_cast<double>(actual.size()));
  }

  // Bit for bit: the queries beside a query and the threads do not show.
  void aQueryIsTheSameInEveryCompany_data() {
    addProblems();
    QTest::newRow("a million tokens")
        << Problem{.n = 3, .n_heads = 4, .dim = 192, .n_rows = 8320, .start = 1048570};
    QTest::newRow("8,320 float rows")
        << Problem{.n = 3, .n_heads = 3, .n_rows = 8320, .rounding = Rounding::kNone};
  }
  void aQueryIsTheSameInEveryCompany() {
    QFETCH(const Problem, problem);
    const RandomAttention attention(problem);
    ThreadPool one(1), three(3);
    const auto whole = attention.run(0, problem.n, &one);
    const std::int64_t size = problem.n_heads * problem.dim;
    for (const std::int64_t step : {1, 2, 3, 16, 64})
      for (ThreadPool* pool : {&one, &three})
        for (std::int64_t first = 0; first < problem.n; first += step) {
          const std::int64_t n = std::min(step, problem.n - first);
          const auto part = attention.run(first, n, pool);
          QVERIFY2(std::memcmp(part.data(), whole.data() + first * size, part.size() * 4) == 0,
                   qPrintable(QString("seed %1, queries %2 + %3, %4 threads")
                                  .arg(RandomAttention::kSeed).arg(first).arg(n)
                                  .arg(pool->size())));
        }
  }
};

LECTERN_TEST(AttendSparseTest)
#include "attend_sparse_test.moc"
