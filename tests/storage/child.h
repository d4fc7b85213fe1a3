// child.h: work in a process of its own, which may be killed at any time.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

namespace support {

// Tells the parent what is done; a line of less than 4 KB arrives whole or not at all.
class Report {
 public:
  explicit Report(int descriptor) : descriptor_(descriptor) {}
  void operator()(const std::string& line) const {
    const std::string bytes = line + "\n";
    if (::write(descriptor_, bytes.data(), bytes.size()) < 0) ::_exit(99);
  }

 private:
  const int descriptor_;
};

// A fork without exec: it has everything the test has. The parent must have closed its databases,
// for a forked descriptor shares the lock.
class Child {
 public:
  explicit Child(const std::function<int(const Report&)>& work) {
    int ends[2];
    if (::pipe(ends) != 0) std::abort();
    pid_ = ::fork();
    if (pid_ < 0) std::abort();
    if (pid_ == 0) {
      ::close(ends[0]);
      ::_exit(work(Report(ends[1])));
    }
    ::close(ends[1]);
    descriptor_ = ends[0];
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) kill();
    ::close(descriptor_);
  }

  // Waits until the child has said something or ended.
  void waitForLine() {
    if (lines_.find('\n') == std::string::npos) readSome();
  }
  void kill() {
    ::kill(pid_, SIGKILL);
    wait();
  }
  // Exit status; -1 after a signal.
  int wait() {
    while (readSome()) {
    }
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  // What it said, after wait() or kill().
  std::vector<std::string> lines() const {
    std::vector<std::string> lines;
    for (std::size_t at = 0, end; (end = lines_.find('\n', at)) != lines_.npos; at = end + 1)
      lines.push_back(lines_.substr(at, end - at));
    return lines;
  }

 private:
  bool readSome() {
    char buffer[4096];
    const ssize_t n = ::read(descriptor_, buffer, sizeof(buffer));
    if (n > 0) lines_.append(buffer, static_cast<std::size_t>(n));
    return n > 0;
  }

  pid_t pid_ = 0;
  int descriptor_ = -1;
  std::string lines_;
};

}  // namespace support
