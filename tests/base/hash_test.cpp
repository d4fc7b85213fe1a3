#include <QTest>

#include "engine/base/hash.h"
#include "tests/support/test_main.h"

class HashTest : public QObject {
  Q_OBJECT
 private slots:
  void hexGoesBothWays() {
    const base::Hash128 hash = base::hashText("lectern");
    QCOMPARE(base::Hash128::fromHex(hash.hex()).value(), hash);
    QVERIFY(!base::Hash128::fromHex("12"));
    QVERIFY(!base::Hash128::fromHex(std::string(32, 'g')));
  }
  // XXH3-128 of the empty input, from the published test vectors of xxHash 0.8.
  void emptyInputHasThePublishedHash() {
    QCOMPARE(base::hashText("").hex(), std::string("99aa06d3014798d86001c324468d497f"));
  }
  void fieldsDoNotRunTogether() {
    base::Hasher a, b;
    QVERIFY(a.add("ab").add("c").digest() != b.add("a").add("bc").digest());
  }
  void oneBitChangesThePayloadHash() {
    std::string payload(4096, 'p');
    const auto before = base::payloadHash(std::as_bytes(std::span(payload)));
    payload[1000] ^= 1;
    QVERIFY(before != base::payloadHash(std::as_bytes(std::span(payload))));
  }
};

LECTERN_TEST(HashTest)
#include "hash_test.moc"
