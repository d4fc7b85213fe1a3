// session_store.h: workspaces, sessions, their jobs, and search over everything that was said.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/hash.h"
#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "storage/message_store.h"

namespace storage {

class SessionFile;

struct Workspace {
  base::WorkspaceId id;
  std::string name;
};

// What createSession needs; everything but the name may stay empty.
struct NewSession {
  std::string name;   // unique, as typed on the command line
  std::string title;  // as shown; empty = the name
  std::string model_name;
  base::Hash128 model_fingerprint;
  std::string model_identity{};  // text to this room
  base::WorkspaceId workspace;  // 0 = the first workspace
};

struct Session {
  base::SessionId id;
  std::string
      key;  // 32 hex digits, random, never used twice: the name of this session in snapshots.db
  std::string name;
  std::string title;
  base::WorkspaceId workspace;
  std::string model_name;
  base::Hash128 model_fingerprint;  // all zero: no model has read it
  std::string model_identity;
  std::int64_t created_ms = 0, used_ms = 0;  // Unix time
  bool pinned = false, archived = false;
  std::int64_t n_context_tokens = 0;  // of the active branch, at the last answer
  std::int64_t n_documents = 0, n_messages = 0, n_branches = 0;
  base::BranchId branch;  // the active one; every session has at least one
};

enum class JobKind { kIngest };
enum class JobState { kQueued, kRunning, kPaused, kDone, kFailed };

std::string_view jobStateName(JobState state);

// Work that outlives a run of the program: which session is being read, and how far it is.
struct Job {
  std::int64_t id = 0;
  base::SessionId session;
  JobKind kind = JobKind::kIngest;
  JobState state = JobState::kQueued;
  std::int64_t tokens_done = 0, tokens_total = 0;
  std::string error;  // one sentence; empty unless failed
};

// Which part of what is saved a search looks at. A session's name and title count as said when it
// was last used, and by nobody: they are found unless only one role is asked for.
struct SearchQuery {
  std::string words{};  // all must occur; the last may be the beginning of a word
  std::optional<base::SessionId> session{};
  std::optional<base::WorkspaceId> workspace{};
  std::optional<MessageRole> role{};
  std::optional<std::int64_t> from_ms{}, until_ms{};  // Unix time; the end is not part of it
  bool with_archived = false;
  int n_hits_max = 50;
};

struct SearchHit {
  base::SessionId session{};
  base::MessageId message{};  // 0 = the session's name or title
  MessageRole role = MessageRole::kUser;
  std::int64_t said_ms = 0;
  std::string snippet{};  // hits between U+2068 and U+2069
};

class SessionStore {
 public:
  explicit SessionStore(SessionFile& file) : file_(file) {}

  // A session with one empty branch. kInvalidInput: empty name. kBusy: the name is taken.
  base::Result<Session> create(const NewSession& session);
  base::Result<Session> byName(const std::string& name);  // kNotFound
  base::Result<Session> byId(base::SessionId id);         // kNotFound
  base::Result<std::vector<Session>> list();              // most recently used first
  // One transaction: messages, citations, jobs, and every document no other session uses. The text
  // is overwritten in the file, also in the search index and the write-ahead log; copies made
  // before a migration go too.
  base::Status remove(base::SessionId id);

  base::Status rename(base::SessionId id, const std::string& name, const std::string& title);
  base::Status setPinned(base::SessionId id, bool pinned);
  base::Status setArchived(base::SessionId id, bool archived);
  base::Status setActiveBranch(base::SessionId id, base::BranchId branch);
  base::Status setModel(base::SessionId id, const std::string& name,
                        const base::Hash128& fingerprint, const std::string& identity);
  // Marks the session as used now.
  base::Status setContextTokens(base::SessionId id, std::int64_t n_tokens);

  base::Result<base::WorkspaceId> createWorkspace(const std::string& name);  // kBusy: name is taken
  base::Result<base::WorkspaceId> workspaceNamed(const std::string& name);   // kNotFound
  // kNotFound for an unknown session or workspace.
  base::Status setWorkspace(base::SessionId id, base::WorkspaceId workspace);
  base::Result<std::vector<Workspace>> workspaces();

  // Stores a job with a new id (job.id is ignored).
  base::Result<std::int64_t> addJob(const Job& job);
  base::Status updateJob(const Job& job);           // state, tokens, error; kNotFound
  base::Result<std::vector<Job>> unfinishedJobs();  // queued, running, paused; oldest first
  base::Result<std::optional<Job>> lastJobOf(base::SessionId session);

  // Names and titles first, then messages, newest first.
  base::Result<std::vector<SearchHit>> search(const SearchQuery& query);

 private:
  base::Result<std::vector<SearchHit>> searchNames(const SearchQuery& query,
                                                   const std::string& expression);
  base::Result<std::vector<SearchHit>> searchMessages(const SearchQuery& query,
                                                      const std::string& expression, int n_max);
  base::Result<base::SessionId> insertSession(const NewSession& session);
  base::Status insertFirstBranch(base::SessionId session);

  SessionFile& file_;
};

}  // namespace storage
