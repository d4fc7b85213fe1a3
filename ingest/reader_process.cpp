#include "ingest/reader_process.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ingest {
namespace {

using Kind = ReaderFailure::Kind;

// A descriptor that closes itself. Kept away from 0 to 3, which the child's own are dup'ed onto.
class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  static int highCopy(int descriptor) { return ::fcntl(descriptor, F_DUPFD_CLOEXEC, 10); }
  int get() const { return descriptor_; }
  int release() { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_;
};

// Signals as in a fresh process, and a group of its own: Ctrl-C at the terminal is for us.
void setSignals(posix_spawnattr_t* attributes) {
  sigset_t none, standard;
  sigemptyset(&none);
  sigfillset(&standard);
  posix_spawnattr_setsigmask(attributes, &none);
  posix_spawnattr_setsigdefault(attributes, &standard);
  posix_spawnattr_setpgroup(attributes, 0);
  posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                           POSIX_SPAWN_SETPGROUP);
}

int spawn(pid_t& pid, const std::filesystem::path& program, int document, int input, int output,
          const ReaderRequest& request) {
  std::vector<std::string> owned = toArguments(request);
  owned.insert(owned.begin(), program.string());
  std::vector<char*> argv;
  for (std::string& argument : owned) argv.push_back(argument.data());
  argv.push_back(nullptr);
  char locale[] = "LC_ALL=C.UTF-8";
  char* environment[] = {locale, nullptr};

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, document, kDocumentDescriptor);
  posix_spawn_file_actions_addclosefrom_np(&actions, kDocumentDescriptor + 1);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  setSignals(&attributes);
  const int error =
      posix_spawn(&pid, program.c_str(), &actions, &attributes, argv.data(), environment);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

tl::unexpected<ReaderFailure> failed(Kind kind, std::string detail) {
  return tl::unexpected<ReaderFailure>(ReaderFailure{kind, std::move(detail)});
}

}  // namespace

tl::expected<std::unique_ptr<ReaderProcess>, ReaderFailure> ReaderProcess::start(
    const std::filesystem::path& program, int document, const ReaderRequest& request,
    std::stop_token stop, const std::string& password) {
  int ends[2], keys[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return failed(Kind::kNotStarted, std::string("cannot make a pipe: ") + std::strerror(errno));
  Descriptor read_end(ends[0]), write_end(ends[1]);
  if (::pipe2(keys, O_CLOEXEC) != 0)
    return failed(Kind::kNotStarted, std::string("cannot make a pipe: ") + std::strerror(errno));
  Descriptor key_read(keys[0]), key_write(keys[1]);
  const Descriptor output(Descriptor::highCopy(write_end.get()));
  const Descriptor input(Descriptor::highCopy(key_read.get()));
  const Descriptor file(Descriptor::highCopy(document));
  if (output.get() < 0 || input.get() < 0 || file.get() < 0)
    return failed(Kind::kNotStarted,
                  std::string("cannot copy a descriptor: ") + std::strerror(errno));

  // Before the child runs: a password is shorter than any pipe, so this cannot wait.
  if (password.size() > kPasswordBytesMax ||
      (!password.empty() && ::write(key_write.get(), password.data(), password.size()) !=
                                static_cast<ssize_t>(password.size())))
    return failed(Kind::kNotStarted, "cannot hand over the password");

  pid_t pid = 0;
  const int error = spawn(pid, program, file.get(), input.get(), output.get(), request);
  if (error != 0)
    return failed(Kind::kNotStarted,
                  "cannot start " + program.string() + ": " + std::strerror(error));
  return std::unique_ptr<ReaderProcess>(
      new ReaderProcess(pid, read_end.release(), std::move(stop)));
}

void ReaderProcess::Killer::operator()() const {
  ::kill(pid, SIGKILL);
}

ReaderProcess::ReaderProcess(pid_t pid, int output, std::stop_token stop)
    : pid_(pid),
      output_(output),
      stop_(std::move(stop)),
      on_stop_(std::make_unique<std::stop_callback<Killer>>(stop_, Killer{pid_})) {}

ReaderProcess::~ReaderProcess() {
  reap();
  ::close(output_);
}

int ReaderProcess::reap() {
  if (!on_stop_) return 0;
  on_stop_.reset();
  ::kill(pid_, SIGKILL);  // not reaped yet, so the number is still ours
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

// The pipe has ended. A reader that merely closed it gets a moment to leave by itself, so that its
// own end is reported and not our kill.
ReaderFailure ReaderProcess::explainEnd() {
  const Descriptor pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  pollfd watch{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
  ::poll(&watch, 1, 1000);
  siginfo_t end{};
  ::waitid(P_PID, static_cast<id_t>(pid_), &end, WEXITED | WNOHANG | WNOWAIT);
  const bool ended = end.si_pid == pid_;
  const int status = reap();
  if (stop_.stop_requested()) return {Kind::kStopped, "stopped"};
  if (!ended) return {Kind::kBadMessage, "closed its output and kept running"};
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    const std::string detail =
        "was ended by signal " + std::to_string(signal) + " (" + strsignal(signal) + ")";
    if (signal == SIGXCPU) return {Kind::kTimeout, "used up its processor time"};
    // So Poppler answers a failed allocation.
    if (signal == SIGABRT) return {Kind::kOutOfMemory, "ran out of memory"};
    if (signal == SIGKILL || signal == SIGTERM) return {Kind::kKilled, detail};
    return {Kind::kCrashed, detail};
  }
  const int code = WEXITSTATUS(status);
  if (code == kExitOutOfMemory) return {Kind::kOutOfMemory, "ran out of memory"};
  return {Kind::kCrashed, "ended early with code " + std::to_string(code)};
}

tl::expected<void, ReaderFailure> ReaderProcess::fill(char* into, std::size_t n_bytes,
                                                      int timeout_s) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::seconds(timeout_s);
  while (n_bytes > 0) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd watch{.fd = output_, .events = POLLIN, .revents = 0};
    const int n_ready = left > 0 ? ::poll(&watch, 1, static_cast<int>(left)) : 0;
    if (n_ready < 0 && errno == EINTR) continue;
    if (n_ready == 0) {
      reap();
      return failed(Kind::kTimeout, "was silent for " + std::to_string(timeout_s) + " seconds");
    }
    const ssize_t n = ::read(output_, into, n_bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return tl::unexpected<ReaderFailure>(explainEnd());
    into += n;
    n_bytes -= static_cast<std::size_t>(n);
  }
  return {};
}

tl::expected<ReaderMessage, ReaderFailure> ReaderProcess::receive(int timeout_s) {
  if (stop_.stop_requested()) return failed(Kind::kStopped, "stopped");
  MessageHeader header;
  TRY(fill(reinterpret_cast<char*>(&header), sizeof header, timeout_s));
  if (header.n_bytes > kMessageBytesMax) {
    reap();
    return failed(Kind::kBadMessage,
                  "announced a message of " + std::to_string(header.n_bytes) + " bytes");
  }
  std::string body(header.n_bytes, '\0');
  TRY(fill(body.data(), body.size(), timeout_s));
  auto message = decodeMessage(header.kind, body);
  if (!message) {
    reap();
    return failed(Kind::kBadMessage, message.error().message);
  }
  return *std::move(message);
}

}  // namespace ingest
