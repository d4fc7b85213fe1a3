// session_database.h: session.db, owned by lectern.
//
// Write-ahead log with synchronous FULL: what was saved survives a crash of the program and a
// power cut. secure_delete: what was deleted is overwritten. On a full disk a reserve file beside
// the database is given up, so that conversation text still commits.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "engine/base/result.h"
#include "storage/open_mode.h"

namespace storage {

class LibraryStore;
class MessageStore;
class SessionFile;
class SessionStore;

class SessionDatabase {
 public:
  // Opens or creates session.db below `folder` (made with mode 0700 if missing), checks and
  // migrates it, and cleans up after a crash: messages that were still streaming become stopped,
  // running jobs become paused, documents that no session uses are removed.
  // kBusy: another Lectern holds it. kCorrupt: SQLite's quick_check objects or it is no database.
  // kMismatch: written by a newer version; kReadOnly still opens it.
  static base::Result<std::unique_ptr<SessionDatabase>> open(const std::filesystem::path& folder,
                                                             OpenMode mode = OpenMode::kReadWrite);
  ~SessionDatabase();
  SessionDatabase(const SessionDatabase&) = delete;
  SessionDatabase& operator=(const SessionDatabase&) = delete;

  LibraryStore& library() { return *library_; }
  SessionStore& sessions() { return *sessions_; }
  MessageStore& messages() { return *messages_; }

  // Pages that changed on the disk since they were written. Text that changed says so itself
  // (Message::damaged, kCorrupt of a document); titles, quotes and search hits cannot.
  std::int64_t nDamagedPages() const;

  // Everything `work` stores, or nothing of it. It may run twice, as SessionFile::write says.
  base::Status asOneStep(const std::function<base::Status()>& work);

  // False after a full disk: text still saved so far, but the user should make room now. The
  // reserve comes back at the next open that finds room.
  bool hasReserve() const;

  // A consistent copy of the open database, written to a new file. kInvalidInput if it exists.
  base::Status backupTo(const std::filesystem::path& file);

 private:
  explicit SessionDatabase(std::unique_ptr<SessionFile> file);

  std::unique_ptr<SessionFile> file_;
  std::unique_ptr<LibraryStore> library_;
  std::unique_ptr<SessionStore> sessions_;
  std::unique_ptr<MessageStore> messages_;
};

}  // namespace storage
