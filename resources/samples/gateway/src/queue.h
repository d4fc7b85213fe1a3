// queue.h: readings between the connections and the archive.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>

#define QUEUE_LIMIT 512

struct Reading {
  long long time = 0;
  std::string sensor;
  std::string channel;
  double value = 0;
};

class ReadingQueue {
 public:
  // Waits while the queue is full; false once it is closed.
  bool push(Reading reading);
  // Waits while the queue is empty; false once it is closed and drained.
  bool pop(Reading& reading);
  void close();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Reading> readings_;
  bool closed_ = false;
};
