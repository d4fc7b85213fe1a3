#include "storage/payload_table.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/test_main.h"

using namespace support;
using base::ErrorCode;
using base::Status;
using storage::BoundaryWrite;
using storage::Keep;
using storage::Unpinned;

namespace {

constexpr std::size_t kBlockBytes = 200'000, kBoundaryBytes = 30'000;
constexpr std::int64_t kBlockTokens = 2048;

Status writeBlock(BlockFixture& store, const std::string& name, int n,
                  const std::string& before = "") {
  const auto key = blockKey(name, n);
  const Bytes payload = payloadOf(key, kBlockBytes);
  return store->writeBlock(
      {key, blockKey(before.empty() ? name : before, n - 1), (n + 1) * kBlockTokens, payload});
}

Status writeBoundary(BlockFixture& store, const std::string& name, int n, Keep keep) {
  const auto key = boundaryKey(name, n);
  const Bytes payload = payloadOf(key, kBoundaryBytes);
  return store->writeBoundary({key, blockKey(name, n), (n + 1) * kBlockTokens, keep, payload});
}

// Blocks 0 ... n-1 and a turn end after the last.
Status writeChain(BlockFixture& store, const std::string& name, int n_blocks) {
  for (int n = 0; n < n_blocks; ++n) TRY(writeBlock(store, name, n));
  return writeBoundary(store, name, n_blocks - 1, Keep::kTurnEnd);
}

int nBlocksOf(BlockFixture& store, const std::string& name, int n_blocks) {
  int n_found = 0;
  for (int n = 0; n < n_blocks; ++n) n_found += store->hasBlock(blockKey(name, n)).value_or(false);
  return n_found;
}

int nBoundariesAt(BlockFixture& store, const std::string& name, int n) {
  const auto found = store->boundariesAfter(blockKey(name, n));
  return found ? static_cast<int>(found->size()) : -1;
}

}  // namespace

class BlockDatabaseTest : public QObject {
  Q_OBJECT
 private slots:
  void savedBlocksComeBack_data() {
    QTest::addColumn<qulonglong>("n_bytes");
    QTest::newRow("one byte") << 1ull;
    QTest::newRow("one chunk") << qulonglong{storage::kChunkBytes};
    QTest::newRow("one chunk and a byte") << qulonglong{storage::kChunkBytes + 1};
    QTest::newRow("a Flash block") << 7'900'000ull;
  }
  void savedBlocksComeBack() {
    QFETCH(qulonglong, n_bytes);
    BlockFixture store;
    const Bytes payload = randomBytes(n_bytes, 1), state = randomBytes(n_bytes / 2 + 1, 2);
    const BoundaryWrite boundary{boundaryKey("a", 0), blockKey("a", 0), kBlockTokens,
                                 Keep::kTurnEnd, state};
    MUST(store->writeBlock({blockKey("a", 0), rootKey(), kBlockTokens, payload}, &boundary));
    store.reopen();
    MUST_ASSIGN(const bool has, store->hasBlock(blockKey("a", 0)));
    QVERIFY(has);
    MUST_ASSIGN(const auto read, store->readBlock(blockKey("a", 0)));
    QVERIFY(read == payload);
    MUST_ASSIGN(const auto found, store->boundariesAfter(blockKey("a", 0)));
    QCOMPARE(found.size(), std::size_t{1});
    QCOMPARE(found[0].position, kBlockTokens);
    MUST_ASSIGN(const auto read_state, store->readBoundary(found[0].key));
    QVERIFY(read_state == state);
  }

  void writingTwiceChangesNothing() {
    BlockFixture store;
    MUST(writeChain(store, "a", 2));
    MUST_ASSIGN(const auto before, store->stats());
    MUST(writeChain(store, "a", 2));
    MUST_ASSIGN(const auto after, store->stats());
    QCOMPARE(after.payload_bytes, before.payload_bytes);
    QCOMPARE(after.file_bytes, before.file_bytes);
    QCOMPARE(after.n_blocks, 2);
    QCOMPARE(after.payload_bytes, std::int64_t{2 * kBlockBytes + kBoundaryBytes});
  }

