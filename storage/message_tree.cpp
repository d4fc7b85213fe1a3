#include "storage/message_store.h"
#include "storage/search_index.h"
#include "storage/session_file.h"

namespace storage {
namespace {

using base::BranchId;
using base::ErrorCode;
using base::failure;
using base::MessageId;
using base::Result;
using base::Status;

tl::unexpected<base::Error> noBranch() {
  return failure(ErrorCode::kNotFound, "no branch with this id");
}

Branch readBranch(const Statement& row) {
  return {.id = {row.integer(0)},
          .session = {row.integer(1)},
          .parent = {row.integer(2)},
          .fork_point = {row.integer(3)},
          .head = {row.integer(4)},
          .title = row.text(5),
          .created_ms = row.integer(6)};
}

Result<bool> isOnLine(Database& database, MessageId head, MessageId message) {
  TRY_ASSIGN(
      auto query,
      database.prepare("WITH RECURSIVE line (id) AS (SELECT :head UNION ALL"
                       " SELECT parent_id FROM message JOIN line ON message.id = line.id"
                       " WHERE parent_id IS NOT NULL) SELECT 1 FROM line WHERE id = :message"));
  return query.bindId(":head", head.value).bind(":message", message.value).step();
}

// Documents cited only by messages that are about to go.
Result<std::vector<std::int64_t>> documentsCitedIn(Database& database,
                                                   std::span<const std::int64_t> messages) {
  TRY_ASSIGN(auto query, database.prepare("SELECT DISTINCT document_id FROM citation"
                                          " WHERE message_id = :message"
                                          " AND document_id IS NOT NULL"));
  std::vector<std::int64_t> documents;
  for (const std::int64_t message : messages) {
    query.bind(":message", message);
    for (;;) {
      TRY_ASSIGN(const bool has_row, query.step());
      if (!has_row) break;
      documents.push_back(query.integer(0));
    }
    query.reset();
  }
  return documents;
}

// Messages of the session that are on the line of no branch.
Result<std::vector<std::int64_t>> messagesWithoutBranch(Database& database,
                                                        base::SessionId session) {
  TRY_ASSIGN(
      auto query,
      database.prepare("WITH RECURSIVE held (id) AS ("
                       " SELECT head_message_id FROM branch"
                       " WHERE session_id = :session AND head_message_id IS NOT NULL"
                       " UNION SELECT parent_id FROM message JOIN held ON message.id = held.id"
                       " WHERE parent_id IS NOT NULL)"
                       " SELECT id FROM message WHERE session_id = :session"
                       " AND id NOT IN (SELECT id FROM held)"));
  query.bind(":session", session.value);
  std::vector<std::int64_t> messages;
  for (;;) {
    TRY_ASSIGN(const bool has_row, query.step());
    if (!has_row) return messages;
    messages.push_back(query.integer(0));
  }
}

}  // namespace

Status MessageStore::setHead(BranchId branch, MessageId head) {
  TRY_ASSIGN(auto update, file_.database().prepare(
                              "UPDATE branch SET head_message_id = :head WHERE id = :branch"));
  return update.bindId(":head", head.value).bind(":branch", branch.value).run();
}

Result<std::vector<BranchId>> MessageStore::insertTree(base::SessionId session,
                                                       const MessageTree& tree) {
  std::vector<BranchId> branches;
  TRY(file_.write([&]() -> Status {
    std::vector<MessageId> messages;
    branches.clear();
    // The stored id of a position; 0 stays 0.
    const auto storedAs = [](const auto& stored, auto id) -> Result<decltype(id)> {
      if (id.value == 0) return id;
      if (id.value < 0 || id.value > static_cast<std::int64_t>(stored.size()))
        return failure(ErrorCode::kInvalidInput, "a tree of messages names what is not before it");
      return stored[static_cast<std::size_t>(id.value) - 1];
    };
    for (const Message& message : tree.messages) {
      TRY_ASSIGN(const MessageId parent, storedAs(messages, message.parent));
      TRY_ASSIGN(const MessageId id, insertFinished(session, parent, message));
      messages.push_back(id);
    }
    TRY_ASSIGN(const auto first, branchesOf(session));
    for (const Branch& branch : tree.branches) {
      Branch stored = branch;
      TRY_ASSIGN(stored.parent, storedAs(branches, branch.parent));
      TRY_ASSIGN(stored.fork_point, storedAs(messages, branch.fork_point));
      TRY_ASSIGN(stored.head, storedAs(messages, branch.head));
      stored.id = branches.empty() && !first.empty() ? first.front().id : BranchId{};
      TRY_ASSIGN(const BranchId id, putBranch(session, stored));
      branches.push_back(id);
    }
    return {};
  }));
  return branches;
}

// Into the branch of this id, or into a new one.
Result<BranchId> MessageStore::putBranch(base::SessionId session, const Branch& branch) {
  TRY_ASSIGN(auto put,
             file_.database().prepare(
                 "INSERT INTO branch (id, session_id, parent_id, fork_message_id, head_message_id,"
                 " title, created_ms)"
                 " VALUES (:id, :session, :parent, :fork, :head, :title, :created)"
                 " ON CONFLICT (id) DO UPDATE SET head_message_id = excluded.head_message_id,"
                 " title = excluded.title, created_ms = excluded.created_ms"));
  put.bindId(":id", branch.id.value).bind(":session", session.value);
  put.bindId(":parent", branch.parent.value).bindId(":fork", branch.fork_point.value);
  put.bindId(":head", branch.head.value).bind(":title", branch.title);
  TRY(put.bind(":created", branch.created_ms).run());
  return branch.id ? branch.id : BranchId{file_.database().lastInsertId()};
}

Result<std::vector<Branch>> MessageStore::branchesOf(base::SessionId session) {
  TRY_ASSIGN(auto query,
             file_.database().prepare(
                 "SELECT id, session_id, parent_id, fork_message_id, head_message_id, title,"
                 " created_ms FROM branch WHERE session_id = :session ORDER BY id"));
  query.bind(":session", session.value);
  std::vector<Branch> branches;
  for (;;) {
    TRY_ASSIGN(const bool has_row, query.step());
    if (!has_row) return branches;
    branches.push_back(readBranch(query));
  }
}

Result<Branch> MessageStore::branch(BranchId branch) {
  TRY_ASSIGN(auto query,
             file_.database().prepare(
                 "SELECT id, session_id, parent_id, fork_message_id, head_message_id, title,"
                 " created_ms FROM branch WHERE id = :branch"));
  TRY_ASSIGN(const bool found, query.bind(":branch", branch.value).step());
  if (!found) return noBranch();
  return readBranch(query);
}

Status MessageStore::requireOnLine(const Branch& line, MessageId message) {
  if (!message) return {};
  TRY_ASSIGN(const bool is_on_line, isOnLine(file_.database(), line.head, message));
  if (is_on_line) return {};
  return failure(ErrorCode::kInvalidInput, "the message does not belong to the branch");
}

Result<BranchId> MessageStore::fork(BranchId from, MessageId last, const std::string& title) {
  BranchId id;
  TRY(file_.write([&]() -> Status {
    TRY_ASSIGN(const Branch line, this->branch(from));
    TRY(requireOnLine(line, last));
    TRY_ASSIGN(auto insert,
               file_.database().prepare(
                   "INSERT INTO branch (session_id, parent_id, fork_message_id, head_message_id,"
                   " title, created_ms) VALUES (:session, :parent, :last, :last, :title, :now)"));
    insert.bind(":session", line.session.value).bind(":parent", from.value);
    insert.bindId(":last", last.value).bind(":title", title).bind(":now", nowMs());
    TRY(insert.run());
    id = {file_.database().lastInsertId()};
    return {};
  }));
  return id;
}

Status MessageStore::rewind(BranchId branch, MessageId last) {
  TRY(file_.write([&]() -> Status {
    TRY_ASSIGN(const Branch line, this->branch(branch));
    TRY(requireOnLine(line, last));
    TRY(setHead(branch, last));
    return removeUnheld(line.session);
  }));
  file_.forgetRemoved();
  return {};
}

Status MessageStore::removeBranch(BranchId branch) {
  TRY(file_.write([&]() -> Status {
    TRY_ASSIGN(const Branch line, this->branch(branch));
    TRY_ASSIGN(auto active,
               file_.database().prepare("SELECT 1 FROM session WHERE branch_id = :branch"));
    TRY_ASSIGN(const bool is_active, active.bind(":branch", branch.value).step());
    if (is_active)
      return failure(ErrorCode::kInvalidInput, "the active branch cannot be removed",
                     "Switch to another branch first.");
    TRY_ASSIGN(auto remove, file_.database().prepare("DELETE FROM branch WHERE id = :branch"));
    TRY(remove.bind(":branch", branch.value).run());
    return removeUnheld(line.session);
  }));
  file_.forgetRemoved();
  return {};
}

// Messages that no branch of the session holds any more.
Status MessageStore::removeUnheld(base::SessionId session) {
  Database& database = file_.database();
  TRY_ASSIGN(const auto messages, messagesWithoutBranch(database, session));
  TRY_ASSIGN(const auto documents, documentsCitedIn(database, messages));
  TRY_ASSIGN(auto remove, database.prepare("DELETE FROM message WHERE id = :message"));
  for (const std::int64_t message : messages) {
    TRY(unindexMessage(database, {message}));
    TRY(remove.bind(":message", message).run());
  }
  TRY(purgeSearchIndex(database));
  return removeUnusedDocuments(database, documents);
}

}  // namespace storage
