// Blocks on their way to the store: in order, readable, at most one, and none lost in silence.
#include <QTest>
#include <atomic>
#include <semaphore>
#include <thread>

#include "app/write_behind_store.h"
#include "tests/engine/memory_block_store.h"
#include "tests/support/test_main.h"

using base::ErrorCode;

namespace {

base::Hash128 keyOf(std::int64_t n) { return base::hashText("block " + std::to_string(n)); }

// A disk that writes only when it is let, and tells whether two threads met in it.
class SlowStore : public support::MemoryBlockStore {
 public:
  base::Status writeBlock(const engine::BlockWrite& block,
                          const engine::BoundaryWrite* boundary) override {
    const Visit visit(*this);
    begun.release();
    if (slow) let.acquire();
    return MemoryBlockStore::writeBlock(block, boundary);
  }
  base::Result<engine::WholeBlock> readBlock(const base::Hash128& key) override {
    const Visit visit(*this);
    return MemoryBlockStore::readBlock(key);
  }

  std::counting_semaphore<> begun{0}, let{0};
  bool slow = false;
  std::atomic<int> n_inside = 0, n_met = 0;

 private:
  struct Visit {
    explicit Visit(SlowStore& store) : store_(store) {
      if (++store_.n_inside > 1) ++store_.n_met;
    }
    ~Visit() { --store_.n_inside; }
    SlowStore& store_;
  };
};

base::Status write(engine::BlockStore& store, std::int64_t n) {
  const std::vector<std::byte> payload(1000, static_cast<std::byte>(n));
  const std::vector<std::byte> state(100, static_cast<std::byte>(n + 1));
  const std::vector<engine::PayloadCut> cuts{{.n_bytes = 1000, .part_bytes = 1000}};
  const engine::BoundaryWrite end{
      .key = keyOf(-n), .block_key = keyOf(n), .position = n * 2048, .payload = state};
  return store.writeBlock({.key = keyOf(n),
                           .parent = keyOf(n - 1),
                           .position_end = n * 2048,
                           .payload = payload,
                           .cuts = cuts},
                          n % 2 == 0 ? &end : nullptr);
}

}  // namespace

class WriteBehindTest : public QObject {
  Q_OBJECT
 private slots:
  void whatIsHandedOverIsWrittenInOrderAndCanBeRead() {
    SlowStore disk;
    {
      app::WriteBehindStore store(disk);
      for (std::int64_t n = 1; n <= 200; ++n) {
        QVERIFY(write(store, n));
        if (n % 7 != 0) continue;
        const auto block = store.readBlock(keyOf(n));  // just handed over
        QVERIFY(block && block->payload.front() == static_cast<std::byte>(n));
        const auto boundary = store.readBoundary(keyOf(-n));
        QCOMPARE(boundary.has_value(), n % 2 == 0);
      }
    }  // the last ones are written before it goes
    QCOMPARE(disk.block_ends.size(), std::size_t{200});
    QVERIFY(std::is_sorted(disk.block_ends.begin(), disk.block_ends.end()));
    QCOMPARE(disk.payloads.size(), std::size_t{100});
    QCOMPARE(disk.n_met.load(), 0);
  }

  void oneBlockIsOnItsWayAtMost() {
    SlowStore disk;
    disk.slow = true;
    app::WriteBehindStore store(disk);
    QVERIFY(write(store, 1));  // returns while the disk is at it
    disk.begun.acquire();
    QVERIFY(store.isBehind(keyOf(1)));
    QVERIFY(disk.blocks.empty());
    std::atomic<bool> handed_over = false;
    std::jthread faster([&] {
      (void)write(store, 2);
      handed_over = true;
    });
    QVERIFY(!disk.begun.try_acquire());  // the second waits for the first
    QVERIFY(!handed_over);
    disk.let.release(2);
    faster.join();
    QVERIFY(store.settle());
    QVERIFY(!store.isBehind(keyOf(1)) && !store.isBehind(keyOf(2)));
    QCOMPARE(disk.block_ends, (std::vector<std::int64_t>{2048, 4096}));
  }

  void aFailureIsToldByTheNextCallsUntilItIsSettled() {
    SlowStore disk;
    disk.full = true;
    app::WriteBehindStore store(disk);
    QVERIFY(write(store, 1));
    const auto second = write(store, 2);
    QVERIFY(!second);
    QCOMPARE(second.error().code, ErrorCode::kDiskFull);
    QVERIFY(store.isBehind(keyOf(1)));  // not on the disk, and never called safe
    QVERIFY(!store.writeBoundary({.key = keyOf(9), .block_key = keyOf(1), .payload = {}}));
    disk.full = false;
    QVERIFY(!store.settle());
    QVERIFY(store.settle());
    QVERIFY(write(store, 3) && store.settle());
    QVERIFY(!store.isBehind(keyOf(3)) && store.isBehind(keyOf(1)));
    QVERIFY(write(store, 1) && store.settle());
    QVERIFY(!store.isBehind(keyOf(1)));
    QCOMPARE(disk.block_ends, (std::vector<std::int64_t>{3 * 2048, 2048}));
  }
};

LECTERN_TEST(WriteBehindTest)
#include "write_behind_test.moc"
