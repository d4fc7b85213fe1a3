// selftest.h: named checks of this installation, for the user to run when something is odd.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "app/paths.h"

namespace app {

struct CheckResult {
  std::string name;
  bool ok = false;
  std::string detail;  // one sentence: what was found, or why not
};

// Runs every check; `on_result` after each. Leaves nothing behind and touches no data of the user.
std::vector<CheckResult> runSelftest(const Paths& paths,
                                     const std::function<void(const CheckResult&)>& on_result,
                                     std::stop_token stop);

}  // namespace app
