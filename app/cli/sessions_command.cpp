// lectern sessions: what is saved, and how it is kept. lectern delete NAME: what shall not be any
// more.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>

#include "app/byte_size.h"
#include "app/cli/command_line.h"
#include "app/cli/commands.h"
#include "app/cli/engine_flags.h"
#include "app/json_fields.h"
#include "app/progress_line.h"
#include "app/stored_sessions.h"
#include "engine/receipt_text.h"
#include "storage/storage.h"

namespace app {

using base::ErrorCode;
using base::failure;
using base::Result;
using base::Status;
using engine::Json;

namespace {

struct ListOptions {
  std::string session;  // the one that is changed; empty: none
  std::string workspace;
  bool with_archived = false;
  bool pin = false, unpin = false, archive = false, unarchive = false;
  std::string title, move;
  std::optional<std::int64_t> budget_bytes;

  bool changes() const {
    return pin || unpin || archive || unarchive || !title.empty() || !move.empty();
  }
};

std::string_view resumeName(ResumeFrom from) {
  return from == ResumeFrom::kSnapshot ? "snapshot" : "read_again";
}

std::string_view snapshotName(const StoredSessions& stored, const EnginePin* pin) {
  if (stored.unreadable) return "unknown";
  if (pin == nullptr) return "none";
  return pin->complete ? "whole" : "damaged";
}

// What the list is made of besides the sessions themselves.
struct Surroundings {
  StoredSessions stored;
  std::map<base::WorkspaceId, std::string> workspaces;
  std::map<base::SessionId, storage::Job> jobs;  // unfinished
};

Result<Surroundings> surroundings(ReadingService& service, std::stop_token stop) {
  Surroundings around;
  // Without what the engine keeps the list is still a list.
  auto stored = service.stored(stop);
  if (stored)
    around.stored = *std::move(stored);
  else
    around.stored.unreadable = std::move(stored).error();
  TRY_ASSIGN(const auto workspaces, service.database().sessions().workspaces());
  for (const storage::Workspace& workspace : workspaces)
    around.workspaces[workspace.id] = workspace.name;
  TRY_ASSIGN(const auto jobs, service.database().sessions().unfinishedJobs());
  for (const storage::Job& job : jobs) around.jobs.insert_or_assign(job.session, job);
  return around;
}

Json sessionJson(ReadingService& service, const storage::Session& session,
                 const Surroundings& around) {
  const EnginePin* pin = around.stored.pinOf(session);
  const ResumeForecast resume = service.resumeForecast(session, around.stored);
  const auto workspace = around.workspaces.find(session.workspace);
  const auto job = around.jobs.find(session.id);
  Json json{{"name", session.name},
            {"title", session.title},
            {"workspace", workspace == around.workspaces.end() ? "" : workspace->second},
            {"model", session.model_name},
            {"model_fingerprint", session.model_fingerprint.hex()},
            {"context_tokens", session.n_context_tokens},
            {"documents", session.n_documents},
            {"messages", session.n_messages},
            {"branches", session.n_branches},
            {"created_ms", session.created_ms},
            {"used_ms", session.used_ms},
            {"pinned", session.pinned},
            {"archived", session.archived},
            {"snapshot", snapshotName(around.stored, pin)},
            {"logical_bytes", pin ? pin->logical_bytes : 0},
            {"unique_bytes", pin ? pin->unique_bytes : 0},
            {"shared_bytes", pin ? pin->logical_bytes - pin->unique_bytes : 0},
            {"resume",
             {{"from", resumeName(resume.from)},
              {"tokens_to_read", resume.n_read},
              {"seconds", {resume.seconds_low, resume.seconds_high}},
              {"measured", resume.measured}}}};
  if (job != around.jobs.end())
    json["job"] = {{"state", storage::jobStateName(job->second.state)},
                   {"tokens_done", job->second.tokens_done},
                   {"tokens_total", job->second.tokens_total}};
  return json;
}

Json snapshotsJson(const StoredSessions& stored) {
  return Json{{"payload_bytes", stored.stats.payload_bytes},
              {"session_bytes", stored.stats.pinned_bytes},
              {"file_bytes", stored.stats.file_bytes},
              {"budget_bytes", stored.budget_bytes},
              {"dropped", stored.stats.n_dropped},
              {"error", stored.unreadable ? errorToJson(*stored.unreadable) : Json()}};
}

void print(ReadingService& service, const storage::Session& session, const Surroundings& around) {
  const EnginePin* pin = around.stored.pinOf(session);
  const ResumeForecast resume = service.resumeForecast(session, around.stored);
  std::string notes;
  const auto note = [&notes](const std::string& words) {
    notes += (notes.empty() ? "  " : ", ") + words;
  };
  if (session.pinned) note("pinned");
  if (session.archived) note("archived");
  if (session.n_branches > 1) note(countWords(session.n_branches) + " branches");
  const std::string_view snapshot = snapshotName(around.stored, pin);
  if (snapshot == "none" && session.n_context_tokens > 0) note("text only");
  if (snapshot == "unknown") note("snapshot unknown");
  if (snapshot == "damaged")
    note("snapshot damaged: " + countWords(resume.n_read) + " tokens are read again");
  if (const auto job = around.jobs.find(session.id); job != around.jobs.end())
    note("reading " + std::string(storage::jobStateName(job->second.state)) + " at " +
         countWords(job->second.tokens_done) + " of " + countWords(job->second.tokens_total));
  std::printf("%-24s %11s tokens %5s documents %4s messages %9s  resumes in %s%s%s\n",
              engine::oneLine(session.name).c_str(), countWords(session.n_context_tokens).c_str(),
              countWords(session.n_documents).c_str(), countWords(session.n_messages).c_str(),
              byteWords(pin ? pin->unique_bytes : 0).c_str(),
              durationRange(resume.seconds_low, resume.seconds_high).c_str(),
              resume.measured ? "" : " (rough)", notes.c_str());
}

Result<int> list(ReadingService& service, const ListOptions& options,
                 const Invocation& invocation) {
  TRY_ASSIGN(const Surroundings around, surroundings(service, invocation.stop));
  TRY_ASSIGN(const auto all, service.sessions());
  std::vector<storage::Session> sessions;
  std::size_t n_archived = 0;
  for (const storage::Session& session : all) {
    const auto workspace = around.workspaces.find(session.workspace);
    if (!options.workspace.empty() &&
        (workspace == around.workspaces.end() || workspace->second != options.workspace))
      continue;
    if (session.archived && !options.with_archived && !invocation.json) {
      ++n_archived;
      continue;
    }
    sessions.push_back(session);
  }
  if (invocation.json) {
    Json list = Json::array();
    for (const storage::Session& session : sessions)
      list.push_back(sessionJson(service, session, around));
    printJson({{"sessions", std::move(list)},
               {"snapshots", snapshotsJson(around.stored)},
               {"damaged_pages", service.database().nDamagedPages()}});
    return kDone;
  }
  for (const storage::Session& session : sessions) print(service, session, around);
  if (sessions.empty()) std::printf("no sessions yet: lectern ingest PATH --session NAME\n");
  if (n_archived > 0) std::printf("%zu more are archived: --archived shows them\n", n_archived);
  if (around.stored.unreadable)
    std::printf("snapshots cannot be looked at: %s\n", around.stored.unreadable->message.c_str());
  else
    std::printf("snapshots: %s of %s\n", byteWords(around.stored.stats.payload_bytes).c_str(),
                byteWords(around.stored.budget_bytes).c_str());
  return kDone;
}

Status change(ReadingService& service, const ListOptions& options) {
  storage::SessionStore& sessions = service.database().sessions();
  TRY_ASSIGN(const storage::Session session, service.session(options.session));
  if (options.pin || options.unpin) TRY(sessions.setPinned(session.id, options.pin));
  if (options.archive || options.unarchive) TRY(sessions.setArchived(session.id, options.archive));
  if (!options.title.empty()) TRY(service.rename(session.name, options.title));
  if (options.move.empty()) return {};
  auto workspace = sessions.workspaceNamed(options.move);
  if (!workspace && workspace.error().code == ErrorCode::kNotFound)
    workspace = sessions.createWorkspace(options.move);
  if (!workspace) return tl::make_unexpected(workspace.error());
  return sessions.setWorkspace(session.id, *workspace);
}

Result<int> runSessions(const ListOptions& options, const Invocation& invocation) {
  const bool changes = options.changes() || options.budget_bytes.has_value();
  if (options.changes() && options.session.empty())
    return failure(ErrorCode::kInvalidInput, "no session is named",
                   "Say which one: lectern sessions NAME --pin");
  TRY_ASSIGN(const auto service,
             changes ? openService(invocation, {}) : openServiceToLook(invocation));
  if (options.changes()) TRY(change(*service, options));
  if (options.budget_bytes) TRY(service->setSnapshotBudget(*options.budget_bytes, invocation.stop));
  if (options.session.empty()) return list(*service, options, invocation);
  TRY_ASSIGN(const storage::Session session, service->session(options.session));
  TRY_ASSIGN(const Surroundings around, surroundings(*service, invocation.stop));
  if (invocation.json)
    printJson(sessionJson(*service, session, around));
  else
    print(*service, session, around);
  return kDone;
}

Result<int> deleteSession(const std::string& name, const Invocation& invocation) {
  TRY_ASSIGN(const auto service, openService(invocation, {}));
  TRY(service->remove(name, invocation.stop));
  if (invocation.json)
    printJson({{"deleted", name}});
  else
    std::printf(
        "deleted \"%s\": its text, its messages and what was stored of its reading\n"
        "Backups and SSDs may keep copies.\n",
        name.c_str());
  return kDone;
}

}  // namespace

void addSessionsCommand(CommandLine& line) {
  auto options = std::make_shared<ListOptions>();
  CLI::App& app = line.add("sessions", "List the saved sessions; keep one in another way",
                           [options](const Invocation& at) { return runSessions(*options, at); });
  app.add_option("SESSION,--session", options->session, "The session to show or change");
  app.add_flag("--archived", options->with_archived, "List archived ones too");
  app.add_option("--workspace", options->workspace, "List only this workspace's");
  auto* pin = app.add_flag("--pin", options->pin, "The budget never takes its snapshot");
  app.add_flag("--unpin", options->unpin)->excludes(pin);
  auto* archive = app.add_flag("--archive", options->archive, "Neither listed nor searched");
  app.add_flag("--unarchive", options->unarchive)->excludes(archive);
  app.add_option("--title", options->title, "Give it another title");
  app.add_option("--move", options->move, "To this workspace, made when it does not exist");
  app.add_option_function<std::string>(
         "--budget",
         [options](const std::string& text) {
           if (text == "default") {
             options->budget_bytes = 0;
             return;
           }
           const auto bytes = parseByteSize(text);
           if (!bytes) throw CLI::ValidationError("--budget", bytes.error().message);
           options->budget_bytes = *bytes;
         },
         "What all snapshots may take on the disk from now on, as 20GiB, or \"default\"; snapshots "
         "used longest ago go first, text and pinned sessions never")
      ->type_name("BYTES");
}

void addDeleteCommand(CommandLine& line) {
  auto name = std::make_shared<std::string>();
  CLI::App& app =
      line.add("delete", "Delete a session: its text, messages and stored reading",
               [name](const Invocation& invocation) { return deleteSession(*name, invocation); });
  addSessionArgument(app, *name);
}

}  // namespace app
