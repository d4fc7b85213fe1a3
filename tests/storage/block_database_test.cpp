#include "storage/migrations.h"
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

// A head that is read as a whole, and parts behind it; the even ones repeat themselves.
constexpr std::int64_t kHeadBytes = 40'000, kPartBytes = 20'000;

Bytes cutPayload(const std::string& name, int n) {
  Bytes payload = payloadOf(blockKey(name, n), kHeadBytes + 11 * kPartBytes);
  for (std::int64_t part = 1; part < 11; part += 2)
    std::fill_n(payload.begin() + kHeadBytes + part * kPartBytes, kPartBytes,
                static_cast<std::byte>(part));
  return payload;
}

Status writeCutBlock(BlockFixture& store, const std::string& name, int n) {
  const storage::PayloadCut cuts[] = {
      {kHeadBytes, kHeadBytes, storage::Packing::kAsIs},
      {11 * kPartBytes, kPartBytes, storage::Packing::kZstd}};
  const Bytes payload = cutPayload(name, n);
  return store->writeBlock({blockKey(name, n), blockKey(name, n - 1), (n + 1) * kBlockTokens,
                            payload, cuts});
}

Status readPiece(BlockFixture& store, const std::string& name, int n, std::int64_t begin,
                 Bytes& to) {
  storage::BlockRead read{blockKey(name, n), begin, to, {}};
  store->readPieces({&read, 1});
  return read.done;
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

  void anyPartsComeBackAlone() {
    std::mt19937_64 random(testSeed("parts"));
    BlockFixture store;
    for (int n = 0; n < 3; ++n) MUST(writeCutBlock(store, "a", n));
    store.reopen();
    for (int i = 0; i < 200; ++i) {
      const int n = static_cast<int>(random() % 3);
      const Bytes payload = cutPayload("a", n);
      const auto begin = static_cast<std::int64_t>(random() % 11);
      const std::int64_t end = begin + 1 + static_cast<std::int64_t>(random() % 8);
      const std::int64_t from = kHeadBytes + begin * kPartBytes;
      Bytes to(static_cast<std::size_t>(std::min<std::int64_t>(end, 11) - begin) * kPartBytes);
      MUST(readPiece(store, "a", n, from, to));
      QVERIFY(std::equal(to.begin(), to.end(), payload.begin() + from));
    }
    Bytes head(kHeadBytes);
    MUST(readPiece(store, "a", 1, 0, head));
    QVERIFY(std::equal(head.begin(), head.end(), cutPayload("a", 1).begin()));
    MUST_ASSIGN(const Bytes whole, store->readBlock(blockKey("a", 2)));
    QVERIFY(whole == cutPayload("a", 2));
    store.close();
    MUST_ASSIGN(auto file, storage::Database::open(store.file("snapshots.db"),
                                                   storage::OpenMode::kReadOnly, {}));
    MUST_ASSIGN(const auto n_stored, file.integer("SELECT sum(length(bytes)) FROM chunk"));
    const std::int64_t n_bytes = 3 * (kHeadBytes + 11 * kPartBytes);
    QVERIFY(n_stored > n_bytes / 2 && n_stored < n_bytes * 2 / 3);  // 5 parts of 11 pack well
  }

  // From here on: everything that is refused, and damage.
  void piecesThatAreNoPartsAreRefused() {
    BlockFixture store;
    MUST(writeCutBlock(store, "a", 0));
    Bytes to(kPartBytes);
    REFUSED_WITH(readPiece(store, "b", 0, 0, to), ErrorCode::kNotFound);
    REFUSED_WITH(readPiece(store, "a", 0, kHeadBytes + 1, to), ErrorCode::kInvalidInput);
    REFUSED_WITH(readPiece(store, "a", 0, 1 << 30, to), ErrorCode::kInvalidInput);
    to.resize(kPartBytes - 1);
    REFUSED_WITH(readPiece(store, "a", 0, kHeadBytes, to), ErrorCode::kInvalidInput);
    QCOMPARE(nBlocksOf(store, "a", 1), 1);
  }
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

  void aDamagedPieceIsNoticedWhenItIsRead() {
    BlockFixture store;
    MUST(writeCutBlock(store, "a", 0));
    MUST(writeCutBlock(store, "a", 1));
    store.close();
    const auto file = store.file("snapshots.db");
    const Bytes payload = cutPayload("a", 0);
    // The last part of those that packing cannot make smaller.
    const std::string needle(reinterpret_cast<const char*>(payload.data()) + 250'000, 32);
    const std::size_t where = fileBytes(file).find(needle);
    QVERIFY(where != std::string::npos);
    flipBit(file, where * 8 + 3);
    store.reopen();
    Bytes to(kPartBytes);
    MUST(readPiece(store, "a", 0, kHeadBytes, to));
    QVERIFY(std::equal(to.begin(), to.end(), payload.begin() + kHeadBytes));
    REFUSED_WITH(readPiece(store, "a", 0, 240'000, to), ErrorCode::kCorrupt);
    REFUSED_WITH(readPiece(store, "a", 0, kHeadBytes, to), ErrorCode::kNotFound);
    QCOMPARE(nBlocksOf(store, "a", 2), 0);
    MUST(writeCutBlock(store, "a", 0));
    MUST(readPiece(store, "a", 0, 240'000, to));
    QVERIFY(std::equal(to.begin(), to.end(), payload.begin() + 240'000));
  }
  // Version 1 kept chunks that cannot be read in parts.
  void whatTheFirstVersionWroteStaysAndIsReadWhole() {
    DataFolder folder;
    MUST(writeVersion1(folder, 3));
    MUST_ASSIGN(auto database, storage::BlockDatabase::open(folder.path()));
    MUST_ASSIGN(const auto pins, database->pins());
    QCOMPARE(pins.size(), std::size_t{1});
    QVERIFY(pins[0].complete);
    for (int n = 0; n < 3; ++n) {
      MUST_ASSIGN(const auto block, database->readBlock(blockKey("old", n)));
      QVERIFY(block == payloadOf(blockKey("old", n), kBlockBytes));
      MUST_ASSIGN(const bool is_old, database->isOfVersion1(blockKey("old", n)));
      QVERIFY(is_old);
      Bytes to(kBlockBytes);
      storage::BlockRead read{blockKey("old", n), 0, to, {}};
      database->readPieces({&read, 1});
      REFUSED_WITH(read.done, ErrorCode::kUnsupported);
    }
    MUST_ASSIGN(const auto state, database->readBoundary(boundaryKey("old", 2)));
    QVERIFY(state == payloadOf(boundaryKey("old", 2), kBoundaryBytes));
    // Goes on as a new one, and goes as one.
    const Bytes next = payloadOf(blockKey("old", 3), kBlockBytes);
    MUST(database->writeBlock({blockKey("old", 3), blockKey("old", 2), 4 * kBlockTokens, next}));
    MUST_ASSIGN(const bool is_old, database->isOfVersion1(blockKey("old", 3)));
    QVERIFY(!is_old);
    // With the pages it had: a header says 1 for 65,536 bytes.
    QCOMPARE(fileBytes(folder.file("snapshots.db")).substr(16, 2), std::string("\0\1", 2));
    MUST(database->unpin("s", Unpinned::kForgotten));
    MUST(database->evictTo(0, {}));
    MUST(database->sweep({}));
    MUST_ASSIGN(const auto stats, database->stats());
    QCOMPARE(stats.payload_bytes, 0);
    database.reset();
    MUST_ASSIGN(auto file, storage::Database::open(folder.file("snapshots.db"),
                                                   storage::OpenMode::kReadOnly, {}));
    MUST_ASSIGN(const auto n_left, file.integer("SELECT count(*) FROM chunk_v1"));
    QCOMPARE(n_left, 0);
  }
  void damageToWhatTheFirstVersionWroteIsNoticed() {
    DataFolder folder;
    MUST(writeVersion1(folder, 2));
    const auto file = folder.file("snapshots.db");
    const Bytes payload = payloadOf(blockKey("old", 1), kBlockBytes);
    const std::string needle(reinterpret_cast<const char*>(payload.data()) + 70000, 32);
    const std::size_t where = fileBytes(file).find(needle);
    QVERIFY(where != std::string::npos);
    flipBit(file, where * 8 + 5);
    MUST_ASSIGN(const auto database, storage::BlockDatabase::open(folder.path()));
    MUST(database->readBlock(blockKey("old", 0)));
    REFUSED_WITH(database->readBlock(blockKey("old", 1)), ErrorCode::kCorrupt);
    REFUSED_WITH(database->readBlock(blockKey("old", 1)), ErrorCode::kNotFound);
  }

  // Opening does not read the chunks; damage to their tree is met later, and mended at the next
  // opening.
  void aDamagedTreeOfChunksIsSetAsideAtTheNextOpening() {
    BlockFixture store;
    MUST(writeChain(store, "a", 3));
    store.close();
    const auto path = store.file("snapshots.db");
    std::int64_t root = 0;
    {
      MUST_ASSIGN(auto file, storage::Database::open(path, storage::OpenMode::kReadOnly, {}));
      MUST_ASSIGN(root, file.integer("SELECT rootpage FROM sqlite_schema WHERE name = 'chunk'"));
    }
    flipBit(path, static_cast<std::uint64_t>(root - 1) * 16384 * 8 + 1);  // what kind of page
    const storage::BlockDatabaseOptions options{.replace_damaged_file = true};
    {
      MUST_ASSIGN(const auto database, storage::BlockDatabase::open(store.path(), options));
      const Bytes payload = payloadOf(blockKey("b", 0), kBlockBytes);
      REFUSED_WITH(database->writeBlock({blockKey("b", 0), rootKey(), kBlockTokens, payload}),
                   ErrorCode::kCorrupt);
    }
    QVERIFY(std::filesystem::exists(store.file("snapshots.db.suspect")));
    MUST_ASSIGN(const auto database, storage::BlockDatabase::open(store.path(), options));
    QVERIFY(!std::filesystem::exists(store.file("snapshots.db.suspect")));
    QVERIFY(std::filesystem::exists(store.file("snapshots.db.damaged")));
    const Bytes payload = payloadOf(blockKey("b", 0), kBlockBytes);
    MUST(database->writeBlock({blockKey("b", 0), rootKey(), kBlockTokens, payload}));
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
  // A pinned chain as schema version 1 had it.
  static Status writeVersion1(DataFolder& folder, int n_blocks) {
    TRY_ASSIGN(auto old, storage::Database::open(folder.file("snapshots.db"),
                                                 storage::OpenMode::kReadWrite,
                                                 {.journal = storage::Journal::kRollback,
                                                  .page_bytes = 65536,
                                                  .secure_delete = false,
                                                  .incremental_vacuum = true,
                                                  .page_checks = false}));
    TRY(storage::migrate(old, storage::snapshotMigrations().first(1),
                         storage::BeforeMigration::kNothing, folder.file("snapshots.db")));
    const auto hashOf = [](std::span<const std::byte> bytes) {
      return static_cast<std::int64_t>(base::payloadHash(bytes));
    };
    const auto write = [&](const char* table, int kind, const base::Hash128& key,
                           const base::Hash128& before, std::int64_t position,
                           std::size_t n_bytes) -> Status {
      const Bytes payload = payloadOf(key, n_bytes);
      const std::int64_t chunk_hash = hashOf(payload), size = static_cast<std::int64_t>(n_bytes);
      const std::int64_t chunks_hash = hashOf(std::as_bytes(std::span(&chunk_hash, 1)));
      TRY_ASSIGN(auto rows, old.prepare("INSERT INTO payload (n_bytes, n_chunks, chunks_hash)"
                                        " VALUES (:n_bytes, 1, :hash)"));
      TRY(rows.bind(":n_bytes", size).bind(":hash", chunks_hash).run());
      const std::int64_t id = old.lastInsertId();
      TRY_ASSIGN(auto chunk, old.prepare("INSERT INTO chunk (payload_id, position, hash, bytes)"
                                         " VALUES (:id, 0, :hash, :bytes)"));
      chunk.bind(":id", id).bind(":hash", chunk_hash);
      TRY(chunk.bind(":bytes", std::span<const std::byte>(payload)).run());
      base::Hasher hasher;
      hasher.add(std::int64_t{kind}).add(key).add(before).add(position);
      const base::Hash128 digest = hasher.add(id).add(size).add(chunks_hash).digest();
      TRY_ASSIGN(auto row, old.prepare(table));
      row.bind(":key", key).bind(":before", before).bind(":position", position).bind(":id", id);
      return row.bind(":n_bytes", size)
          .bind(":row_hash", hashOf(std::as_bytes(std::span(digest.bytes))))
          .run();
    };
    for (int n = 0; n < n_blocks; ++n)
      TRY(write("INSERT INTO block (key, parent, position_end, payload_id, n_bytes, row_hash,"
                " complete, used) VALUES (:key, :before, :position, :id, :n_bytes, :row_hash, 1, 1)",
                0, blockKey("old", n), n == 0 ? rootKey() : blockKey("old", n - 1),
                (n + 1) * kBlockTokens, kBlockBytes));
    const int last = n_blocks - 1;
    TRY(write("INSERT INTO boundary (key, block_key, position, keep, payload_id, n_bytes, row_hash,"
              " complete, used) VALUES (:key, :before, :position, 'turn_end', :id, :n_bytes,"
              " :row_hash, 1, 1)",
              1, boundaryKey("old", last), blockKey("old", last), n_blocks * kBlockTokens,
              kBoundaryBytes));
    TRY_ASSIGN(auto pin, old.prepare("INSERT INTO pin (session_key, boundary_key, boundary_id,"
                                     " n_tokens) VALUES ('s', :key, 1, :n)"));
    TRY(pin.bind(":key", boundaryKey("old", last)).bind(":n", n_blocks * kBlockTokens).run());
    return old.execute("INSERT INTO pin_boundary VALUES (1, 1);"
                       "INSERT INTO pin_block SELECT 1, id FROM block");
  }
  // A bit of a page that is not filled with payload.
  static std::uint64_t randomBitOfStructure(std::mt19937_64& random,
                                            const std::filesystem::path& file) {
    static constexpr std::uint64_t kPage = 16384;
    const std::string bytes = fileBytes(file);
    for (;;) {
      const std::uint64_t page = random() % (bytes.size() / kPage);
      const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(page * kPage);
      const auto n_zero = std::count(begin, begin + kPage, '\0');
      if (n_zero < 2048) continue;
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
