// command_line.h: lectern's commands: what all of them share (design §8).
//
// Every command takes --json, --data and --model. A command is a function from its options to an
// exit code or a typed error; how errors look and which exit code they have is decided here, once.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "app/paths.h"
#include "engine/base/result.h"
#include "engine/json.h"

namespace CLI {
class App;
}

namespace app {

enum ExitCode { kDone = 0, kAnswerIsNo = 1, kUsage = 2, kInputRefused = 3, kStoppedByUser = 4 };

// What a command is given when it runs.
struct Invocation {
  bool json = false;
  PathOptions path_options;
  std::stop_token stop;  // Ctrl-C

  base::Result<Paths> paths() const { return resolvePaths(path_options); }
};

using RunCommand = std::function<base::Result<int>(const Invocation&)>;

class CommandLine {
 public:
  CommandLine();
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // The options of the command are added to what is returned; they are read when `run` is called.
  CLI::App& add(const std::string& name, const std::string& description, RunCommand run);
  // A word of design §8 whose time has not come.
  void addLater(const std::string& name, const std::string& description);

  // The command that `lectern` alone means.
  void setDefault(const std::string& name) { default_ = name; }

  // Parses and runs; the exit code of the process.
  int run(int argc, char** argv);

 private:
  struct Command;
  int execute(const Command& command);

  std::unique_ptr<CLI::App> app_;
  std::string default_;
  std::vector<std::unique_ptr<Command>> commands_;
};

// SESSION, which must be named; `--session NAME` is understood too.
void addSessionArgument(CLI::App& app, std::string& name);

// One line on stdout.
void printJson(const engine::Json& json);

}  // namespace app
