// interrupt.h: Ctrl-C and SIGTERM become a stop token.
#pragma once

#include <stop_token>
#include <thread>

namespace app {

// Invariant: SIGINT and SIGTERM are blocked in every thread started while one of these exists, and
// taken by its own thread: the first asks the work to stop, the second ends the process at once
// with exit code 4 (databases survive that: they are made for worse). Make it before any thread.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  std::stop_token token() const { return stop_.get_token(); }

 private:
  void watch();

  std::stop_source stop_;
  int signals_ = -1;  // signalfd
  int ended_ = -1;    // eventfd, written by the destructor
  std::thread watcher_;
};

}  // namespace app
