// Attempts to get out, made by a child that has locked itself in.
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <QTemporaryDir>
#include <QTest>

#include "ingest/sandbox.h"
#include "ingest/sandbox_probe.h"
#include "tests/support/test_main.h"

namespace {

constexpr std::uint64_t kMemoryBytes = std::uint64_t{1} << 30;

// Runs `probe` behind the fence, in a process of its own; true if it says that it got through.
bool getsThrough(const std::function<bool()>& probe) {
  const pid_t child = ::fork();
  if (child == 0) {
    ingest::enterSandbox(kMemoryBytes);
    ::_exit(probe() ? 42 : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 42;
}

ingest::SandboxLevel levelHere() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(static_cast<int>(ingest::enterSandbox(kMemoryBytes)));
  int status = 0;
  ::waitpid(child, &status, 0);
  return static_cast<ingest::SandboxLevel>(WEXITSTATUS(status));
}

}  // namespace

class SandboxTest : public QObject {
  Q_OBJECT
 private slots:
  void whatThePageNeedsStillWorks() {
    QVERIFY(getsThrough([] { return ::open("/usr/share/fonts", O_RDONLY | O_DIRECTORY) >= 0; }));
    QVERIFY(getsThrough([] { return std::string(100 << 20, 'a').size() > 0; }));
    QVERIFY(getsThrough([] {
      bool ran = false;
      std::jthread([&] { ran = true; }).join();
      return ran;
    }));
  }

  void abortStillEndsTheProcess() {
    const pid_t child = ::fork();
    if (child == 0) {
      std::signal(SIGABRT, SIG_DFL);  // Qt Test listens otherwise
      ingest::enterSandbox(kMemoryBytes);
      std::abort();
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    QVERIFY(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
  }

  void processorTimeEnds() {
    const pid_t child = ::fork();
    if (child == 0) {
      ingest::enterSandbox(kMemoryBytes);
      ingest::allowCpuSeconds(1);
      for (volatile unsigned n = 0;;) static_cast<void>(n);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    QVERIFY(WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU);
  }

  void memoryEnds() {
    QVERIFY(!getsThrough([] {
      return ::mmap(nullptr, 2 * kMemoryBytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
             MAP_FAILED;
    }));
  }

  void nothingIsWritten() {
    const QTemporaryDir folder;
    const std::string file = folder.filePath("new").toStdString();
    const int before =
        ::open(folder.filePath("old").toLocal8Bit().constData(), O_CREAT | O_RDWR, 0600);
    QVERIFY(!getsThrough([&] { return ::open(file.c_str(), O_CREAT | O_WRONLY, 0600) >= 0; }));
    QVERIFY(!getsThrough([&] { return ::creat(file.c_str(), 0600) >= 0; }));
    QVERIFY(!getsThrough([&] { return ::mkdir(file.c_str(), 0700) == 0; }));
    QVERIFY(!getsThrough([&] { return ::write(before, "x", 1) == 1; }));
    QVERIFY(!getsThrough([&] { return ::ftruncate(before, 0) == 0 && ::fchmod(before, 0) == 0; }));
    ::close(before);
  }

  void nobodyIsReached() {
    if (levelHere() == ingest::SandboxLevel::kRlimits) QSKIP("no seccomp on this machine");
    for (const int family : {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK})
      QVERIFY(!getsThrough([&] { return ::socket(family, SOCK_STREAM, 0) >= 0; }));
    QVERIFY(!getsThrough([] { return ::socket(AF_INET, SOCK_DGRAM, 0) >= 0; }));
    QVERIFY(!getsThrough([] { return ::kill(::getppid(), 0) == 0; }));
    QVERIFY(!getsThrough([] { return ::ptrace(PTRACE_ATTACH, ::getppid(), 0, 0) == 0; }));
    QVERIFY(!getsThrough([] {
      char byte = 0;
      iovec here{&byte, 1}, there{&byte, 1};
      return ::process_vm_readv(::getppid(), &here, 1, &there, 1, 0) == 1;
    }));
    QVERIFY(!getsThrough(
        [] { return ::syscall(SYS_io_uring_setup, 1, nullptr) >= 0 || errno == EFAULT; }));
  }

  void nothingIsStarted() {
    if (levelHere() == ingest::SandboxLevel::kRlimits) QSKIP("no seccomp on this machine");
    QVERIFY(!getsThrough([] { return ::fork() >= 0; }));
    QVERIFY(!getsThrough([] {
      ::execl("/bin/true", "true", nullptr);
      return errno != EPERM && errno != EACCES;
    }));
    QVERIFY(!getsThrough([] { return ::unshare(CLONE_NEWUSER) == 0; }));
  }

  void everyAttemptOfTheSelftestIsRefused() {
    if (levelHere() != ingest::SandboxLevel::kFull) QSKIP("no Landlock or seccomp on this machine");
    int n_open = -1;
    const pid_t child = ::fork();
    if (child == 0) {
      ingest::enterSandbox(kMemoryBytes);
      int n = 0;
      for (const ingest::Probe& probe : ingest::probeSandbox(kMemoryBytes)) n += !probe.refused;
      ::_exit(n);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFEXITED(status)) n_open = WEXITSTATUS(status);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    QVERIFY(n_open <= 1);  // memory: the sanitizers need more of it
#else
    QCOMPARE(n_open, 0);
#endif
  }

  void withoutASandboxTheAttemptsGetThrough() {
    const pid_t child = ::fork();
    if (child == 0) {
      const auto probes = ingest::probeSandbox(1 << 20);
      ::_exit(probes[0].refused || probes[1].refused || probes[3].refused ? 1 : 0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    QVERIFY(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }

  void filesOfTheUserStayClosed() {
    if (levelHere() != ingest::SandboxLevel::kFull) QSKIP("no Landlock on this machine");
    for (const char* path : {"/etc/passwd", "/proc/self/maps", "/etc/hostname"})
      QVERIFY(!getsThrough([&] { return ::open(path, O_RDONLY) >= 0; }));
    QVERIFY(!getsThrough([] { return ::open("/", O_RDONLY | O_DIRECTORY) >= 0; }));
  }
};

LECTERN_TEST(SandboxTest)
#include "sandbox_test.moc"
