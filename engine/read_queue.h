// read_queue.h: a few threads that read model files while others compute.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "engine/base/result.h"
#include "engine/matrix_bundle.h"

namespace engine {

// The reads of one bundle under way. Stays where it is until they are done.
class PendingReads {
 public:
  PendingReads() = default;
  PendingReads(const PendingReads&) = delete;
  PendingReads& operator=(const PendingReads&) = delete;

 private:
  friend class ReadQueue;
  std::int64_t n_left_ = 0;
  base::Status outcome_;  // the first that failed
};

enum class Urgency {
  kSoon,  // will be asked for
  kNow,   // somebody waits: goes before whatever is only expected
};

struct ReadStatistics {
  std::int64_t bytes = 0;
  double waited_s = 0;  // by those who needed what was not there yet
};

class ReadQueue {
 public:
  explicit ReadQueue(int n_threads);
  ~ReadQueue();  // ends after the reads under way; those not begun are dropped
  ReadQueue(const ReadQueue&) = delete;
  ReadQueue& operator=(const ReadQueue&) = delete;

  // Adds the reads of a bundle into memory at `base` (aligned to kReadAlign). `reads` and `pending`
  // stay alive until it is done.
  void begin(std::span<const FileRead> reads, std::byte* base, Urgency urgency,
             PendingReads& pending);
  bool done(const PendingReads& pending) const;
  base::Status wait(PendingReads& pending);
  ReadStatistics statistics() const;

 private:
  struct Job {
    const FileRead* read;
    std::byte* base;
    PendingReads* pending;
  };
  void work();

  mutable std::mutex mutex_;  // guards everything below and every PendingReads
  std::condition_variable has_work_;
  mutable std::condition_variable finished_;
  std::deque<Job> jobs_[2];  // by urgency
  bool ending_ = false;
  ReadStatistics statistics_;

  std::vector<std::jthread> threads_;
};

}  // namespace engine
