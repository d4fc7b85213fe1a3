#include <QTest>
#include <atomic>
#include <mutex>
#include <set>

#include "kernels/thread_pool.h"
#include "tests/support/test_main.h"

using kernels::ThreadPool;

class ThreadPoolTest : public QObject {
  Q_OBJECT
 private slots:
  void everyItemIsDoneOnce_data() {
    QTest::addColumn<int>("threads");
    for (const int threads : {1, 2, 3, 8}) QTest::addRow("%d threads", threads) << threads;
  }
  void everyItemIsDoneOnce() {
    QFETCH(const int, threads);
    ThreadPool pool(threads);
    QCOMPARE(pool.size(), threads);
    for (const std::int64_t n : {0, 1, 2, 7, 64, 1000})
      for (const std::int64_t grain : {0, 1, 3, 64, 5000}) {
        std::vector<std::atomic<int>> visits(static_cast<std::size_t>(n));
        std::atomic<bool> too_large = false;
        pool.parallelFor(n, grain, [&](std::int64_t begin, std::int64_t end) {
          if (end - begin > std::max<std::int64_t>(grain, 1) || begin >= end) too_large = true;
          for (std::int64_t i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
        });
        QVERIFY(!too_large);
        for (const auto& count : visits) QCOMPARE(count.load(), 1);
      }
  }

  // Loops follow each other without a pause; each must be over when parallelFor returns.
  void everythingIsDoneOnReturn() {
    ThreadPool pool(3);
    std::vector<int> values(301, 0);
    for (int loop = 1; loop <= 5000; ++loop) {
      pool.parallelFor(301, 7, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) values[static_cast<std::size_t>(i)] = loop;
      });
      QCOMPARE(std::count(values.begin(), values.end(), loop), 301);
    }
  }

  void theWorkIsShared() {
    ThreadPool pool(3);
    std::mutex mutex;
    std::set<std::thread::id> threads;
    // Each of three items waits until all three have begun.
    std::atomic<int> n_begun = 0;
    pool.parallelFor(3, 1, [&](std::int64_t, std::int64_t) {
      ++n_begun;
      while (n_begun < 3) std::this_thread::yield();
      const std::lock_guard lock(mutex);
      threads.insert(std::this_thread::get_id());
    });
    QCOMPARE(threads.size(), std::size_t{3});
    QVERIFY(threads.contains(std::this_thread::get_id()));
  }

  void poolsComeAndGo() {
    std::atomic<int> n_done = 0;
    for (int i = 0; i < 100; ++i) {
      ThreadPool pool(1 + i % 4);
      if (i % 2 == 0) pool.parallelFor(8, 1, [&](std::int64_t, std::int64_t) { ++n_done; });
    }
    QCOMPARE(n_done.load(), 400);
  }
};

LECTERN_TEST(ThreadPoolTest)
#include "thread_pool_test.moc"
