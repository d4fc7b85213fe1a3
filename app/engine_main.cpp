// lectern-engine: the model as a process of its own. Speaks the protocol of engine_protocol.h on
// stdin and stdout; logs go to stderr and to the file named by --log.
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "app/engine_service.h"
#include "app/model_fault.h"
#include "engine/base/log.h"

namespace {

// The protocol keeps the original stdout; whatever a library prints there goes to stderr instead.
int takeStdout() {
  const int protocol = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
  return protocol;
}

}  // namespace

int main(int argc, char** argv) {
  std::string log_file;
  if (argc == 3 && std::strcmp(argv[1], "--log") == 0) {
    log_file = argv[2];
  } else if (argc != 1) {
    std::fprintf(stderr, "usage: lectern-engine [--log FILE]   (started by lectern)\n");
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  app::endOnModelFault();
  // The end of lectern shows as the end of stdin, in whatever way it ended. PR_SET_PDEATHSIG would
  // tie this process to the thread that started it instead.
  const int protocol = takeStdout();
  base::startLog("lectern-engine", base::LogLevel::kError, log_file);
  base::logInfo("app", "engine process started pid=" + std::to_string(::getpid()));
  // Never destroyed: after shutdown its reading thread may still wait for input that never comes.
  const int code = (new app::EngineService(STDIN_FILENO, protocol))->run();
  base::logInfo("app", "engine process ended");
  std::fflush(nullptr);
  ::_exit(code);
}
