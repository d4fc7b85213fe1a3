#include "app/model_fault.h"

#include <unistd.h>

#include <csignal>
#include <string_view>

namespace app {
namespace {

// Calls only what is safe in a signal handler.
extern "C" void sayAndEnd(int, siginfo_t*, void*) {
  constexpr std::string_view kLine =
      "lectern: a model file was changed or shortened while it was open; "
      "copy the model again, or load it again\n";
  [[maybe_unused]] const auto n = ::write(STDERR_FILENO, kLine.data(), kLine.size());
  ::_exit(kModelFaultExit);
}

}  // namespace

void endOnModelFault() {
  struct sigaction action {};
  action.sa_sigaction = sayAndEnd;
  action.sa_flags = SA_SIGINFO | SA_RESETHAND;
  ::sigaction(SIGBUS, &action, nullptr);
}

}  // namespace app
