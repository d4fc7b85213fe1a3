// child_process.h: the owner of a process of ours: lectern-engine, or lectern itself.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "engine/base/result.h"

namespace app {

// How a process ended.
struct ProcessEnd {
  int exit_code = 0;  // -1 when a signal ended it
  int signal = 0;     // 0 when it exited
  std::string sentence() const;  // "was ended by signal 9 (Killed)", "exited with code 3"
};

// Invariant: at most one process, always reaped: the destructor kills what still runs. stdin and
// stdout are pipes, stderr is inherited; every other descriptor of ours is close-on-exec and does
// not reach it. Not thread-safe.
class ChildProcess {
 public:
  // kNotFound if the program is missing, kIo if it cannot be started.
  static base::Result<std::unique_ptr<ChildProcess>> start(
      const std::filesystem::path& program, const std::vector<std::string>& arguments);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  int input() const { return input_; }    // its stdin, we write
  int output() const { return output_; }  // its stdout, we read
  void closeInput();                      // it sees the end of its stdin
  void kill(int signal);
  // Waits up to `timeout_s` for it to end; empty if it still runs.
  std::optional<ProcessEnd> wait(double timeout_s);

 private:
  ChildProcess(pid_t pid, int input, int output);

  pid_t pid_;
  int input_, output_;
  std::optional<ProcessEnd> end_;
};

}  // namespace app
