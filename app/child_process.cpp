#include "app/child_process.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace app {
namespace {

using base::ErrorCode;
using base::failure;

struct PipeEnds {
  int read = -1, write = -1;
  ~PipeEnds() {
    if (read >= 0) ::close(read);
    if (write >= 0) ::close(write);
  }
  bool open() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return false;
    read = ends[0];
    write = ends[1];
    return true;
  }
};

int release(int& descriptor) { return std::exchange(descriptor, -1); }

ProcessEnd endOf(int status) {
  if (WIFSIGNALED(status)) return {.exit_code = -1, .signal = WTERMSIG(status)};
  return {.exit_code = WEXITSTATUS(status), .signal = 0};
}

// A child starts with the signals of a fresh process: Ctrl-C at the terminal is for lectern, which
// stops its children in its own order, and a broken pipe must not be ignored by inheritance.
void setSignals(posix_spawnattr_t* attributes) {
  sigset_t none, standard;
  sigemptyset(&none);
  sigemptyset(&standard);
  sigaddset(&standard, SIGPIPE);
  sigaddset(&standard, SIGINT);
  sigaddset(&standard, SIGTERM);
  posix_spawnattr_setsigmask(attributes, &none);
  posix_spawnattr_setsigdefault(attributes, &standard);
  posix_spawnattr_setpgroup(attributes, 0);  // out of the terminal's foreground group
  posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                           POSIX_SPAWN_SETPGROUP);
}

}  // namespace

std::string ProcessEnd::sentence() const {
  if (signal != 0)
    return "was ended by signal " + std::to_string(signal) + " (" + strsignal(signal) + ")";
  return "exited with code " + std::to_string(exit_code);
}

base::Result<std::unique_ptr<ChildProcess>> ChildProcess::start(
    const std::filesystem::path& program, const std::vector<std::string>& arguments) {
  PipeEnds to_child, from_child;
  if (!to_child.open() || !from_child.open())
    return failure(ErrorCode::kIo, std::string("cannot make a pipe: ") + std::strerror(errno));

  std::vector<std::string> owned{program.string()};
  owned.insert(owned.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& argument : owned) argv.push_back(argument.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, to_child.read, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, from_child.write, STDOUT_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  setSignals(&attributes);
  pid_t pid = 0;
  const int error =
      posix_spawn(&pid, program.c_str(), &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0)
    return failure(error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
                   "cannot start " + program.string() + ": " + std::strerror(error),
                   "Build or install Lectern again: a program of it is missing.");
  return std::unique_ptr<ChildProcess>(
      new ChildProcess(pid, release(to_child.write), release(from_child.read)));
}

ChildProcess::ChildProcess(pid_t pid, int input, int output)
    : pid_(pid), input_(input), output_(output) {}

ChildProcess::~ChildProcess() {
  closeInput();
  if (!wait(0)) {
    kill(SIGKILL);
    wait(-1);
  }
  ::close(output_);
}

void ChildProcess::closeInput() {
  if (input_ >= 0) ::close(input_);
  input_ = -1;
}

void ChildProcess::kill(int signal) {
  if (!end_) ::kill(pid_, signal);
}

std::optional<ProcessEnd> ChildProcess::wait(double timeout_s) {
  if (end_) return end_;
  // A pidfd becomes readable when the process ends: waiting without polling in a loop.
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  if (pidfd >= 0) {
    pollfd watch{.fd = pidfd, .events = POLLIN, .revents = 0};
    const int timeout_ms = timeout_s < 0 ? -1 : static_cast<int>(timeout_s * 1000);
    while (::poll(&watch, 1, timeout_ms) < 0 && errno == EINTR) {
    }
    ::close(pidfd);
  }
  int status = 0;
  pid_t reaped = 0;
  do reaped = ::waitpid(pid_, &status, timeout_s < 0 ? 0 : WNOHANG);
  while (reaped < 0 && errno == EINTR);
  if (reaped == pid_) end_ = endOf(status);
  if (reaped < 0) end_ = ProcessEnd{};  // reaped elsewhere: it is gone in any case
  return end_;
}

}  // namespace app
