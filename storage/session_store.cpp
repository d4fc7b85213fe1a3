#include "storage/session_store.h"

#include <array>
#include <random>

#include "storage/search_index.h"
#include "storage/session_file.h"

namespace storage {
namespace {

using base::ErrorCode;
using base::failure;
using base::Result;
using base::SessionId;
using base::Status;

constexpr std::array<std::string_view, 5> kJobStates{"queued", "running", "paused", "done",
                                                     "failed"};

// Random enough never to meet another session's, also in a snapshots.db from another folder.
std::string newKey() {
  std::random_device device;
  base::Hash128 key;
  for (std::uint8_t& byte : key.bytes) byte = static_cast<std::uint8_t>(device());
  return key.hex();
}

Result<JobState> jobStateOf(const std::string& name) {
  for (std::size_t i = 0; i < kJobStates.size(); ++i)
    if (name == kJobStates[i]) return static_cast<JobState>(i);
  return failure(ErrorCode::kCorrupt, "a stored job state is unknown");
}

// What readSession reads.
const std::string kSelectSession =
    "SELECT id, key, name, title, workspace_id, model_name, model_fingerprint, model_identity,"
    " created_ms, used_ms, pinned, archived, n_context_tokens, branch_id,"
    " (SELECT count(*) FROM session_document WHERE session_id = session.id),"
    " (SELECT count(*) FROM message WHERE session_id = session.id),"
    " (SELECT count(*) FROM branch WHERE session_id = session.id) FROM session";

Result<Session> readSession(const Statement& row) {
  Session session;
  session.id = {row.integer(0)};
  session.key = row.text(1);
  session.name = row.text(2);
  session.title = row.text(3);
  session.workspace = {row.integer(4)};
  session.model_name = row.text(5);
  TRY_ASSIGN(session.model_fingerprint, row.hash(6));
  session.model_identity = row.text(7);
  session.created_ms = row.integer(8);
  session.used_ms = row.integer(9);
  session.pinned = row.integer(10) != 0;
  session.archived = row.integer(11) != 0;
  session.n_context_tokens = row.integer(12);
  session.branch = {row.integer(13)};
  session.n_documents = row.integer(14);
  session.n_messages = row.integer(15);
  session.n_branches = row.integer(16);
  return session;
}

Result<Session> onlySession(Statement& query) {
  TRY_ASSIGN(const bool found, query.step());
  if (found) return readSession(query);
  return failure(ErrorCode::kNotFound, "no such session", "List the sessions to see their names.");
}

Result<Job> readJob(const Statement& row) {
  Job job;
  job.id = row.integer(0);
  job.session = {row.integer(1)};
  TRY_ASSIGN(job.state, jobStateOf(row.text(2)));
  job.tokens_done = row.integer(3);
  job.tokens_total = row.integer(4);
  job.error = row.text(5);
  return job;
}

// One row must have changed; the names of the other failures are SQLite's.
Status changedOne(Database& database, Status status) {
  if (status && database.rowsChanged() == 0)
    return failure(ErrorCode::kNotFound, "nothing is stored under this id");
  return status;
}

Status nameTaken(Status status, std::string_view what) {
  if (status || status.error().code != ErrorCode::kInvalidInput) return status;
  return failure(ErrorCode::kBusy, "a " + std::string(what) + " of this name exists",
                 "Choose another name.");
}

Result<std::vector<std::int64_t>> documentsUsedBy(Database& database, SessionId session) {
  TRY_ASSIGN(auto query,
             database.prepare(
                 "SELECT document_id FROM session_document WHERE session_id = :session"
                 " UNION SELECT document_id FROM citation JOIN message ON message.id = message_id"
                 " WHERE session_id = :session AND document_id IS NOT NULL"));
  query.bind(":session", session.value);
  std::vector<std::int64_t> documents;
  for (;;) {
    TRY_ASSIGN(const bool has_row, query.step());
    if (!has_row) return documents;
    documents.push_back(query.integer(0));
  }
}

}  // namespace

Result<Session> SessionStore::create(const NewSession& session) {
  if (session.name.empty())
    return failure(ErrorCode::kInvalidInput, "a session needs a name", "Give it a name.");
  SessionId id;
  TRY(file_.write([&]() -> Status {
    TRY_ASSIGN(id, insertSession(session));
    TRY(indexSession(file_.database(), id));
    return insertFirstBranch(id);
  }));
  return byId(id);
}

std::string_view jobStateName(JobState state) {
  return kJobStates[static_cast<std::size_t>(state)];
}

Result<SessionId> SessionStore::insertSession(const NewSession& session) {
  TRY_ASSIGN(auto insert,
             file_.database().prepare(
                 "INSERT INTO session (key, workspace_id, name, title, model_name,"
                 " model_fingerprint, model_identity, created_ms, used_ms) VALUES (:key,"
                 " coalesce(:workspace, (SELECT min(id) FROM workspace)), :name, :title, :model,"
                 " :fingerprint, :identity, :now, :now)"));
  insert.bind(":key", newKey()).bindId(":workspace", session.workspace.value);
  insert.bind(":name", session.name);
  insert.bind(":title", session.title.empty() ? session.name : session.title);
  insert.bind(":model", session.model_name).bind(":fingerprint", session.model_fingerprint);
  insert.bind(":identity", session.model_identity);
  TRY(nameTaken(insert.bind(":now", nowMs()).run(), "session"));
  return SessionId{file_.database().lastInsertId()};
}

Status SessionStore::insertFirstBranch(SessionId session) {
  TRY_ASSIGN(auto insert,
             file_.database().prepare("INSERT INTO branch (session_id, title, created_ms)"
                                      " VALUES (:session, '', :now)"));
  TRY(insert.bind(":session", session.value).bind(":now", nowMs()).run());
  TRY_ASSIGN(auto update, file_.database().prepare(
                              "UPDATE session SET branch_id = :branch WHERE id = :session"));
  update.bind(":branch", file_.database().lastInsertId());
  return update.bind(":session", session.value).run();
}

Result<Session> SessionStore::byName(const std::string& name) {
  TRY_ASSIGN(auto query, file_.database().prepare(kSelectSession + " WHERE name = :name"));
  return onlySession(query.bind(":name", name));
}

Result<Session> SessionStore::byId(SessionId id) {
  TRY_ASSIGN(auto query, file_.database().prepare(kSelectSession + " WHERE id = :session"));
  return onlySession(query.bind(":session", id.value));
}

Result<std::vector<Session>> SessionStore::list() {
  TRY_ASSIGN(auto query,
             file_.database().prepare(kSelectSession + " ORDER BY used_ms DESC, id DESC"));
  std::vector<Session> sessions;
  for (;;) {
    TRY_ASSIGN(const bool has_row, query.step());
    if (!has_row) return sessions;
    TRY_ASSIGN(auto session, readSession(query));
    sessions.push_back(std::move(session));
  }
}

Status SessionStore::remove(SessionId id) {
  Database& database = file_.database();
  TRY(file_.write([&]() -> Status {
    TRY_ASSIGN(const auto documents, documentsUsedBy(database, id));
    TRY(unindexMessagesOf(database, id));
    TRY(unindexSession(database, id));
    TRY_ASSIGN(auto remove, database.prepare("DELETE FROM session WHERE id = :session"));
    TRY(changedOne(database, remove.bind(":session", id.value).run()));
    TRY(removeUnusedDocuments(database, documents));
    TRY(removeUnusedSources(database));
    return purgeSearchIndex(database);
  }));
  file_.forgetRemoved();
  return {};
}

Status SessionStore::rename(SessionId id, const std::string& name, const std::string& title) {
  if (name.empty())
    return failure(ErrorCode::kInvalidInput, "a session needs a name", "Give it a name.");
  return file_.write([&]() -> Status {
    TRY(unindexSession(file_.database(), id));
    TRY_ASSIGN(auto update,
               file_.database().prepare(
                   "UPDATE session SET name = :name, title = :title WHERE id = :session"));
    update.bind(":name", name).bind(":title", title.empty() ? name : title);
    TRY(changedOne(file_.database(),
                   nameTaken(update.bind(":session", id.value).run(), "session")));
    return indexSession(file_.database(), id);
  });
}

Status SessionStore::setPinned(SessionId id, bool pinned) {
  return file_.write([&]() -> Status {
    TRY_ASSIGN(auto update,
               file_.database().prepare("UPDATE session SET pinned = :pinned WHERE id = :session"));
    update.bind(":pinned", std::int64_t{pinned}).bind(":session", id.value);
    return changedOne(file_.database(), update.run());
  });
}

Status SessionStore::setArchived(SessionId id, bool archived) {
  return file_.write([&]() -> Status {
    TRY_ASSIGN(auto update, file_.database().prepare(
                                "UPDATE session SET archived = :archived WHERE id = :session"));
    update.bind(":archived", std::int64_t{archived}).bind(":session", id.value);
    return changedOne(file_.database(), update.run());
  });
}

Status SessionStore::setActiveBranch(SessionId id, base::BranchId branch) {
  return file_.write([&]() -> Status {
    TRY_ASSIGN(auto update, file_.database().prepare(
                                "UPDATE session SET branch_id = :branch WHERE id = :session AND"
                                " EXISTS (SELECT 1 FROM branch b"
                                " WHERE b.id = :branch AND b.session_id = :session)"));
    update.bind(":branch", branch.value).bind(":session", id.value);
    return changedOne(file_.database(), update.run());
  });
}

Status SessionStore::setModel(SessionId id, const std::string& name,
                              const base::Hash128& fingerprint, const std::string& identity) {
  return file_.write([&]() -> Status {
    TRY_ASSIGN(auto update,
               file_.database().prepare("UPDATE session SET model_name = :name,"
                                        " model_fingerprint = :hash, model_identity = :identity"
                                        " WHERE id = :session"));
    update.bind(":name", name).bind(":hash", fingerprint).bind(":identity", identity);
    update.bind(":session", id.value);
    return changedOne(file_.database(), update.run());
  });
}

Status SessionStore::setContextTokens(SessionId id, std::int64_t n_tokens) {
  return file_.write([&]() -> Status {
    TRY_ASSIGN(auto update,
               file_.database().prepare("UPDATE session SET n_context_tokens = :n_tokens,"
                                        " used_ms = :now WHERE id = :session"));
    update.bind(":n_tokens", n_tokens).bind(":now", nowMs()).bind(":session", id.value);
    return changedOne(file_.database(), update.run());
  });
}

Result<base::WorkspaceId> SessionStore::createWorkspace(const std::string& name) {
  base::WorkspaceId id;
  TRY(file_.write([&]() -> Status {
    TRY_ASSIGN(auto insert, file_.database().prepare(
                                "INSERT INTO workspace (name, created_ms) VALUES (:name, :now)"));
    TRY(nameTaken(insert.bind(":name", name).bind(":now", nowMs()).run(), "workspace"));
    id = {file_.database().lastInsertId()};
    return {};
  }));
  return id;
}

Result<std::vector<Workspace>> SessionStore::workspaces() {
  TRY_ASSIGN(auto query, file_.database().prepare("SELECT id, name FROM workspace ORDER BY id"));
  std::vector<Workspace> workspaces;
  for (;;) {
    TRY_ASSIGN(const bool has_row, query.step());
    if (!has_row) return workspaces;
    workspaces.push_back({{query.integer(0)}, query.text(1)});
  }
}

Result<base::WorkspaceId> SessionStore::workspaceNamed(const std::string& name) {
  TRY_ASSIGN(auto query, file_.database().prepare("SELECT id FROM workspace WHERE name = :name"));
  TRY_ASSIGN(const bool found, query.bind(":name", name).step());
  if (found) return base::WorkspaceId{query.integer(0)};
  return failure(ErrorCode::kNotFound, "there is no workspace \"" + name + "\"",
                 "List the sessions to see their workspaces.");
}

Status SessionStore::setWorkspace(SessionId id, base::WorkspaceId workspace) {
  return file_.write([&]() -> Status {
    TRY_ASSIGN(auto update,
               file_.database().prepare(
                   "UPDATE session SET workspace_id = :workspace WHERE id = :session AND"
                   " EXISTS (SELECT 1 FROM workspace w WHERE w.id = :workspace)"));
    update.bind(":workspace", workspace.value).bind(":session", id.value);
    return changedOne(file_.database(), update.run());
  });
}

Result<std::int64_t> SessionStore::addJob(const Job& job) {
  std::int64_t id = 0;
  TRY(file_.write([&]() -> Status {
    TRY_ASSIGN(auto insert,
               file_.database().prepare(
                   "INSERT INTO job (session_id, kind, state, tokens_done, tokens_total, error,"
                   " created_ms, updated_ms) VALUES (:session, 'ingest', :state, :done, :total,"
                   " :error, :now, :now)"));
    insert.bind(":session", job.session.value);
    insert.bind(":state", kJobStates[static_cast<std::size_t>(job.state)]);
    insert.bind(":done", job.tokens_done).bind(":total", job.tokens_total);
    auto status = insert.bind(":error", job.error).bind(":now", nowMs()).run();
    if (!status && status.error().code == ErrorCode::kInvalidInput)
      return failure(ErrorCode::kNotFound, "no session with this id");
    TRY(status);
    id = file_.database().lastInsertId();
    return {};
  }));
  return id;
}

Status SessionStore::updateJob(const Job& job) {
  return file_.write([&]() -> Status {
    TRY_ASSIGN(auto update,
               file_.database().prepare(
                   "UPDATE job SET state = :state, tokens_done = :done, tokens_total = :total,"
                   " error = :error, updated_ms = :now WHERE id = :job"));
    update.bind(":state", kJobStates[static_cast<std::size_t>(job.state)]);
    update.bind(":done", job.tokens_done).bind(":total", job.tokens_total);
    update.bind(":error", job.error).bind(":now", nowMs()).bind(":job", job.id);
    return changedOne(file_.database(), update.run());
  });
}

Result<std::vector<Job>> SessionStore::unfinishedJobs() {
  TRY_ASSIGN(auto query,
             file_.database().prepare(
                 "SELECT id, session_id, state, tokens_done, tokens_total, error FROM job"
                 " WHERE state IN ('queued', 'running', 'paused') ORDER BY id"));
  std::vector<Job> jobs;
  for (;;) {
    TRY_ASSIGN(const bool has_row, query.step());
    if (!has_row) return jobs;
    TRY_ASSIGN(auto job, readJob(query));
    jobs.push_back(std::move(job));
  }
}

Result<std::optional<Job>> SessionStore::lastJobOf(SessionId session) {
  TRY_ASSIGN(auto query,
             file_.database().prepare(
                 "SELECT id, session_id, state, tokens_done, tokens_total, error FROM job"
                 " WHERE session_id = :session ORDER BY id DESC LIMIT 1"));
  TRY_ASSIGN(const bool found, query.bind(":session", session.value).step());
  if (!found) return std::optional<Job>();
  TRY_ASSIGN(auto job, readJob(query));
  return std::optional<Job>(std::move(job));
}

}  // namespace storage
