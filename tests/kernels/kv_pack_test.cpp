#include <QTest>
#include <bit>
#include <cstring>
#include <limits>
#include <random>

#include "kernels/dtypes.h"
#include "kernels/kv_pack/kv_pack.h"
#include "tests/support/test_main.h"

using namespace kernels;

class KvPackTest : public QObject {
  Q_OBJECT
 private slots:
  // Every kind of value, and at least one of each special kind in some row.
  void bothVersionsPackTheSameBytes_data() {
    QTest::addColumn<int>("head_dim");
    QTest::addColumn<int>("rope_dim");
    for (const auto& [head, rope] : {std::pair{192, 64}, {512, 64}, {128, 64}, {80, 16}})
      QTest::addRow("%d, %d rotated", head, rope) << head << rope;
  }
  void bothVersionsPackTheSameBytes() {
    QFETCH(const int, head_dim);
    QFETCH(const int, rope_dim);
    constexpr std::uint32_t kSeed = 20261125;
    std::mt19937 random(kSeed);
    const KvRowFormat format{.head_dim = head_dim, .rope_dim = rope_dim};
    const float special[] = {0.0f,     -0.0f,       448.0f,  464.0f,
                             0x1p-9f,  0x1.8p-10f,  -1e-30f, 3e38f,
                             0x1p-149f, std::numeric_limits<float>::infinity(),
                             -std::numeric_limits<float>::infinity(),
                             std::bit_cast<float>(0x7f800001u), std::bit_cast<float>(0xffc00000u)};
    std::vector<float> row(static_cast<std::size_t>(head_dim));
    const auto size = static_cast<std::size_t>(format.rowBytes());
    std::vector<std::byte> expected(size), actual(size);
    for (int i = 0; i < 4000; ++i) {
      const int exponent = static_cast<int>(random() % 40) - 25;
      for (float& value : row)
        value = std::ldexp(static_cast<float>(random() % 65536) - 32768.0f,
                           exponent - static_cast<int>(random() % 24));
      if (i % 2 == 0) row[random() % row.size()] = special[random() % std::size(special)];
      packKvRowRef(format, row.data(), expected.data());
      std::fill(actual.begin(), actual.end(), std::byte{0xaa});
      packKvRow(format, row.data(), actual.data());
      QVERIFY2(std::memcmp(actual.data(), expected.data(), size) == 0,
               qPrintable(QString("seed %1, row %2").arg(kSeed).arg(i)));
    }
  }
};

LECTERN_TEST(KvPackTest)
#include "kv_pack_test.moc"
