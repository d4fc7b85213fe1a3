#include "engine/read_queue.h"

#include <chrono>

namespace engine {

ReadQueue::ReadQueue(int n_threads) {
  for (int i = 0; i < n_threads; ++i) threads_.emplace_back([this] { work(); });
}

ReadQueue::~ReadQueue() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  has_work_.notify_all();
  threads_.clear();
}

void ReadQueue::begin(std::span<const FileRead> reads, std::byte* base, Urgency urgency,
                      PendingReads& pending) {
  {
    std::lock_guard lock(mutex_);
    pending.n_left_ = static_cast<std::int64_t>(reads.size());
    pending.outcome_ = {};
    auto& jobs = jobs_[static_cast<int>(urgency)];
    for (const FileRead& read : reads) jobs.push_back({&read, base, &pending});
  }
  has_work_.notify_all();
}

bool ReadQueue::done(const PendingReads& pending) const {
  std::lock_guard lock(mutex_);
  return pending.n_left_ == 0;
}

base::Status ReadQueue::wait(PendingReads& pending) {
  using Clock = std::chrono::steady_clock;
  std::unique_lock lock(mutex_);
  if (pending.n_left_ > 0) {
    const auto begin = Clock::now();
    finished_.wait(lock, [&] { return pending.n_left_ == 0; });
    statistics_.waited_s += std::chrono::duration<double>(Clock::now() - begin).count();
  }
  return pending.outcome_;
}

ReadStatistics ReadQueue::statistics() const {
  std::lock_guard lock(mutex_);
  return statistics_;
}

void ReadQueue::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    auto& soon = jobs_[static_cast<int>(Urgency::kSoon)];
    auto& now = jobs_[static_cast<int>(Urgency::kNow)];
    has_work_.wait(lock, [&] { return ending_ || !now.empty() || !soon.empty(); });
    if (ending_) return;
    std::deque<Job>& jobs = now.empty() ? soon : now;
    const Job job = jobs.front();
    jobs.pop_front();
    lock.unlock();
    const base::Status outcome =
        job.read->file->readAligned(job.read->offset, job.read->bytes, job.base + job.read->to);
    lock.lock();
    statistics_.bytes += job.read->bytes;
    if (!outcome && job.pending->outcome_) job.pending->outcome_ = outcome;
    if (--job.pending->n_left_ == 0) finished_.notify_all();
  }
}

}  // namespace engine
