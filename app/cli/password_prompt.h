// password_prompt.h: a password from whoever runs the command.
#pragma once

#include <string>

#include "engine/base/result.h"

namespace app {

// One line: from the terminal, where it is asked for and not shown, or from stdin. Never from an
// argument, which every user of the machine could read. kInvalidInput when there is none.
base::Result<std::string> askPassword(const std::string& what);

}  // namespace app
