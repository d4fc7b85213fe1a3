// channel.h: a bounded queue between two threads. send() waits while it is full, receive() while
// it is empty; both give up at once when the token is stopped.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <stop_token>

#include "engine/base/result.h"

namespace base {

template <class T>
class Channel {
 public:
  explicit Channel(std::size_t n_items_max) : n_items_max_(n_items_max) {}

  Status send(T item, std::stop_token stop) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop, [&] { return items_.size() < n_items_max_; }))
      return failure(ErrorCode::kCancelled, "channel send stopped");
    items_.push_back(std::move(item));
    changed_.notify_all();
    return {};
  }

  Result<T> receive(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop, [&] { return !items_.empty(); }))
      return failure(ErrorCode::kCancelled, "channel receive stopped");
    T item = std::move(items_.front());
    items_.pop_front();
    changed_.notify_all();
    return item;
  }

 private:
  const std::size_t n_items_max_;  // constant after construction

  std::mutex mutex_;  // guards everything below
  std::condition_variable_any changed_;
  std::deque<T> items_;
};

}  // namespace base
