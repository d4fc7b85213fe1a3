// listener.h: accepts sensors and turns their lines into readings.
#pragma once

#include <atomic>
#include <string_view>

#include "queue.h"

#define MAX_CLIENTS 96
#define LINE_BYTES 256

class Listener {
 public:
  Listener(int port, ReadingQueue& queue);

  // Serves until stop_listening() is called from a signal handler.
  int serve_clients();
  void stop_listening() { stopped_ = true; }

 private:
  void serve_one(int client);

  int port_;
  ReadingQueue& queue_;
  std::atomic<int> n_clients_ = 0;
  std::atomic<bool> stopped_ = false;
};

// "1700000000 level 3.25"; false when the line is not a reading.
bool parse_reading(std::string_view line, Reading& reading);
