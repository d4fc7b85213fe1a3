// lectern: the workbench and the command line of design §8.
#include <csignal>

#include "app/cli/command_line.h"
#include "app/cli/commands.h"
#include "app/workbench/gui_command.h"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a pipe that closes shows as a failed write
  app::CommandLine line;
  app::addGuiCommand(line);
  line.setDefault("gui");
  app::addFilesCommand(line);
  app::addExtractCommand(line);
  app::addIngestCommand(line);
  app::addAskCommand(line);
  app::addSessionsCommand(line);
  app::addSearchCommand(line);
  app::addBranchCommand(line);
  app::addDeleteCommand(line);
  app::addExportCommand(line);
  app::addImportCommand(line);
  app::addVerifyCommand(line);
  app::addPlanCommand(line);
  app::addBenchCommand(line);
  app::addLogitsCommand(line);
  app::addTokenizeCommand(line);
  app::addChatEncodeCommand(line);
  app::addChatParseCommand(line);
  app::addSelftestCommand(line);
  app::addDemoCommand(line);
  line.addLater("agent", "Let the model work with tools, under your approval");
  return line.run(argc, argv);
}
