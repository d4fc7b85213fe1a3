#include "ingest/sandbox_probe.h"

#include <cerrno>
#include <csignal>
#include <initializer_list>

#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ingest {
namespace {

bool reachesNetwork() {
  for (const int family : {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK})
    for (const int type : {SOCK_STREAM, SOCK_DGRAM})
      if (::socket(family, type, 0) >= 0) return true;
  return ::syscall(SYS_io_uring_setup, 1, nullptr) >= 0 || errno == EFAULT;
}

bool opensOtherFiles() {
  for (const char* path : {"/etc/passwd", "/proc/self/environ", "/proc/1/status", "/", "/home"})
    if (::open(path, O_RDONLY | O_CLOEXEC) >= 0) return true;
  return false;
}

bool writesFiles() {
  for (const char* path : {"/tmp/.lectern-probe", "/dev/shm/.lectern-probe"}) {
    const int file = ::open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) continue;
    ::unlink(path);
    return true;
  }
  return false;
}

// A child that came to be leaves at once.
bool startsProcesses() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  if (child > 0) ::waitpid(child, nullptr, 0);
  return child >= 0;
}

// In a child where there can be one. Where there cannot and the program is run all the same, this
// process is gone and nothing is reported.
bool runsPrograms() {
  constexpr int kRefused = 42;
  const pid_t child = ::fork();
  if (child > 0) {
    int status = 0;
    ::waitpid(child, &status, 0);
    return !WIFEXITED(status) || WEXITSTATUS(status) != kRefused;
  }
  char name[] = "true";
  char* arguments[] = {name, nullptr};
  char* none[] = {nullptr};
  ::execve("/bin/true", arguments, none);
  if (child == 0) ::_exit(kRefused);
  return false;
}

bool reachesParent() {
  // Seized, it goes on running; the end of this process lets it go.
  if (::ptrace(PTRACE_SEIZE, ::getppid(), 0, 0) == 0) return true;
  char byte = 0;
  iovec here{&byte, 1}, there{&byte, 1};
  if (::process_vm_readv(::getppid(), &here, 1, &there, 1, 0) == 1) return true;
  return ::kill(::getppid(), 0) == 0;
}

bool leavesNamespaces() { return ::unshare(CLONE_NEWUSER) == 0 || ::chroot("/") == 0; }

bool takesMemory(std::uint64_t memory_bytes) {
  void* memory = ::mmap(nullptr, memory_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return false;
  ::munmap(memory, memory_bytes);
  return true;
}

}  // namespace

std::vector<Probe> probeSandbox(std::uint64_t memory_bytes) {
  return {{"network", !reachesNetwork()},
          {"other files", !opensOtherFiles()},
          {"writing", !writesFiles()},
          {"fork", !startsProcesses()},
          {"exec", !runsPrograms()},
          {"ptrace and signals", !reachesParent()},
          {"namespaces", !leavesNamespaces()},
          {"memory", !takesMemory(memory_bytes)}};
}

}  // namespace ingest
