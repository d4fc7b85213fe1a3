#include "storage/session_database.h"

#include "engine/base/log.h"
#include "storage/data_folder.h"
#include "storage/library_store.h"
#include "storage/message_store.h"
#include "storage/search_index.h"
#include "storage/session_file.h"
#include "storage/session_store.h"

namespace storage {
namespace {

using base::Result;
using base::Status;

constexpr DatabaseSettings kSettings{.journal = Journal::kWriteAheadLog,
                                     .page_bytes = 8192,
                                     .secure_delete = true,
                                     .incremental_vacuum = false,
                                     .page_checks = true};
constexpr std::int64_t kReserveBytes = std::int64_t{16} << 20;

// What the last run could not finish because it was killed.
Status cleanUp(SessionFile& file) {
  return file.write([&]() -> Status {
    TRY(indexStreamingMessages(file.database()));
    TRY(file.database().execute(
        "UPDATE message SET status = 'stopped', finish = 'stopped' WHERE status = 'streaming';"
        "UPDATE job SET state = 'paused' WHERE state = 'running';"));
    return removeAllUnusedDocuments(file.database());
  });
}

Result<std::unique_ptr<SessionFile>> openFile(const std::filesystem::path& folder, OpenMode mode) {
  const auto path = folder / "session.db";
  if (mode == OpenMode::kReadOnly) {
    TRY_ASSIGN(auto database, Database::open(path, mode, kSettings));
    return std::make_unique<SessionFile>(path, std::nullopt, std::move(database), ReserveFile());
  }
  TRY(makeDataFolder(folder));
  TRY_ASSIGN(auto lock, LockFile::acquire(folder / "session.db.lock"));
  TRY_ASSIGN(auto database, Database::open(path, mode, kSettings));
  TRY(migrate(database, sessionMigrations(), BeforeMigration::kBackup, path));
  auto file =
      std::make_unique<SessionFile>(path, std::move(lock), std::move(database),
                                    ReserveFile(folder / "session.db.reserve", kReserveBytes));
  TRY(cleanUp(*file));
  return file;
}

}  // namespace

Result<std::unique_ptr<SessionDatabase>> SessionDatabase::open(const std::filesystem::path& folder,
                                                               OpenMode mode) {
  TRY_ASSIGN(auto file, openFile(folder, mode));
  return std::unique_ptr<SessionDatabase>(new SessionDatabase(std::move(file)));
}

SessionDatabase::SessionDatabase(std::unique_ptr<SessionFile> file)
    : file_(std::move(file)),
      library_(std::make_unique<LibraryStore>(*file_)),
      sessions_(std::make_unique<SessionStore>(*file_)),
      messages_(std::make_unique<MessageStore>(*file_)) {}

SessionDatabase::~SessionDatabase() = default;

std::int64_t SessionDatabase::nDamagedPages() const { return file_->database().nDamagedPages(); }

Status SessionDatabase::asOneStep(const std::function<Status()>& work) {
  return file_->write(work);
}

bool SessionDatabase::hasReserve() const { return file_->hasReserve(); }

Status SessionDatabase::backupTo(const std::filesystem::path& file) {
  return file_->database().backupTo(file);
}

}  // namespace storage
