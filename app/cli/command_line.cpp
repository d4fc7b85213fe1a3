#include "app/cli/command_line.h"

#include <cstdio>
#include <exception>
#include <iostream>
#include <new>

#include <CLI/CLI.hpp>

#include "app/interrupt.h"
#include "app/json_fields.h"

namespace app {

using base::ErrorCode;
using base::failure;
using base::Result;

namespace {

int exitCodeOf(const base::Error& error) {
  return error.code == ErrorCode::kCancelled ? kStoppedByUser : kInputRefused;
}

void printError(const base::Error& error, bool json) {
  if (json) return printJson({{"error", errorToJson(error)}});
  std::fprintf(stderr, "lectern: %s\n", error.message.c_str());
  if (!error.hint.empty()) std::fprintf(stderr, "%s\n", error.hint.c_str());
}

}  // namespace

struct CommandLine::Command {
  CLI::App* app = nullptr;
  RunCommand run;
  bool json = false;
  std::string data, model;
};

void addSessionArgument(CLI::App& app, std::string& name) {
  app.add_option("SESSION", name, "Name of the session (required)");
  app.add_option("--session", name)->group("");  // not twice in the help
  app.parse_complete_callback([&name] {
    if (name.empty()) throw CLI::RequiredError("SESSION");
  });
}

void printJson(const engine::Json& json) {
  const std::string line = asciiJson(dumpJson(json)) + "\n";
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fflush(stdout);
}

CommandLine::CommandLine()
    : app_(std::make_unique<CLI::App>(
          "Lectern reads code and PDFs into one context, answers questions about them with a model "
          "on this machine, and proves every quote.",
          "lectern")) {
  app_->require_subcommand(1);
  app_->set_version_flag("--version", LECTERN_VERSION);
}

CommandLine::~CommandLine() = default;

CLI::App& CommandLine::add(const std::string& name, const std::string& description,
                           RunCommand run) {
  auto command = std::make_unique<Command>();
  command->app = app_->add_subcommand(name, description);
  command->run = std::move(run);
  command->app->add_flag("--json", command->json, "Print the result as JSON");
  command->app->add_option("--data", command->data, "Folder of session.db and snapshots.db");
  command->app->add_option("--model", command->model, "Model folder or file");
  commands_.push_back(std::move(command));
  return *commands_.back()->app;
}

void CommandLine::addLater(const std::string& name, const std::string& description) {
  CLI::App& app = add(name, description, [name](const Invocation& invocation) -> Result<int> {
    const base::Error error{ErrorCode::kUnsupported, "`lectern " + name + "` is not available yet",
                            "`lectern --help` lists what is."};
    printError(error, invocation.json);
    return kUsage;
  });
  app.allow_extras();
}

int CommandLine::run(int argc, char** argv) {
  try {
    if (argc == 1 && !default_.empty())
      app_->parse(default_);
    else
      app_->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success))
      return app_->exit(error);
    for (int i = 1; i < argc; ++i)
      if (std::string_view(argv[i]) == "--json")
        printJson({{"error",
                    {{"code", "usage"},
                     {"message", error.what()},
                     {"hint", "`lectern COMMAND --help` lists the options."}}}});
    app_->exit(error, std::cerr, std::cerr);
    return kUsage;
  }
  for (const auto& command : commands_)
    if (command->app->parsed()) return execute(*command);
  return kUsage;
}

// The top of the main thread: what a library throws ends here.
int CommandLine::execute(const Command& command) {
  const Interrupt interrupt;
  const Invocation invocation{.json = command.json,
                              .path_options = {.data = command.data, .model = command.model},
                              .stop = interrupt.token()};
  Result<int> code = failure(ErrorCode::kInternal, "the command did not run");
  try {
    code = command.run(invocation);
  } catch (const std::bad_alloc&) {
    code = failure(ErrorCode::kOutOfMemory, "lectern ran out of memory",
                   "Close other programs or leave sources out.");
  } catch (const std::exception& error) {
    code = failure(ErrorCode::kInternal, std::string("lectern failed: ") + error.what(),
                   "Please report this with the log file.");
  }
  if (code && (std::fflush(stdout) != 0 || std::ferror(stdout) != 0))
    code = failure(ErrorCode::kIo, "the result could not be written to where the output goes",
                   "Check that the disk has room.");
  if (code) return *code;
  printError(code.error(), command.json);
  return exitCodeOf(code.error());
}

}  // namespace app
