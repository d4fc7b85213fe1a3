#include "storage/search_index.h"

namespace storage {
namespace {

base::Status runFor(Database& database, std::string_view sql, std::int64_t id) {
  TRY_ASSIGN(auto statement, database.prepare(sql));
  return statement.bind(":id", id).run();
}

// Every 'optimize' puts the index one level higher; at 2,000 levels SQLite calls it corrupt, and
// with it every write that touches it. The record of its levels (id 10) tells how far it is.
base::Result<bool> isHigh(Database& database, std::string_view sql) {
  constexpr std::int64_t kRecordBytesMax = 1024;  // two bytes a level, a few a segment
  TRY_ASSIGN(const std::int64_t n_bytes, database.integer(sql));
  return n_bytes > kRecordBytesMax;
}

// Makes the indexes anew, at level one. A message that streams is not in them yet.
base::Status rebuild(Database& database) {
  return database.execute(
      "INSERT INTO message_search (message_search) VALUES ('rebuild');"
      "INSERT INTO message_search (message_search, rowid, text)"
      " SELECT 'delete', id, text FROM message WHERE status = 'streaming';"
      "INSERT INTO session_search (session_search) VALUES ('rebuild');");
}

}  // namespace

base::Status indexMessage(Database& database, base::MessageId message) {
  return runFor(database,
                "INSERT INTO message_search (rowid, text)"
                " SELECT id, text FROM message WHERE id = :id AND status <> 'streaming'",
                message.value);
}

base::Status indexStreamingMessages(Database& database) {
  return database.execute(
      "INSERT INTO message_search (rowid, text)"
      " SELECT id, text FROM message WHERE status = 'streaming'");
}

base::Status unindexMessage(Database& database, base::MessageId message) {
  return runFor(database,
                "INSERT INTO message_search (message_search, rowid, text)"
                " SELECT 'delete', id, text FROM message WHERE id = :id AND status <> 'streaming'",
                message.value);
}

base::Status unindexMessagesOf(Database& database, base::SessionId session) {
  return runFor(database,
                "INSERT INTO message_search (message_search, rowid, text)"
                " SELECT 'delete', id, text FROM message"
                " WHERE session_id = :id AND status <> 'streaming'",
                session.value);
}

base::Status indexSession(Database& database, base::SessionId session) {
  return runFor(database,
                "INSERT INTO session_search (rowid, name, title)"
                " SELECT id, name, title FROM session WHERE id = :id",
                session.value);
}

base::Status unindexSession(Database& database, base::SessionId session) {
  return runFor(database,
                "INSERT INTO session_search (session_search, rowid, name, title)"
                " SELECT 'delete', id, name, title FROM session WHERE id = :id",
                session.value);
}

// FTS5 only marks removed entries; merging all its segments into one drops them, and secure_delete
// overwrites the pages they were on.
base::Status purgeSearchIndex(Database& database) {
  TRY_ASSIGN(const bool messages_high,
             isHigh(database, "SELECT length(block) FROM message_search_data WHERE id = 10"));
  TRY_ASSIGN(const bool sessions_high,
             isHigh(database, "SELECT length(block) FROM session_search_data WHERE id = 10"));
  if (messages_high || sessions_high) TRY(rebuild(database));
  return database.execute(
      "INSERT INTO message_search (message_search) VALUES ('optimize');"
      "INSERT INTO session_search (session_search) VALUES ('optimize');");
}

}  // namespace storage
