#include "app/workbench/gui_command.h"

#include <cstdlib>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "app/cli/command_line.h"
#include "app/cli/engine_flags.h"
#include "app/workbench/run_workbench.h"
#include "engine/base/log.h"

namespace app {

using base::Result;

namespace {

struct Options {
  std::string session;
  EngineFlags engine;
};

bool hasDisplay() {
  for (const char* name : {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"})
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0') return true;
  return false;
}

Result<int> run(const Options& options, const Invocation& invocation) {
  if (!hasDisplay())
    return base::failure(base::ErrorCode::kUnsupported, "there is no display to open a window on",
                         "`lectern --help` lists the commands for the terminal.");
  TRY_ASSIGN(const ServiceOptions service, serviceOptions(invocation, options.engine));
  return runWorkbench(service, options.session, invocation.stop);
}

}  // namespace

void addGuiCommand(CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App& app = line.add("gui", "Open the workbench",
                           [options](const Invocation& at) { return run(*options, at); });
  app.add_option("SESSION", options->session, "Name of the session to open");
  addEngineFlags(app, options->engine);
}

}  // namespace app
