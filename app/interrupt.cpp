#include "app/interrupt.h"

#include <cerrno>
#include <csignal>
#include <cstdint>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "engine/base/check.h"

namespace app {
namespace {

constexpr int kStoppedByUser = 4;

sigset_t stopSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

Interrupt::Interrupt() {
  const sigset_t set = stopSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_ = ::signalfd(-1, &set, SFD_CLOEXEC);
  ended_ = ::eventfd(0, EFD_CLOEXEC);
  CHECK(signals_ >= 0 && ended_ >= 0);
  watcher_ = std::thread([this] { watch(); });
}

Interrupt::~Interrupt() {
  const std::uint64_t one = 1;
  CHECK(::write(ended_, &one, sizeof one) == sizeof one);
  watcher_.join();
  ::close(signals_);
  ::close(ended_);
  const sigset_t set = stopSignals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void Interrupt::watch() {
  while (true) {
    pollfd watched[2] = {{.fd = signals_, .events = POLLIN, .revents = 0},
                         {.fd = ended_, .events = POLLIN, .revents = 0}};
    if (::poll(watched, 2, -1) < 0 && errno == EINTR) continue;
    if (watched[1].revents != 0) return;
    signalfd_siginfo info;
    if (::read(signals_, &info, sizeof info) != sizeof info) continue;
    if (stop_.stop_requested()) ::_exit(kStoppedByUser);
    stop_.request_stop();
  }
}

}  // namespace app
