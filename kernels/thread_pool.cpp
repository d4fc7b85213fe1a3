#include "kernels/thread_pool.h"

#include <algorithm>

namespace kernels {
namespace {

// How often a waiting thread looks before it sleeps. Loops follow each other within microseconds
// while a token is computed, and waking a sleeper costs more than that.
constexpr int kSpins = 2000;

void pauseCpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

template <class Value>
void waitWhileEqual(const std::atomic<Value>& value, Value old) {
  for (int i = 0; i < kSpins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    pauseCpu();
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

ThreadPool::ThreadPool(int n_threads) {
  for (int i = 1; i < n_threads; ++i)
    workers_.emplace_back([this](std::stop_token stop) { workerLoop(stop); });
}

ThreadPool::~ThreadPool() {
  for (auto& worker : workers_) worker.request_stop();
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
}

void ThreadPool::parallelFor(std::int64_t n, std::int64_t grain, LoopBody work) {
  grain = std::max<std::int64_t>(grain, 1);
  if (n <= grain || workers_.empty()) {
    for (std::int64_t begin = 0; begin < n; begin += grain) work(begin, std::min(begin + grain, n));
    return;
  }
  work_ = &work;
  n_ = n;
  grain_ = grain;
  next_.store(0, std::memory_order_relaxed);
  open_.store(true);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  takeRanges();
  // Who is inside finishes its range; who comes now finds the loop closed. A thread that slept
  // through a short loop delays nobody.
  open_.store(false);
  while (const std::uint32_t n_inside = n_inside_.load()) waitWhileEqual(n_inside_, n_inside);
}

void ThreadPool::takeRanges() {
  for (;;) {
    const std::int64_t begin = next_.fetch_add(grain_, std::memory_order_relaxed);
    if (begin >= n_) return;
    (*work_)(begin, std::min(begin + grain_, n_));
  }
}

void ThreadPool::workerLoop(std::stop_token stop) {
  std::uint32_t seen = 0;
  for (;;) {
    waitWhileEqual(generation_, seen);
    if (stop.stop_requested()) return;
    seen = generation_.load(std::memory_order_acquire);
    n_inside_.fetch_add(1);
    if (open_.load()) takeRanges();
    n_inside_.fetch_sub(1);
    n_inside_.notify_all();
  }
}

}  // namespace kernels
