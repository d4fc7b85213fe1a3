// lectern selftest: named checks of this installation, one line each.
#include <algorithm>
#include <cstdio>

#include "app/cli/command_line.h"
#include "app/cli/commands.h"
#include "app/selftest.h"

namespace app {

using base::ErrorCode;
using base::failure;
using base::Result;
using engine::Json;

namespace {

Result<int> run(const Invocation& invocation) {
  TRY_ASSIGN(const Paths paths, invocation.paths());
  const auto results = runSelftest(
      paths,
      [&](const CheckResult& result) {
        if (invocation.json) return;
        std::printf("%-6s %-10s %s\n", result.ok ? "ok" : "NOT OK", result.name.c_str(),
                    result.detail.c_str());
        std::fflush(stdout);
      },
      invocation.stop);
  if (invocation.stop.stop_requested()) return failure(ErrorCode::kCancelled, "stopped");
  const bool ok = std::all_of(results.begin(), results.end(),
                              [](const CheckResult& result) { return result.ok; });
  if (invocation.json) {
    Json checks = Json::array();
    for (const CheckResult& result : results)
      checks.push_back({{"name", result.name}, {"ok", result.ok}, {"detail", result.detail}});
    printJson({{"ok", ok}, {"checks", std::move(checks)}});
  }
  return ok ? kDone : kAnswerIsNo;
}

}  // namespace

void addSelftestCommand(CommandLine& line) { line.add("selftest", "Check this installation", run); }

}  // namespace app
