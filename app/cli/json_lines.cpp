#include "app/cli/json_lines.h"

#include <cstdio>
#include <iostream>

#include "app/json_fields.h"

namespace app {

using base::ErrorCode;
using base::failure;
using base::Result;

Result<int> forEachLine(const Invocation& invocation,
                        const std::function<Result<std::string>(const std::string&)>& answer) {
  int code = kDone;
  for (std::string line; std::getline(std::cin, line);) {
    if (invocation.stop.stop_requested()) return failure(ErrorCode::kCancelled, "stopped");
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const Result<std::string> answered = answer(line);
    if (!answered) code = kInputRefused;
    const std::string out =
        asciiJson(answered ? *answered : dumpJson({{"error", errorToJson(answered.error())}}));
    std::fwrite(out.data(), 1, out.size(), stdout);
    std::fputc('\n', stdout);
  }
  std::fflush(stdout);
  return code;
}

}  // namespace app
