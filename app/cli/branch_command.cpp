// lectern branch SESSION: the lines of its conversation: begin one at any turn, go over to another,
// go back, remove one.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <set>

#include "app/cli/command_line.h"
#include "app/cli/commands.h"
#include "app/cli/engine_flags.h"
#include "app/session_turns.h"
#include "engine/receipt_text.h"
#include "storage/storage.h"

namespace app {

using base::ErrorCode;
using base::failure;
using base::Result;
using base::Status;
using engine::Json;

namespace {

struct Options {
  std::string session;
  std::optional<std::string> fresh;       // title of a new branch
  std::optional<int> at, rewind;          // turns
  std::optional<std::string> go, remove;  // id or title of a branch
};

// A branch with what is said on it.
struct Line {
  storage::Branch branch;
  std::vector<Turn> turns;
  std::size_t n_shared = 0;  // turns that are also on its parent
};

Result<std::vector<Line>> linesOf(storage::MessageStore& store, base::SessionId session) {
  std::vector<Line> lines;
  TRY_ASSIGN(const auto branches, store.branchesOf(session));
  for (const storage::Branch& branch : branches) {
    TRY_ASSIGN(const auto messages, store.messagesOf(branch.id));
    Line& line = lines.emplace_back(Line{.branch = branch, .turns = turnsOf(messages)});
    const auto parent = std::find_if(lines.begin(), lines.end() - 1, [&](const Line& known) {
      return known.branch.id == branch.parent;
    });
    if (parent == lines.end() - 1) continue;
    while (line.n_shared < line.turns.size() && line.n_shared < parent->turns.size() &&
           line.turns[line.n_shared].end == parent->turns[line.n_shared].end)
      ++line.n_shared;
  }
  return lines;
}

// A title may look like the id of another branch, and an import may bring one twice.
Result<storage::Branch> branchNamed(const std::vector<Line>& lines, const std::string& name) {
  for (const Line& line : lines)
    if (name == std::to_string(line.branch.id.value)) return line.branch;
  const Line* named = nullptr;
  for (const Line& line : lines) {
    if (name != line.branch.title) continue;
    if (named != nullptr)
      return failure(ErrorCode::kInvalidInput, "several branches are titled \"" + name + "\"",
                     "Name it by its number: `lectern branch --session NAME` lists them.");
    named = &line;
  }
  if (named != nullptr) return named->branch;
  return failure(ErrorCode::kNotFound, "there is no branch \"" + name + "\"",
                 "`lectern branch --session NAME` lists them.");
}

Status change(ReadingService& service, const storage::Session& session, const Options& options) {
  storage::MessageStore& store = service.database().messages();
  storage::SessionStore& sessions = service.database().sessions();
  TRY_ASSIGN(const auto lines, linesOf(store, session.id));
  if (options.go) {
    TRY_ASSIGN(const storage::Branch branch, branchNamed(lines, *options.go));
    TRY(sessions.setActiveBranch(session.id, branch.id));
  }
  if (options.remove) {
    TRY_ASSIGN(const storage::Branch branch, branchNamed(lines, *options.remove));
    TRY(store.removeBranch(branch.id));
  }
  if (!options.fresh && !options.rewind) return {};
  TRY_ASSIGN(const storage::Session now, sessions.byId(session.id));
  TRY_ASSIGN(const auto messages, store.messagesOf(now.branch));
  const auto turns = turnsOf(messages);
  if (options.rewind) {
    TRY_ASSIGN(const base::MessageId last, endOfTurn(turns, *options.rewind));
    TRY(store.rewind(now.branch, last));
  }
  if (options.fresh) {
    for (const Line& line : lines)
      if (!options.fresh->empty() && line.branch.title == *options.fresh)
        return failure(ErrorCode::kBusy, "a branch of this title exists", "Choose another title.");
    TRY_ASSIGN(const base::MessageId last,
               endOfTurn(turns, options.at.value_or(static_cast<int>(turns.size()))));
    TRY_ASSIGN(const base::BranchId branch, store.fork(now.branch, last, *options.fresh));
    TRY(sessions.setActiveBranch(session.id, branch));
  }
  return {};
}

Json linesJson(const storage::Session& session, const std::vector<Line>& lines) {
  Json branches = Json::array();
  for (const Line& line : lines) {
    Json turns = Json::array();
    for (std::size_t i = 0; i < line.turns.size(); ++i)
      turns.push_back({{"turn", i + 1}, {"question", line.turns[i].text}});
    branches.push_back({{"id", line.branch.id.value},
                        {"title", line.branch.title},
                        {"parent", line.branch.parent.value},
                        {"active", line.branch.id == session.branch},
                        {"shared_turns", line.n_shared},
                        {"created_ms", line.branch.created_ms},
                        {"turns", std::move(turns)}});
  }
  return Json{{"session", session.name}, {"branches", std::move(branches)}};
}

void print(const storage::Session& session, const std::vector<Line>& lines) {
  for (const Line& line : lines) {
    std::printf("%s branch %lld%s%s\n", line.branch.id == session.branch ? "*" : " ",
                static_cast<long long>(line.branch.id.value), line.branch.title.empty() ? "" : ": ",
                engine::oneLine(line.branch.title).c_str());
    if (line.n_shared > 0)
      std::printf("      turns 1 to %zu as on branch %lld\n", line.n_shared,
                  static_cast<long long>(line.branch.parent.value));
    for (std::size_t i = line.n_shared; i < line.turns.size(); ++i)
      std::printf("  %4zu %s\n", i + 1, engine::oneLine(line.turns[i].text).c_str());
  }
}

Result<int> run(const Options& options, const Invocation& invocation) {
  const bool changes = options.fresh || options.rewind || options.go || options.remove;
  TRY_ASSIGN(const auto service,
             changes ? openService(invocation, {}) : openServiceToLook(invocation));
  TRY_ASSIGN(storage::Session session, service->session(options.session));
  if (changes) {
    TRY(change(*service, session, options));
    TRY_ASSIGN(session, service->session(options.session));
  }
  TRY_ASSIGN(const auto lines, linesOf(service->database().messages(), session.id));
  if (invocation.json)
    printJson(linesJson(session, lines));
  else
    print(session, lines);
  return kDone;
}

}  // namespace

void addBranchCommand(CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App& app = line.add("branch", "List, begin, choose, cut back the branches of a session",
                           [options](const Invocation& at) { return run(*options, at); });
  app.add_option("SESSION,--session", options->session, "Name of the session")->required();
  auto* fresh = app.add_option("--new", options->fresh, "Begin a branch of this title and go there")
                    ->type_name("TITLE");
  app.add_option("--at", options->at, "With --new: the last turn both have; 0: none")
      ->needs(fresh)
      ->check(CLI::NonNegativeNumber);
  app.add_option("--switch", options->go, "Go on with this branch")
      ->type_name("ID|TITLE")
      ->excludes(fresh);
  app.add_option("--rewind", options->rewind,
                 "Take back what was said after this turn of the active branch")
      ->type_name("TURN")
      ->check(CLI::NonNegativeNumber)
      ->excludes(fresh);
  app.add_option("--remove", options->remove, "Remove a branch with what only it holds")
      ->type_name("ID|TITLE");
}

}  // namespace app
