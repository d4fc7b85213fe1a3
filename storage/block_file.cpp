#include "storage/block_file.h"

#include <array>
#include <fstream>

#include "engine/base/log.h"
#include "storage/data_folder.h"

namespace storage {
namespace {

using base::ErrorCode;
using base::failure;
using base::Hash128;
using base::Result;
using base::Status;

constexpr std::int64_t kBatchBytes = std::int64_t{64} << 20;

std::string_view keepName(Keep keep) {
  switch (keep) {
    case Keep::kNewest:
      return "newest";
    case Keep::kTurnEnd:
      return "turn_end";
    case Keep::kDocumentEnd:
      return "document_end";
    case Keep::kInterval:
      return "interval";
  }
  return "newest";
}

std::int64_t rowHash(StoredKind kind, const StoredRow& row) {
  base::Hasher hasher;
  hasher.add(static_cast<std::int64_t>(kind)).add(row.key).add(row.before).add(row.position);
  hasher.add(row.payload.id).add(row.payload.n_bytes).add(row.payload.chunks_hash);
  const Hash128 digest = hasher.digest();
  return static_cast<std::int64_t>(base::payloadHash(std::as_bytes(std::span(digest.bytes))));
}

// Columns: id, key, before, position, payload id, bytes, chunks hash, row hash. Nothing if the row
// is not what was written.
std::optional<StoredRow> believableRow(StoredKind kind, const Statement& query) {
  const auto key = query.hash(1), before = query.hash(2);
  if (!key || !before) return std::nullopt;
  const StoredRow row{query.integer(0),
                      *key,
                      *before,
                      query.integer(3),
                      {query.integer(4), query.integer(5), query.integer(6)}};
  if (query.integer(7) != rowHash(kind, row)) return std::nullopt;
  return row;
}

tl::unexpected<base::Error> droppedPayload() {
  return failure(ErrorCode::kCorrupt, "a stored payload was damaged and has been dropped",
                 "Nothing to do: this part is read again from the documents.");
}

}  // namespace

std::filesystem::path suspectMark(const std::filesystem::path& folder) {
  return folder / "snapshots.db.suspect";
}

BlockFile::BlockFile(std::filesystem::path folder, std::optional<LockFile> lock, Database database,
                     const BlockDatabaseOptions& options)
    : folder_(std::move(folder)),
      lock_(std::move(lock)),
      database_(std::move(database)),
      payloads_(database_),
      options_(options) {
  const auto newest = database_.integer(
      "SELECT max(coalesce((SELECT max(used) FROM block), 0),"
      " coalesce((SELECT max(used) FROM boundary), 0))");
  clock_ = newest.value_or(0);
}

BlockFile::~BlockFile() {
  if (uses_.empty() || options_.mode == OpenMode::kReadOnly) return;
  // Losing the order of use costs at most a worse choice at the next eviction.
  auto transaction = Transaction::begin(database_);
  if (transaction && flushUses()) (void)transaction->commit();
}

void BlockFile::use(StoredKind kind, std::int64_t id) { uses_[{kind, id}] = ++clock_; }

Status BlockFile::flushUses() {
  TRY_ASSIGN(auto block, database_.prepare("UPDATE block SET used = :used WHERE id = :id"));
  TRY_ASSIGN(auto boundary, database_.prepare("UPDATE boundary SET used = :used WHERE id = :id"));
  for (const auto& [item, used] : uses_) {
    Statement& update = item.first == StoredKind::kBlock ? block : boundary;
    TRY(update.bind(":used", used).bind(":id", item.second).run());
  }
  uses_.clear();
  return {};
}

Result<std::optional<StoredRow>> BlockFile::find(StoredKind kind, const Hash128& key) {
  if (refused_.contains({kind, key})) return std::optional<StoredRow>();
  auto& prepared = kind == StoredKind::kBlock ? find_block_ : find_boundary_;
  if (!prepared) {
    TRY_ASSIGN(prepared, database_.prepare(
                             kind == StoredKind::kBlock
                                 ? "SELECT b.id, key, parent, position_end, payload_id, b.n_bytes,"
                                   " chunks_hash, row_hash FROM block b LEFT JOIN payload p"
                                   " ON p.id = payload_id WHERE key = :key AND complete = 1"
                                 : "SELECT b.id, key, block_key, position, payload_id, b.n_bytes,"
                                   " chunks_hash, row_hash FROM boundary b LEFT JOIN payload p"
                                   " ON p.id = payload_id WHERE key = :key AND complete = 1"));
  }
  Statement& query = *prepared;
  query.reset();
  const auto found = query.bind(":key", key).step();
  const auto row = found && *found ? believableRow(kind, query) : std::nullopt;
  query.reset();
  if (!found) return tl::make_unexpected(found.error());
  if (!*found) return std::optional<StoredRow>();
  // The index may lead to a row that calls itself otherwise.
  if (!row || row->key != key) {
    drop(kind, key);
    return std::optional<StoredRow>();
  }
  return row;
}

Result<std::vector<std::byte>> BlockFile::read(StoredKind kind, const Hash128& key) {
  const std::int64_t n_dropped = n_dropped_;
  TRY_ASSIGN(const auto row, find(kind, key));
  if (!row && n_dropped_ == n_dropped)
    return failure(ErrorCode::kNotFound, "nothing is stored under this key");
  if (row) {
    auto payload = payloads_.read(row->payload);
    if (payload) use(kind, row->id);
    if (payload || payload.error().code != ErrorCode::kCorrupt) return payload;
    drop(kind, key);
  }
  return droppedPayload();
}

Result<const PayloadMap*> BlockFile::mapOf(const Hash128& key) {
  if (const auto known = maps_.find(key); known != maps_.end()) return &known->second;
  TRY_ASSIGN(const auto row, find(StoredKind::kBlock, key));
  if (!row) return failure(ErrorCode::kNotFound, "nothing is stored under this key");
  TRY_ASSIGN(auto map, payloads_.map(row->payload));
  use(StoredKind::kBlock, row->id);
  return &(maps_[key] = std::move(map));
}

Result<bool> BlockFile::isOfVersion1(const Hash128& key) {
  TRY_ASSIGN(const PayloadMap* map, mapOf(key));
  return map->is_version_1;
}

Status BlockFile::readPiece(const Hash128& key, std::int64_t begin, std::span<std::byte> to) {
  const std::int64_t n_dropped = n_dropped_;
  const auto map = mapOf(key);
  Status done;
  if (!map) done = tl::make_unexpected(map.error());
  else if ((*map)->is_version_1)
    return failure(ErrorCode::kUnsupported, "version 1 stored this block in one piece");
  else done = payloads_.readParts(**map, begin, to);
  if (done || (done.error().code != ErrorCode::kCorrupt && n_dropped_ == n_dropped)) return done;
  if (n_dropped_ == n_dropped) drop(StoredKind::kBlock, key);
  return droppedPayload();
}

Result<std::vector<StoredRow>> BlockFile::boundariesAt(const Hash128& block_key) {
  TRY_ASSIGN(
      auto query,
      database_.prepare("SELECT b.id, key, block_key, position, payload_id, b.n_bytes, chunks_hash,"
                        " row_hash FROM boundary b LEFT JOIN payload p ON p.id = payload_id"
                        " WHERE block_key = :block AND complete = 1 ORDER BY position, b.id"));
  query.bind(":block", block_key);
  std::vector<StoredRow> rows;
  for (;;) {
    TRY_ASSIGN(const bool has_row, query.step());
    if (!has_row) return rows;
    const auto row = believableRow(StoredKind::kBoundary, query);
    if (row && !refused_.contains({StoredKind::kBoundary, row->key})) rows.push_back(*row);
  }
}

Status BlockFile::insert(StoredKind kind, StoredRow row, std::span<const std::byte> payload,
                         std::span<const PayloadCut> cuts, Keep keep) {
  TRY_ASSIGN(row.payload, payloads_.insert(payload, cuts));
  const bool is_block = kind == StoredKind::kBlock;
  TRY_ASSIGN(
      auto insert,
      database_.prepare(
          is_block ? "INSERT INTO block (key, parent, position_end, payload_id, n_bytes,"
                     " row_hash, complete, used) VALUES (:key, :before, :position, :payload,"
                     " :n_bytes, :row_hash, 1, :used)"
                   : "INSERT INTO boundary (key, block_key, position, keep, payload_id, n_bytes,"
                     " row_hash, complete, used) VALUES (:key, :before, :position, :keep,"
                     " :payload, :n_bytes, :row_hash, 1, :used)"));
  insert.bind(":key", row.key).bind(":before", row.before).bind(":position", row.position);
  insert.bind(":payload", row.payload.id).bind(":n_bytes", row.payload.n_bytes);
  insert.bind(":row_hash", rowHash(kind, row)).bind(":used", ++clock_);
  if (!is_block) insert.bind(":keep", keepName(keep));
  TRY(insert.run());
  refused_.erase({kind, row.key});
  return {};
}

// Boundary states kept as newest at the blocks before `block_key`, except those a session is pinned
// at: the new one takes their place. Removed at once and not only forgotten, so that the next one
// finds their pages free; freed after the new one is written, so that no page of theirs needs a
// pre-image in the journal.
Status BlockFile::forgetOlderNewest(const Hash128& block_key) {
  TRY_ASSIGN(auto query,
             database_.prepare(
                 "WITH RECURSIVE line (key, parent) AS ("
                 " SELECT key, parent FROM block WHERE key ="
                 " (SELECT parent FROM block WHERE key = :block AND complete = 1) AND complete = 1"
                 " UNION SELECT b.key, b.parent FROM block b JOIN line ON b.key = line.parent"
                 " WHERE b.complete = 1)"
                 " SELECT id, payload_id FROM boundary WHERE keep = 'newest' AND complete = 1"
                 " AND block_key IN (SELECT key FROM line)"
                 " AND id NOT IN (SELECT boundary_id FROM pin WHERE boundary_id IS NOT NULL)"));
  query.bind(":block", block_key);
  std::vector<std::array<std::int64_t, 2>> older;
  for (;;) {
    TRY_ASSIGN(const bool has_row, query.step());
    if (!has_row) break;
    older.push_back({query.integer(0), query.integer(1)});
  }
  TRY_ASSIGN(auto remove, database_.prepare("DELETE FROM boundary WHERE id = :id"));
  for (const auto& [id, payload_id] : older) {
    TRY(remove.bind(":id", id).run());
    TRY(removePayload(payload_id));
  }
  return {};
}

// Best effort: what cannot be marked is met again.
Status BlockFile::noting(Status done) const {
  if (!done && done.error().code == ErrorCode::kCorrupt && options_.mode != OpenMode::kReadOnly)
    std::ofstream(suspectMark(folder_)).put('\n');
  return done;
}

void BlockFile::drop(StoredKind kind, const Hash128& key) {
  ++n_dropped_;
  refused_.insert({kind, key});
  maps_.clear();
  const Status dropped =
      options_.mode == OpenMode::kReadOnly ? Status() : noting(makeInvisible(kind, key));
  base::logWarn("storage", "damaged payload dropped key=" + key.hex() +
                               (dropped ? "" : " error=" + dropped.error().message));
}

Status BlockFile::makeInvisible(StoredKind kind, const Hash128& key) {
  TRY_ASSIGN(auto transaction, Transaction::begin(database_));
  if (kind == StoredKind::kBoundary) {
    TRY_ASSIGN(auto forget, database_.prepare("UPDATE boundary SET complete = 0 WHERE key = :key"));
    TRY(forget.bind(":key", key).run());
    return transaction.commit();
  }
  TRY_ASSIGN(auto boundaries,
             database_.prepare(
                 "WITH RECURSIVE gone (key) AS (SELECT :key UNION"
                 " SELECT b.key FROM block b JOIN gone ON b.parent = gone.key WHERE b.complete = 1)"
                 " UPDATE boundary SET complete = 0"
                 " WHERE complete = 1 AND block_key IN (SELECT key FROM gone)"));
  TRY(boundaries.bind(":key", key).run());
  TRY_ASSIGN(auto blocks,
             database_.prepare(
                 "WITH RECURSIVE gone (key) AS (SELECT :key UNION"
                 " SELECT b.key FROM block b JOIN gone ON b.parent = gone.key WHERE b.complete = 1)"
                 " UPDATE block SET complete = 0"
                 " WHERE complete = 1 AND key IN (SELECT key FROM gone)"));
  TRY(blocks.bind(":key", key).run());
  return transaction.commit();
}

Status BlockFile::requireRoom(std::int64_t n_bytes) {
  TRY_ASSIGN(const std::int64_t page_bytes, database_.integer("PRAGMA page_size"));
  TRY_ASSIGN(const std::int64_t n_free_pages, database_.integer("PRAGMA freelist_count"));
  TRY_ASSIGN(const std::int64_t free_bytes, freeBytes(folder_));
  // Pages that are free inside the file need no room; 5 % covers the journal and page headers.
  const std::int64_t needed = std::max<std::int64_t>(n_bytes - n_free_pages * page_bytes, 0);
  const std::int64_t wanted = needed + needed / 20 + options_.free_bytes_min;
  if (free_bytes >= wanted) return {};
  return failure(ErrorCode::kDiskFull,
                 "storing " + std::to_string(n_bytes) + " bytes of KV needs " +
                     std::to_string(wanted) + " bytes free on the disk, there are " +
                     std::to_string(free_bytes),
                 "Make room on the disk or lower the snapshot budget; until then this part is "
                 "read again after a restart.");
}

Status BlockFile::removeForgotten(std::stop_token stop) {
  for (const StoredKind kind : {StoredKind::kBoundary, StoredKind::kBlock}) {
    for (bool has_more = true; has_more;) {
      if (stop.stop_requested())
        return failure(ErrorCode::kCancelled, "sweeping snapshots.db was stopped");
      TRY_ASSIGN(has_more, removeSomeForgotten(kind));
    }
  }
  return {};
}

Result<bool> BlockFile::removeSomeForgotten(StoredKind kind) {
  const bool is_block = kind == StoredKind::kBlock;
  TRY_ASSIGN(auto query,
             database_.prepare(is_block ? "SELECT id, payload_id, n_bytes FROM block"
                                          " WHERE complete = 0 ORDER BY id LIMIT 1000"
                                        : "SELECT id, payload_id, n_bytes FROM boundary"
                                          " WHERE complete = 0 ORDER BY id LIMIT 1000"));
  std::vector<std::array<std::int64_t, 2>> rows;
  for (std::int64_t n_bytes = 0; n_bytes < kBatchBytes;) {
    TRY_ASSIGN(const bool has_row, query.step());
    if (!has_row) break;
    rows.push_back({query.integer(0), query.integer(1)});
    n_bytes += query.integer(2);
  }
  query.reset();
  if (rows.empty()) return false;
  maps_.clear();
  TRY_ASSIGN(auto transaction, Transaction::begin(database_));
  TRY_ASSIGN(auto remove, database_.prepare(is_block ? "DELETE FROM block WHERE id = :id"
                                                     : "DELETE FROM boundary WHERE id = :id"));
  for (const auto& [id, payload_id] : rows) {
    TRY(remove.bind(":id", id).run());
    TRY(removePayload(payload_id));
  }
  TRY(transaction.commit());
  return true;
}

std::int64_t BlockFile::fileBytes() const {
  std::error_code error;
  const auto n_bytes = std::filesystem::file_size(folder_ / "snapshots.db", error);
  return error ? 0 : static_cast<std::int64_t>(n_bytes);
}

}  // namespace storage
