// commands.h: the commands, one file each.
#pragma once

namespace app {

class CommandLine;

void addFilesCommand(CommandLine& line);
void addExtractCommand(CommandLine& line);
void addIngestCommand(CommandLine& line);
void addAskCommand(CommandLine& line);
void addSessionsCommand(CommandLine& line);
void addSearchCommand(CommandLine& line);
void addBranchCommand(CommandLine& line);
void addDeleteCommand(CommandLine& line);
void addExportCommand(CommandLine& line);
void addImportCommand(CommandLine& line);
void addVerifyCommand(CommandLine& line);
void addPlanCommand(CommandLine& line);
void addBenchCommand(CommandLine& line);
void addLogitsCommand(CommandLine& line);
void addTokenizeCommand(CommandLine& line);
void addChatEncodeCommand(CommandLine& line);
void addChatParseCommand(CommandLine& line);
void addSelftestCommand(CommandLine& line);
void addDemoCommand(CommandLine& line);

}  // namespace app
