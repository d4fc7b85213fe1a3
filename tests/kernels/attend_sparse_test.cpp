#include <QTest>

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
};

LECTERN_TEST(AttendSparseTest)
#include "attend_sparse_test.moc"
