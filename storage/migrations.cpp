#include "storage/migrations.h"

#include <string>

#include "engine/base/log.h"
#include "storage/data_folder.h"

namespace storage {
namespace {

using base::ErrorCode;
using base::failure;
using base::Status;

// Written beside and renamed: what has the backup's name is whole, wherever a crash fell.
Status backUp(Database& database, const std::filesystem::path& file, std::int64_t version) {
  std::filesystem::path copy = file, unfinished;
  copy += ".v" + std::to_string(version) + ".backup";
  unfinished = copy;
  unfinished += ".new";
  std::error_code error;
  std::filesystem::remove(unfinished, error);
  TRY(database.backupTo(unfinished));
  // One that is there already is from a migration that was cut short: the file is still as old.
  std::filesystem::rename(unfinished, copy, error);
  if (error)
    return failure(ErrorCode::kIo, "cannot rename the backup before a migration",
                   "Check that the data folder may be written.");
  return syncFolder(copy.parent_path());
}

Status apply(Database& database, const Migration& migration) {
  TRY_ASSIGN(auto transaction, Transaction::begin(database));
  TRY(database.execute(migration.sql));
  TRY(database.execute("PRAGMA user_version = " + std::to_string(migration.version)));
  return transaction.commit();
}

}  // namespace

Status migrate(Database& database, std::span<const Migration> migrations, BeforeMigration before,
               const std::filesystem::path& file) {
  TRY_ASSIGN(const std::int64_t found, database.integer("PRAGMA user_version"));
  const int newest = migrations.empty() ? 0 : migrations.back().version;
  if (found < 0 || found > newest)
    return failure(ErrorCode::kMismatch,
                   "the database has schema version " + std::to_string(found) +
                       ", newer than this version of Lectern (" + std::to_string(newest) + ")",
                   "Update Lectern, or open it read-only.");
  if (found > 0 && found < newest && before == BeforeMigration::kBackup)
    TRY(backUp(database, file, found));
  for (const Migration& migration : migrations) {
    if (migration.version <= found) continue;
    TRY(apply(database, migration));
    base::logInfo("storage", "migrated file=" + file.filename().string() +
                                 " version=" + std::to_string(migration.version));
  }
  return {};
}

}  // namespace storage