  void theNewestStateReplacesTheOneBefore() {
    BlockFixture store;
    for (int n = 0; n < 6; ++n) {
      MUST(writeBlock(store, "a", n));
      MUST(writeBoundary(store, "a", n, n == 2 ? Keep::kInterval : Keep::kNewest));
    }
    QCOMPARE(nBoundariesAt(store, "a", 5), 1);
    QCOMPARE(nBoundariesAt(store, "a", 2), 1);
    for (const int n : {0, 1, 3, 4}) QCOMPARE(nBoundariesAt(store, "a", n), 0);
  }

  void theNewestStateOfAnotherChainOrAPinStays() {
    BlockFixture store;
    MUST(writeBlock(store, "a", 0));
    MUST(writeBlock(store, "b", 0));
    MUST(writeBoundary(store, "a", 0, Keep::kNewest));
    MUST(writeBoundary(store, "b", 0, Keep::kNewest));
    MUST(store->pin("session", boundaryKey("b", 0)));
    for (const char* name : {"a", "b"}) {
      MUST(writeBlock(store, name, 1));
      MUST(writeBoundary(store, name, 1, Keep::kNewest));
    }
    QCOMPARE(nBoundariesAt(store, "a", 0), 0);
    QCOMPARE(nBoundariesAt(store, "b", 0), 1);
  }

  void aStateThatBecomesATurnEndStays() {
    BlockFixture store;
    MUST(writeBlock(store, "a", 0));
    MUST(writeBoundary(store, "a", 0, Keep::kNewest));
    MUST(writeBoundary(store, "a", 0, Keep::kTurnEnd));
    MUST(writeBlock(store, "a", 1));
    MUST(writeBoundary(store, "a", 1, Keep::kNewest));
    QCOMPARE(nBoundariesAt(store, "a", 0), 1);
  }

  void evictionTakesTheLeastUsedFromTheEnd() {
    BlockFixture store;
    MUST(writeChain(store, "old", 4));
    MUST(writeChain(store, "new", 4));
    MUST(writeChain(store, "pinned", 4));
    MUST(store->pin("session", boundaryKey("pinned", 3)));
    // Reading makes "old" the newer one, front to back as an engine does.
    for (int n = 0; n < 4; ++n) MUST(store->readBlock(blockKey("old", n)));
    MUST(store->readBoundary(boundaryKey("old", 3)));
    store.reopen();
    MUST_ASSIGN(const auto before, store->stats());
    MUST(store->evictTo(before.payload_bytes - std::int64_t{2 * kBlockBytes + kBoundaryBytes}, {}));
    QCOMPARE(nBlocksOf(store, "old", 4), 4);
    QCOMPARE(nBlocksOf(store, "new", 2), 2);
    QCOMPARE(nBlocksOf(store, "new", 4), 2);
    MUST(store->evictTo(0, {}));
    QCOMPARE(nBlocksOf(store, "old", 4), 0);
    QCOMPARE(nBlocksOf(store, "pinned", 4), 4);
    MUST_ASSIGN(const auto after, store->stats());
    QCOMPARE(after.payload_bytes, after.pinned_bytes);
    MUST(store->readBoundary(boundaryKey("pinned", 3)));
  }

  void pinsCountSharedBlocksOnce() {
    BlockFixture store;
    MUST(writeChain(store, "a", 3));
    // "b" continues the first two blocks of "a".
    MUST(writeBlock(store, "b", 2, "a"));
    MUST(writeBoundary(store, "b", 2, Keep::kTurnEnd));
    MUST(store->pin("one", boundaryKey("a", 2)));
    MUST(store->pin("two", boundaryKey("b", 2)));
    MUST_ASSIGN(const auto pins, store->pins());
    QCOMPARE(pins.size(), std::size_t{2});
    const std::int64_t block = kBlockBytes, state = kBoundaryBytes;
    for (const auto& pin : pins) {
      QVERIFY(pin.complete);
      QCOMPARE(pin.n_blocks, 3);
      QCOMPARE(pin.n_tokens, 3 * kBlockTokens);
      QCOMPARE(pin.logical_bytes, 3 * block + state);
      QCOMPARE(pin.unique_bytes, block + state);
    }
    MUST_ASSIGN(const auto stats, store->stats());
    QCOMPARE(stats.logical_bytes, 6 * block + 2 * state);
    QCOMPARE(stats.pinned_bytes, 4 * block + 2 * state);
    QCOMPARE(stats.payload_bytes, stats.pinned_bytes);
  }

