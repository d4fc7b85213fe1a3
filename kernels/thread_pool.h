// thread_pool.h: a fixed crew for loops whose items are independent.
//
// Results never depend on the number of threads: an item is computed whole by one thread, and
// no sum crosses items. One caller at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace kernels {

class ThreadPool {
 public:
  // `n_threads` counts the calling thread; at least 1.
  explicit ThreadPool(int n_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls work(begin, end) for ranges of at most `grain` items that together cover [0, n).
  // Runs on the caller alone when there is only one range.
  void parallelFor(std::int64_t n, std::int64_t grain,
                   const std::function<void(std::int64_t, std::int64_t)>& work);

 private:
  void workerLoop(std::stop_token stop);
  void takeRanges();

  // The current loop; written by the caller before generation_ moves on.
  const std::function<void(std::int64_t, std::int64_t)>* work_ = nullptr;
  std::int64_t n_ = 0, grain_ = 1;
  std::atomic<std::int64_t> next_{0};
  std::atomic<std::uint32_t> generation_{0};
  std::atomic<std::uint32_t> n_busy_{0};

  std::vector<std::jthread> workers_;
};

}  // namespace kernels
