#include "queue.h"

#include <utility>

bool ReadingQueue::push(Reading reading) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return closed_ || readings_.size() < QUEUE_LIMIT; });
  if (closed_) return false;
  readings_.push_back(std::move(reading));
  changed_.notify_all();
  return true;
}

bool ReadingQueue::pop(Reading& reading) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return closed_ || !readings_.empty(); });
  if (readings_.empty()) return false;
  reading = std::move(readings_.front());
  readings_.pop_front();
  changed_.notify_all();
  return true;
}

void ReadingQueue::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}