  void forgettingASessionFreesItsBytesOnly() {
    BlockFixture store;
    MUST_ASSIGN(const auto fresh, store->stats());
    MUST(writeChain(store, "a", 12));
    MUST(writeBlock(store, "b", 2, "a"));
    MUST(writeBoundary(store, "b", 2, Keep::kTurnEnd));
    MUST(store->pin("one", boundaryKey("a", 11)));
    MUST(store->pin("two", boundaryKey("b", 2)));
    MUST_ASSIGN(const auto before, store->stats());
    MUST(store->unpin("one", Unpinned::kForgotten));
    QCOMPARE(nBlocksOf(store, "a", 12), 2);
    QCOMPARE(nBoundariesAt(store, "a", 11), 0);
    MUST(store->sweep({}));
    MUST_ASSIGN(const auto after, store->stats());
    QVERIFY(before.file_bytes - after.file_bytes >= std::int64_t{9 * kBlockBytes});
    MUST(store->readBoundary(boundaryKey("b", 2)));
    MUST(store->unpin("two", Unpinned::kForgotten));
    store.reopen();
    MUST(store->sweep({}));
    MUST_ASSIGN(const auto empty, store->stats());
    QCOMPARE(empty.payload_bytes, 0);
    QCOMPARE(empty.file_bytes, fresh.file_bytes);
    MUST(store->unpin("nobody", Unpinned::kForgotten));
  }

  void earlierTurnsOfASessionGoWithIt() {
    BlockFixture store;
    // Turns that all end inside the first block share its empty chain with every other short
    // session.
    for (const int turn : {1, 2, 3}) {
      const Bytes payload = payloadOf(boundaryKey("short", turn), kBoundaryBytes);
      MUST(store->writeBoundary(
          {boundaryKey("short", turn), rootKey(), 100 * turn, Keep::kTurnEnd, payload}));
      if (turn < 3) MUST(store->pin("one", boundaryKey("short", turn)));
    }
    MUST(store->unpin("one", Unpinned::kForgotten));
    MUST_ASSIGN(const auto left, store->boundariesAfter(rootKey()));
    QCOMPARE(left.size(), std::size_t{1});
    QCOMPARE(left[0].position, 300);
  }

  void aSweepCanBeStoppedAndGoesOnAtTheNextOpening() {
    BlockFixture store;
    MUST(writeChain(store, "a", 4));
    MUST(store->pin("one", boundaryKey("a", 3)));
    MUST(store->unpin("one", Unpinned::kForgotten));
    std::stop_source stop;
    stop.request_stop();
    REFUSED_WITH(store->sweep(stop.get_token()), ErrorCode::kCancelled);
    QCOMPARE(nBlocksOf(store, "a", 4), 0);
    store.reopen();
    MUST_ASSIGN(const auto stats, store->stats());
    QCOMPARE(stats.payload_bytes, 0);
    MUST(writeChain(store, "a", 4));
    QCOMPARE(nBlocksOf(store, "a", 4), 4);
  }

  // From here on: everything that is refused, and damage.
  void whatIsNotThereIsNotFound() {
    BlockFixture store;
    REFUSED_WITH(store->readBlock(blockKey("a", 0)), ErrorCode::kNotFound);
    REFUSED_WITH(store->readBoundary(boundaryKey("a", 0)), ErrorCode::kNotFound);
    REFUSED_WITH(store->pin("s", boundaryKey("a", 0)), ErrorCode::kNotFound);
    MUST_ASSIGN(const bool has, store->hasBlock(blockKey("a", 0)));
    QVERIFY(!has);
  }
  void aPinWithAHoleIsRefused() {
    BlockFixture store;
    MUST(writeBlock(store, "a", 0));
    MUST(writeBlock(store, "a", 2));
    MUST(writeBoundary(store, "a", 2, Keep::kTurnEnd));
    REFUSED_WITH(store->pin("s", boundaryKey("a", 2)), ErrorCode::kNotFound);
    MUST_ASSIGN(const auto pins, store->pins());
    QVERIFY(pins.empty());
  }
  void aDamagedBlockTakesWhatContinuesItAlong() {
    BlockFixture store;
    MUST(writeChain(store, "a", 4));
    MUST(writeChain(store, "b", 2));
    MUST(store->pin("s", boundaryKey("a", 3)));
    store.close();
    const auto file = store.file("snapshots.db");
    const Bytes payload = payloadOf(blockKey("a", 1), kBlockBytes);
    const std::string needle(reinterpret_cast<const char*>(payload.data()) + 70000, 32);
    const std::size_t where = fileBytes(file).find(needle);
    QVERIFY(where != std::string::npos);
    flipBit(file, where * 8 + 5);
    store.reopen();
    REFUSED_WITH(store->readBlock(blockKey("a", 1)), ErrorCode::kCorrupt);
    REFUSED_WITH(store->readBlock(blockKey("a", 1)), ErrorCode::kNotFound);
    QCOMPARE(nBlocksOf(store, "a", 4), 1);
    QCOMPARE(nBlocksOf(store, "b", 2), 2);
    QCOMPARE(nBoundariesAt(store, "a", 3), 0);
    MUST_ASSIGN(const auto pins, store->pins());
    QVERIFY(!pins[0].complete);
    MUST_ASSIGN(const auto stats, store->stats());
    QCOMPARE(stats.n_dropped, 1);
    // Read again from the documents, it can be stored again.
    MUST(writeChain(store, "a", 4));
    MUST(store->readBlock(blockKey("a", 1)));
    MUST(store->pin("s", boundaryKey("a", 3)));
  }

