// lectern search WORDS: over everything that was asked and answered, in all sessions.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>

#include "app/cli/command_line.h"
#include "app/cli/commands.h"
#include "app/cli/engine_flags.h"
#include "app/local_day.h"
#include "engine/receipt_text.h"
#include "storage/storage.h"

namespace app {

using base::Result;
using engine::Json;

namespace {

struct Options {
  std::vector<std::string> words;
  std::string session, workspace, role, since, before;
  bool with_archived = false;
  int n_hits_max = 50;
};

Result<storage::SearchQuery> searchQuery(ReadingService& service, const Options& options) {
  storage::SearchQuery query;
  for (const std::string& word : options.words) query.words += word + " ";
  if (!options.session.empty()) {
    TRY_ASSIGN(const storage::Session session, service.session(options.session));
    query.session = session.id;
  }
  if (!options.workspace.empty()) {
    TRY_ASSIGN(query.workspace, service.database().sessions().workspaceNamed(options.workspace));
  }
  if (!options.role.empty()) {
    TRY_ASSIGN(query.role, storage::messageRoleFromName(options.role));
  }
  if (!options.since.empty()) {
    TRY_ASSIGN(query.from_ms, dayBegin_ms(options.since));
  }
  if (!options.before.empty()) {
    TRY_ASSIGN(query.until_ms, dayBegin_ms(options.before));
  }
  query.with_archived = options.with_archived;
  query.n_hits_max = options.n_hits_max;
  return query;
}

// The marks of the hits as a terminal shows them.
std::string shownSnippet(const std::string& snippet) {
  std::string shown;
  for (std::size_t i = 0; i < snippet.size(); ++i) {
    const bool begins = snippet.compare(i, 3, "\u2068") == 0;
    if (!begins && snippet.compare(i, 3, "\u2069") != 0) {
      shown += snippet[i];
      continue;
    }
    shown += begins ? '[' : ']';
    i += 2;
  }
  return engine::oneLine(shown);
}

Result<int> run(const Options& options, const Invocation& invocation) {
  TRY_ASSIGN(const auto service, openServiceToLook(invocation));
  TRY_ASSIGN(const storage::SearchQuery query, searchQuery(*service, options));
  const auto begin = std::chrono::steady_clock::now();
  TRY_ASSIGN(const auto hits, service->database().sessions().search(query));
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::map<base::SessionId, storage::Session> sessions;
  Json list = Json::array();
  for (const storage::SearchHit& hit : hits) {
    if (!sessions.count(hit.session)) {
      TRY_ASSIGN(sessions[hit.session], service->database().sessions().byId(hit.session));
    }
    const storage::Session& session = sessions[hit.session];
    const std::string role =
        hit.message ? std::string(storage::messageRoleName(hit.role)) : "title";
    if (!invocation.json) {
      std::printf("%-24s %-9s %s  %s\n", engine::oneLine(session.name).c_str(), role.c_str(),
                  dayOf(hit.said_ms).c_str(), shownSnippet(hit.snippet).c_str());
      continue;
    }
    list.push_back({{"session", session.name},
                    {"title", session.title},
                    {"kind", role},
                    {"message", hit.message.value},
                    {"said_ms", hit.said_ms},
                    {"archived", session.archived},
                    {"snippet", hit.snippet}});
  }
  if (invocation.json)
    printJson({{"hits", std::move(list)}, {"seconds", seconds}});
  else if (hits.empty())
    std::printf("nothing found\n");
  return hits.empty() ? kAnswerIsNo : kDone;
}

}  // namespace

void addSearchCommand(CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App& app = line.add("search", "Find words in questions, answers and titles of all sessions",
                           [options](const Invocation& at) { return run(*options, at); });
  app.add_option("WORDS", options->words, "All must occur; the last may be a beginning")
      ->required();
  app.add_option("--session", options->session, "Only in this session");
  app.add_option("--workspace", options->workspace, "Only in this workspace's sessions");
  app.add_option("--role", options->role, "Only what one side said")
      ->check(CLI::IsMember({"user", "assistant", "tool"}));
  app.add_option("--since", options->since, "From this day on, as 2026-11-25");
  app.add_option("--before", options->before, "Before this day");
  app.add_flag("--archived", options->with_archived, "In archived sessions too");
  app.add_option("--limit", options->n_hits_max, "Hits at most")->check(CLI::Range(1, 10000));
}

}  // namespace app
