// in_order.h: work on several threads whose results are taken in order, on the calling thread.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <map>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "engine/base/result.h"

namespace app {

// Calls `work(i, stop)` for 0 <= i < n_items on a few threads and `take(i, result)` here, in the
// order of i. Workers are at most `n_ahead_max` items ahead of what was taken, so results do not
// pile up. Ends with the first error of `take`; kCancelled.
template <class Work, class Take>
base::Status inOrder(std::size_t n_items, std::size_t n_ahead_max, const Work& work,
                     const Take& take, std::stop_token stop) {
  using Made = decltype(work(std::size_t{}, stop));
  std::mutex mutex;  // guards what follows
  std::condition_variable_any changed;
  std::map<std::size_t, Made> made;
  std::size_t n_begun = 0, n_taken = 0;

  std::stop_source end;  // the caller's stop, or the end of this call
  const std::stop_callback on_stop(stop, [&end] { end.request_stop(); });
  const auto run = [&] {
    const std::stop_token ended = end.get_token();
    for (std::unique_lock lock(mutex);;) {
      if (!changed.wait(lock, ended, [&] {
            return n_begun == n_items || n_begun < n_taken + n_ahead_max;
          }))
        return;
      if (n_begun == n_items) return;
      const std::size_t item = n_begun++;
      lock.unlock();
      Made result = work(item, ended);
      lock.lock();
      made.emplace(item, std::move(result));
      changed.notify_all();
    }
  };
  constexpr std::size_t kThreadsMax = 16;
  const std::size_t n_threads =
      std::min({kThreadsMax, n_items, std::max<std::size_t>(1, std::thread::hardware_concurrency())});
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < n_threads; ++i) threads.emplace_back(run);

  base::Status status;
  for (std::size_t item = 0; item < n_items && status; ++item) {
    std::unique_lock lock(mutex);
    if (!changed.wait(lock, stop, [&] { return made.contains(item); }) || stop.stop_requested()) {
      status = base::failure(base::ErrorCode::kCancelled, "stopped");
      break;
    }
    auto node = made.extract(item);
    ++n_taken;
    changed.notify_all();
    lock.unlock();
    status = take(item, std::move(node.mapped()));
  }
  end.request_stop();
  return status;
}

}  // namespace app