  // SQLite itself notices about 3 of 100 flipped bits.
  void everyFlippedBitIsFoundOrHarmless() {
    std::mt19937_64 random(testSeed("bit flips"));
    BlockFixture original;
    MUST(writeChain(original, "a", 3));
    MUST(writeChain(original, "b", 2));
    MUST(original->pin("s", boundaryKey("a", 2)));
    original.close();
    const std::uint64_t n_bits = std::filesystem::file_size(original.file("snapshots.db")) * 8;
    int n_refused_open = 0, n_detected = 0, n_harmless = 0, n_wrong = 0;
    for (int flip = 0; flip < 200; ++flip) {
      DataFolder folder;
      const auto file = folder.file("snapshots.db");
      std::filesystem::copy_file(original.file("snapshots.db"), file);
      // Payloads are nearly all of the file; half of the flips aim at what describes them.
      const std::uint64_t bit = flip % 2 ? random() % n_bits : randomBitOfStructure(random, file);
      flipBit(file, bit);
      const auto opened = storage::BlockDatabase::open(folder.path());
      if (!opened) {
        ++n_refused_open;
        continue;
      }
      const int n_good = countGood(**opened, &n_wrong);
      (n_good == 7 ? n_harmless : n_detected) += 1;
    }
    std::printf("200 bit flips: %d refused at open, %d detected, %d harmless, %d wrong data used\n",
                n_refused_open, n_detected, n_harmless, n_wrong);
    QCOMPARE(n_wrong, 0);
    QVERIFY(n_detected > 20);
  }

 private:
  // A bit of a page that is not filled with payload.
  static std::uint64_t randomBitOfStructure(std::mt19937_64& random,
                                            const std::filesystem::path& file) {
    static constexpr std::uint64_t kPage = 65536;
    const std::string bytes = fileBytes(file);
    for (;;) {
      const std::uint64_t page = random() % (bytes.size() / kPage);
      const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(page * kPage);
      const auto n_zero = std::count(begin, begin + kPage, '\0');
      if (n_zero < 8192) continue;
      for (;;) {
        const std::uint64_t byte = page * kPage + random() % kPage;
        if (bytes[byte] != 0) return byte * 8 + random() % 8;
      }
    }
  }
  // Of the 5 blocks and 2 states, those that come back; any other bytes count as wrong.
  static int countGood(storage::BlockDatabase& store, int* n_wrong) {
    int n_good = 0;
    const auto take = [&](const auto& read, const base::Hash128& key, std::size_t n_bytes) {
      if (read) (*read == payloadOf(key, n_bytes) ? n_good : *n_wrong) += 1;
    };
    for (const auto& [name, n_blocks] : {std::pair{std::string("a"), 3}, {std::string("b"), 2}}) {
      for (int n = 0; n < n_blocks; ++n)
        take(store.readBlock(blockKey(name, n)), blockKey(name, n), kBlockBytes);
      const auto found = store.boundariesAfter(blockKey(name, n_blocks - 1));
      if (!found) continue;
      for (const auto& boundary : *found) {
        if (boundary.position != n_blocks * kBlockTokens) ++*n_wrong;
        take(store.readBoundary(boundary.key), boundary.key, kBoundaryBytes);
      }
    }
    return n_good;
  }
};

LECTERN_TEST(BlockDatabaseTest)
#include "block_database_test.moc"
