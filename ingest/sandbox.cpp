// Three fences, each by itself enough for most attacks: resource limits, a seccomp filter (no
// network, no processes, no writing), Landlock (no files but fonts and libraries). The filter lists
// what is forbidden rather than what is allowed: a list of allowed calls breaks with the next libc,
// and what it would add here is closed by Landlock.
#include "ingest/sandbox.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <initializer_list>

#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

namespace ingest {
namespace {

void limit(__rlimit_resource_t resource, rlim_t value) {
  rlimit limits{};
  if (::getrlimit(resource, &limits) != 0) return;
  limits.rlim_max = std::min(limits.rlim_max, value);
  limits.rlim_cur = limits.rlim_max;
  ::setrlimit(resource, &limits);
}

void limitResources([[maybe_unused]] std::uint64_t memory_bytes) {
  // The sanitizers reserve terabytes of address space at their start.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  limit(RLIMIT_AS, memory_bytes);
#endif
  limit(RLIMIT_FSIZE, 0);
  limit(RLIMIT_NOFILE, 64);
  limit(RLIMIT_CORE, 0);
  std::signal(SIGXFSZ, SIG_IGN);  // writing to a file fails instead of killing
}

bool forbid(scmp_filter_ctx filter, int error, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR) continue;  // libseccomp is older than this call
    if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(error), number, 0) != 0) return false;
  }
  return true;
}

bool forbidOpeningForWriting(scmp_filter_ctx filter) {
  const scmp_datum_t writing[] = {O_WRONLY, O_RDWR, O_CREAT, O_TRUNC};
  for (const scmp_datum_t flag : writing) {
    if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(open), 1,
                         SCMP_A1(SCMP_CMP_MASKED_EQ, flag, flag)) != 0 ||
        seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(openat), 1,
                         SCMP_A2(SCMP_CMP_MASKED_EQ, flag, flag)) != 0)
      return false;
  }
  // Its flags lie behind a pointer no filter can follow; libc then uses openat.
  return forbid(filter, ENOSYS, {"openat2"});
}

// Threads are allowed (Qt converts big images with them), processes are not.
bool forbidProcesses(scmp_filter_ctx filter) {
  return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                          SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0)) == 0 &&
         forbid(filter, ENOSYS, {"clone3"}) &&
         forbid(filter, EPERM, {"fork", "vfork", "execve", "execveat", "unshare", "setns"});
}

// abort() signals itself with tgkill; nobody else may be signalled or get other limits.
bool forbidSignals(scmp_filter_ctx filter) {
  const auto self = static_cast<scmp_datum_t>(::getpid());
  return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(kill), 1,
                          SCMP_A0(SCMP_CMP_NE, self)) == 0 &&
         seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(tgkill), 1,
                          SCMP_A0(SCMP_CMP_NE, self)) == 0 &&
         seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prlimit64), 1,
                          SCMP_A0(SCMP_CMP_NE, 0)) == 0 &&
         forbid(filter, EPERM,
                {"tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_open", "pidfd_getfd",
                 "pidfd_send_signal"});
}

bool restrictSyscalls() {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  if (filter == nullptr) return false;
  const bool built =
      forbid(filter, EPERM,
             {"socket", "socketpair", "connect", "bind", "listen", "accept", "accept4", "sendto",
              "sendmsg", "sendmmsg", "io_uring_setup", "io_uring_enter", "io_uring_register"}) &&
      forbid(filter, EPERM,
             {"ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "bpf",
              "perf_event_open", "userfaultfd", "keyctl", "add_key", "request_key", "kcmp",
              "mount", "umount2", "move_mount", "fsopen", "fsmount", "open_tree", "pivot_root",
              "chroot", "init_module", "finit_module", "delete_module", "kexec_load",
              "kexec_file_load", "reboot", "swapon", "swapoff", "settimeofday", "clock_settime",
              "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups",
              "capset", "personality", "modify_ldt", "open_by_handle_at", "name_to_handle_at"}) &&
      forbid(filter, EPERM,
             {"creat", "truncate", "ftruncate", "fallocate", "rename", "renameat", "renameat2",
              "link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat", "mkdir", "mkdirat",
              "rmdir", "mknod", "mknodat", "chmod", "fchmod", "fchmodat", "chown", "fchown",
              "fchownat", "lchown", "utime", "utimes", "utimensat", "futimesat", "setxattr",
              "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr"}) &&
      seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
                       SCMP_A1(SCMP_CMP_EQ, TIOCSTI)) == 0 &&
      forbidOpeningForWriting(filter) && forbidProcesses(filter) && forbidSignals(filter);
  const bool loaded = built && seccomp_load(filter) == 0;
  seccomp_release(filter);
  return loaded;
}

// Debian 12's header knows the rights of ABI 2; the kernel may know more.
constexpr std::uint64_t kFileTruncate = 1ull << 14;    // ABI 3
constexpr std::uint64_t kFileIoctlDevice = 1ull << 15;  // ABI 5

std::uint64_t fileRights(long abi) {
  std::uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
  if (abi >= 2) rights |= LANDLOCK_ACCESS_FS_REFER;
  if (abi >= 3) rights |= kFileTruncate;
  if (abi >= 5) rights |= kFileIoctlDevice;
  return rights;
}

void allowReading(int ruleset, const char* folder) {
  const int descriptor = ::open(folder, O_PATH | O_CLOEXEC);
  if (descriptor < 0) return;  // not on this machine
  landlock_path_beneath_attr rule{};
  rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
  rule.parent_fd = descriptor;
  ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
  ::close(descriptor);
}

bool restrictFiles() {
  const long abi =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi < 1) return false;
  const landlock_ruleset_attr handled{.handled_access_fs = fileRights(abi)};
  const int ruleset = static_cast<int>(
      ::syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0));
  if (ruleset < 0) return false;
  // Fonts and their index, Poppler's character tables, Tesseract's languages, libraries that are
  // loaded late.
  for (const char* folder :
       {"/usr/share/fonts", "/usr/local/share/fonts", "/etc/fonts", "/usr/share/fontconfig",
        "/var/cache/fontconfig", "/usr/share/poppler", "/usr/share/tesseract-ocr", "/usr/lib",
        "/lib", "/lib64"})
    allowReading(ruleset, folder);
  const bool done = ::syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
  ::close(ruleset);
  return done;
}

}  // namespace

SandboxLevel enterSandbox(std::uint64_t memory_bytes) {
  limitResources(memory_bytes);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_DUMPABLE, 0);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  const bool files = restrictFiles();
  const bool calls = restrictSyscalls();
  if (files && calls) return SandboxLevel::kFull;
  return calls ? SandboxLevel::kSyscalls : SandboxLevel::kRlimits;
}

void allowCpuSeconds(int seconds) {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto spent = used.ru_utime.tv_sec + used.ru_stime.tv_sec + 1;
  rlimit limits{};
  if (::getrlimit(RLIMIT_CPU, &limits) != 0) return;
  limits.rlim_cur = std::min(limits.rlim_max, static_cast<rlim_t>(spent + seconds));
  ::setrlimit(RLIMIT_CPU, &limits);
}

}  // namespace ingest
