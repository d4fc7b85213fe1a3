// gui_command.h: `lectern gui [SESSION]`, and `lectern` alone.
#pragma once

namespace app {

class CommandLine;

void addGuiCommand(CommandLine& line);

}  // namespace app
