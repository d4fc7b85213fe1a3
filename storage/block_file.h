// block_file.h: the open snapshots.db: its rows, checked, and what this run did with them.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include "storage/block_database.h"
#include "storage/lock_file.h"
#include "storage/payload_table.h"
#include "storage/sqlite.h"

namespace storage {

enum class StoredKind { kBlock, kBoundary };

// One row of block or boundary whose hash held.
struct StoredRow {
  std::int64_t id = 0;
  base::Hash128 key;
  base::Hash128 before;       // block: its parent; boundary: its last whole block
  std::int64_t position = 0;  // tokens up to its end
  PayloadRef payload{};
};

// A file beside snapshots.db that says: damage was met, the next opening looks at all of it. Opening
// otherwise leaves the chunks alone, which have hashes and are nearly all of the file.
std::filesystem::path suspectMark(const std::filesystem::path& folder);

class BlockFile {
 public:
  BlockFile(std::filesystem::path folder, std::optional<LockFile> lock, Database database,
            const BlockDatabaseOptions& options);
  ~BlockFile();

  Database& database() { return database_; }
  const BlockDatabaseOptions& options() const { return options_; }

  // The visible row of this key, if there is one that can be believed; a damaged one is dropped.
  base::Result<std::optional<StoredRow>> find(StoredKind kind, const base::Hash128& key);
  base::Result<std::vector<std::byte>> read(StoredKind kind, const base::Hash128& key);
  // Whole parts of a block's payload; kUnsupported: version 1 wrote it, in one piece.
  base::Status readPiece(const base::Hash128& key, std::int64_t begin, std::span<std::byte> to);
  base::Result<bool> isOfVersion1(const base::Hash128& key);
  base::Result<std::vector<StoredRow>> boundariesAt(const base::Hash128& block_key);

  // Inside a transaction.
  base::Status insert(StoredKind kind, StoredRow row, std::span<const std::byte> payload,
                      std::span<const PayloadCut> cuts, Keep keep);
  base::Status forgetOlderNewest(const base::Hash128& block_key);
  base::Status flushUses();
  base::Status removePayload(std::int64_t payload_id) { return payloads_.remove(payload_id); }

  // Makes a damaged row and all that continues it invisible. If even that fails the key is refused
  // for the rest of this run.
  void drop(StoredKind kind, const base::Hash128& key);
  // Passes on what a call led to; damage leaves the mark.
  base::Status noting(base::Status done) const;
  // kDiskFull unless `n_bytes` more leave the disk its reserve.
  base::Status requireRoom(std::int64_t n_bytes);
  void use(StoredKind kind, std::int64_t id);

  // Removes forgotten rows in transactions of bounded size.
  base::Status removeForgotten(std::stop_token stop);

  std::int64_t nDropped() const { return n_dropped_; }
  std::int64_t fileBytes() const;

 private:
  base::Result<const PayloadMap*> mapOf(const base::Hash128& key);
  base::Status makeInvisible(StoredKind kind, const base::Hash128& key);
  base::Result<bool> removeSomeForgotten(StoredKind kind);

  const std::filesystem::path folder_;
  std::optional<LockFile>
      lock_;  // none when read-only; released last, after SQLite closed the file
  Database database_;
  PayloadTable payloads_;
  std::optional<Statement> find_block_, find_boundary_;  // before the database they belong to goes
  const BlockDatabaseOptions options_;

  // Uses are written with the next pin or eviction and at the end: reading must not cost a sync.
  std::int64_t clock_ = 0;
  std::map<std::pair<StoredKind, std::int64_t>, std::int64_t> uses_;
  std::set<std::pair<StoredKind, base::Hash128>> refused_;
  std::int64_t n_dropped_ = 0;
  std::map<base::Hash128, PayloadMap> maps_;  // of blocks that pieces were read of; all stored
};

}  // namespace storage
