// progress_line.h: how far the work is, on stderr: one line that changes on a terminal, a line
// every few seconds elsewhere.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "engine/base/answer.h"

namespace app {

class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();  // ends an open line
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void show(std::string_view words);             // rate-limited
  void show(const base::Progress& progress);     // tokens, speed, ETA range, what is on disk
  void finish(std::string_view words);           // always shown; ends the line

 private:
  void write(std::string_view words);

  const bool terminal_;
  bool open_ = false;  // a changing line stands on the terminal
  std::chrono::steady_clock::time_point shown_{};
};

// "1 min 20 s", "3.2 s", "2 h 5 min".
std::string durationWords(double seconds);
// "40 s to 1 min 10 s", or one duration where both say the same.
std::string durationRange(double low_s, double high_s);
// "12,345".
std::string countWords(std::int64_t count);
// "3.2 GB".
std::string byteWords(std::int64_t bytes);

}  // namespace app
