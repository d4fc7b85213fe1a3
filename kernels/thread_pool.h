// thread_pool.h: a fixed crew for loops whose items are independent.
//
// Results never depend on the number of threads: an item is computed whole by one thread, and
// no sum crosses items. One caller at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

namespace kernels {

// A loop body work(begin, end) without owning it: made from any callable for the length of a call,
// without allocation.
class LoopBody {
 public:
  template <class Work>
  requires(!std::is_same_v<std::remove_cvref_t<Work>, LoopBody>) LoopBody(const Work& work)
      : work_(std::addressof(work)),
        call_([](const void* work, std::int64_t begin, std::int64_t end) {
          (*static_cast<const Work*>(work))(begin, end);
        }) {}
  void operator()(std::int64_t begin, std::int64_t end) const { call_(work_, begin, end); }

 private:
  const void* work_;
  void (*call_)(const void*, std::int64_t, std::int64_t);
};

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
  void parallelFor(std::int64_t n, std::int64_t grain, LoopBody work);

 private:
  void workerLoop(std::stop_token stop);
  void takeRanges();

  // The current loop; written by the caller while it is closed and nobody is inside.
  const LoopBody* work_ = nullptr;
  std::int64_t n_ = 0, grain_ = 1;
  std::atomic<std::int64_t> next_{0};
  std::atomic<std::uint32_t> generation_{0};
  // A worker counts itself in before it looks whether the loop is open, the caller closes the loop
  // before it looks who is inside; both in one total order, so one of them sees the other.
  std::atomic<bool> open_{false};
  std::atomic<std::uint32_t> n_inside_{0};

  std::vector<std::jthread> workers_;
};

}  // namespace kernels
