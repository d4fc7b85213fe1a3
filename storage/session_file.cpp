#include "storage/session_file.h"

#include <chrono>

#include "engine/base/log.h"

namespace storage {

using base::Status;

Status SessionFile::tryWrite(const std::function<Status()>& work) {
  TRY_ASSIGN(auto transaction, Transaction::begin(database_));
  TRY(work());
  return transaction.commit();
}

Status SessionFile::write(const std::function<Status()>& work) {
  if (database_.inTransaction()) return work();  // part of a larger step
  Status status = tryWrite(work);
  if (status || status.error().code != base::ErrorCode::kDiskFull || !reserve_.release())
    return status;
  base::logWarn("storage", "disk full, reserve released file=session.db");
  return tryWrite(work);
}

void SessionFile::forgetRemoved() {
  if (auto emptied = database_.execute("PRAGMA wal_checkpoint(TRUNCATE)"); !emptied)
    base::logWarn("storage", "checkpoint failed after delete: " + emptied.error().message);
  std::error_code error;
  const std::string beginning = path_.filename().string() + ".v";
  for (const auto& entry : std::filesystem::directory_iterator(path_.parent_path(), error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(beginning) || !name.ends_with(".backup")) continue;
    std::error_code kept;
    std::filesystem::remove(entry.path(), kept);
    if (kept) base::logWarn("storage", "backup not removed after delete file=" + name);
  }
}

Status removeUnusedDocuments(Database& database, const std::vector<std::int64_t>& candidates) {
  TRY_ASSIGN(auto remove,
             database.prepare(
                 "DELETE FROM document WHERE id = :document"
                 " AND NOT EXISTS (SELECT 1 FROM session_document WHERE document_id = :document)"
                 " AND NOT EXISTS (SELECT 1 FROM citation WHERE document_id = :document)"));
  for (const std::int64_t document : candidates) TRY(remove.bind(":document", document).run());
  return {};
}

Status removeAllUnusedDocuments(Database& database) {
  return database.execute(
      "DELETE FROM document"
      " WHERE NOT EXISTS (SELECT 1 FROM session_document WHERE document_id = document.id)"
      " AND NOT EXISTS (SELECT 1 FROM citation WHERE document_id = document.id)");
}

Status removeUnusedSources(Database& database) {
  return database.execute(
      "DELETE FROM source"
      " WHERE NOT EXISTS (SELECT 1 FROM session_source WHERE source_id = source.id)");
}

std::int64_t nowMs() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace storage
