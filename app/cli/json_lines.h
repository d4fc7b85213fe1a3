// json_lines.h: commands that turn JSON lines on stdin into JSON lines on stdout.
#pragma once

#include <functional>
#include <string>

#include "app/cli/command_line.h"

namespace app {

// One answer per line, in order. A line that is refused is answered with {"error": ...} and the
// next one is taken all the same; the exit code tells that there was one.
base::Result<int> forEachLine(
    const Invocation& invocation,
    const std::function<base::Result<std::string>(const std::string& line)>& answer);

}  // namespace app
