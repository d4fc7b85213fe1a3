// run_workbench.h: the program with a window.
#pragma once

#include <stop_token>
#include <string>

#include "app/reading_service.h"

namespace app {

// Shows the window and runs until it is closed or `stop` is triggered; returns the exit code.
int runWorkbench(const ServiceOptions& options, const std::string& session, std::stop_token stop);

}  // namespace app
