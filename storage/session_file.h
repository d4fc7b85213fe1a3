// session_file.h: the open session.db that the three stores share.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "storage/lock_file.h"
#include "storage/migrations.h"
#include "storage/reserve_file.h"
#include "storage/sqlite.h"

namespace storage {

class SessionFile {
 public:
  SessionFile(std::filesystem::path path, std::optional<LockFile> lock, Database database,
              ReserveFile reserve)
      : path_(std::move(path)),
        lock_(std::move(lock)),
        database_(std::move(database)),
        reserve_(std::move(reserve)) {}

  Database& database() { return database_; }
  bool hasReserve() const { return reserve_.exists(); }

  // Runs `work` in one transaction; on the disk when it returns. If the disk is full the reserve is
  // given up and `work` runs once more, so it must not keep anything from a run that failed. Inside
  // the work of another write() it is a part of that one.
  base::Status write(const std::function<base::Status()>& work);
  // After text was removed for good: empties the write-ahead log, which still holds it, and erases
  // the copies made before migrations. Failing loses nothing; what is left goes the next time.
  void forgetRemoved();

 private:
  base::Status tryWrite(const std::function<base::Status()>& work);

  const std::filesystem::path path_;
  std::optional<LockFile>
      lock_;  // none when read-only; released last, after SQLite closed the file
  Database database_;
  ReserveFile reserve_;
};

// Documents that no session and no citation uses, among `candidates` or all of them. Call inside a
// transaction.
base::Status removeUnusedDocuments(Database& database, const std::vector<std::int64_t>& candidates);
base::Status removeAllUnusedDocuments(Database& database);
// Sources that no session names any more; their paths are private too.
base::Status removeUnusedSources(Database& database);

std::int64_t nowMs();  // Unix time

}  // namespace storage
