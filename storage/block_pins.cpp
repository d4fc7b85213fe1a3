// Which blocks belong to saved sessions, and what happens when one is deleted.
#include "storage/block_database.h"
#include "storage/block_file.h"

namespace storage {
namespace {

using base::ErrorCode;
using base::failure;
using base::Hash128;
using base::Result;
using base::Status;

tl::unexpected<base::Error> notThere() {
  return failure(ErrorCode::kNotFound, "the boundary state or a block before it is not stored");
}

// Ids of the blocks from `last` back to the first one; kNotFound if one is missing.
Result<std::vector<std::int64_t>> chainOf(BlockFile& file, const StoredRow& boundary) {
  TRY_ASSIGN(auto query,
             file.database().prepare(
                 "WITH RECURSIVE line (id, parent) AS ("
                 " SELECT id, parent FROM block WHERE key = :last AND complete = 1"
                 " UNION SELECT b.id, b.parent FROM block b JOIN line ON b.key = line.parent"
                 " WHERE b.complete = 1) SELECT id FROM line"));
  query.bind(":last", boundary.before);
  std::vector<std::int64_t> blocks;
  for (;;) {
    TRY_ASSIGN(const bool has_row, query.step());
    if (!has_row) break;
    blocks.push_back(query.integer(0));
  }
  const std::int64_t n_wanted = boundary.position / file.options().block_tokens;
  if (static_cast<std::int64_t>(blocks.size()) != n_wanted) return notThere();
  return blocks;
}

Result<std::int64_t> pinIdOf(Database& database, const std::string& session_key) {
  TRY_ASSIGN(auto query, database.prepare("SELECT id FROM pin WHERE session_key = :session"));
  TRY_ASSIGN(const bool found, query.bind(":session", session_key).step());
  return found ? query.integer(0) : 0;
}

Status forgetBlocksOf(Database& database, std::int64_t pin_id) {
  TRY_ASSIGN(auto boundaries,
             database.prepare(
                 "WITH RECURSIVE gone (key) AS ("
                 " SELECT key FROM block JOIN pin_block mine ON block_id = id"
                 " WHERE pin_id = :pin AND complete = 1 AND NOT EXISTS"
                 " (SELECT 1 FROM pin_block p WHERE p.block_id = mine.block_id AND pin_id <> :pin)"
                 " UNION SELECT b.key FROM block b JOIN gone ON b.parent = gone.key"
                 " WHERE b.complete = 1)"
                 " UPDATE boundary SET complete = 0 WHERE complete = 1 AND ("
                 " block_key IN (SELECT key FROM gone)"
                 " OR (id IN (SELECT boundary_id FROM pin_boundary WHERE pin_id = :pin)"
                 " AND id NOT IN (SELECT boundary_id FROM pin_boundary WHERE pin_id <> :pin)))"));
  TRY(boundaries.bind(":pin", pin_id).run());
  TRY_ASSIGN(auto blocks,
             database.prepare(
                 "WITH RECURSIVE gone (key) AS ("
                 " SELECT key FROM block JOIN pin_block mine ON block_id = id"
                 " WHERE pin_id = :pin AND complete = 1 AND NOT EXISTS"
                 " (SELECT 1 FROM pin_block p WHERE p.block_id = mine.block_id AND pin_id <> :pin)"
                 " UNION SELECT b.key FROM block b JOIN gone ON b.parent = gone.key"
                 " WHERE b.complete = 1)"
                 " UPDATE block SET complete = 0"
                 " WHERE complete = 1 AND key IN (SELECT key FROM gone)"));
  return blocks.bind(":pin", pin_id).run();
}

}  // namespace

Status BlockDatabase::pin(const std::string& session_key, const Hash128& boundary_key) {
  Database& database = file_->database();
  TRY_ASSIGN(const auto boundary, file_->find(StoredKind::kBoundary, boundary_key));
  if (!boundary) return notThere();
  TRY_ASSIGN(const auto blocks, chainOf(*file_, *boundary));

  TRY_ASSIGN(auto transaction, Transaction::begin(database));
  TRY_ASSIGN(auto upsert,
             database.prepare(
                 "INSERT INTO pin (session_key, boundary_key, boundary_id, n_tokens)"
                 " VALUES (:session, :key, :boundary, :n_tokens)"
                 " ON CONFLICT (session_key) DO UPDATE SET boundary_key = excluded.boundary_key,"
                 " boundary_id = excluded.boundary_id, n_tokens = excluded.n_tokens"));
  upsert.bind(":session", session_key).bind(":key", boundary_key);
  TRY(upsert.bind(":boundary", boundary->id).bind(":n_tokens", boundary->position).run());
  TRY_ASSIGN(const std::int64_t pin_id, pinIdOf(database, session_key));
  TRY_ASSIGN(auto own, database.prepare("INSERT OR IGNORE INTO pin_boundary (pin_id, boundary_id)"
                                        " VALUES (:pin, :boundary)"));
  TRY(own.bind(":pin", pin_id).bind(":boundary", boundary->id).run());
  TRY_ASSIGN(auto hold, database.prepare("INSERT OR IGNORE INTO pin_block (pin_id, block_id)"
                                         " VALUES (:pin, :block)"));
  for (const std::int64_t block : blocks)
    TRY(hold.bind(":pin", pin_id).bind(":block", block).run());
  TRY(file_->flushUses());
  return transaction.commit();
}

Status BlockDatabase::unpin(const std::string& session_key, Unpinned then) {
  Database& database = file_->database();
  TRY_ASSIGN(auto transaction, Transaction::begin(database));
  TRY_ASSIGN(const std::int64_t pin_id, pinIdOf(database, session_key));
  if (pin_id == 0) return {};
  if (then == Unpinned::kForgotten) TRY(forgetBlocksOf(database, pin_id));
  TRY_ASSIGN(auto remove, database.prepare("DELETE FROM pin WHERE id = :pin"));
  TRY(remove.bind(":pin", pin_id).run());
  return transaction.commit();
}

Result<std::vector<Pin>> BlockDatabase::pins() {
  Database& database = file_->database();
  TRY_ASSIGN(auto query,
             database.prepare(
                 "SELECT session_key, boundary_key, n_tokens,"
                 " (SELECT count(*) FROM pin_block JOIN block ON id = block_id"
                 "  WHERE pin_id = pin.id AND complete = 1),"
                 " (SELECT coalesce(sum(n_bytes), 0) FROM pin_block JOIN block ON id = block_id"
                 "  WHERE pin_id = pin.id AND complete = 1)"
                 " + (SELECT coalesce(sum(n_bytes), 0) FROM boundary b"
                 "  WHERE b.id = boundary_id AND complete = 1),"
                 " (SELECT coalesce(sum(n_bytes), 0) FROM pin_block mine"
                 "  JOIN block ON id = block_id WHERE pin_id = pin.id AND complete = 1"
                 "  AND NOT EXISTS (SELECT 1 FROM pin_block p"
                 "  WHERE p.block_id = mine.block_id AND p.pin_id <> mine.pin_id))"
                 " + (SELECT coalesce(sum(n_bytes), 0) FROM boundary b"
                 "  WHERE b.id = boundary_id AND complete = 1 AND NOT EXISTS"
                 "  (SELECT 1 FROM pin other WHERE other.boundary_id = b.id"
                 "  AND other.id <> pin.id))"
                 " FROM pin ORDER BY id"));
  std::vector<Pin> pins;
  for (;;) {
    TRY_ASSIGN(const bool has_row, query.step());
    if (!has_row) break;
    Pin pin{.session_key = query.text(0),
            .boundary_key = {},
            .n_tokens = query.integer(2),
            .n_blocks = query.integer(3),
            .logical_bytes = query.integer(4),
            .unique_bytes = query.integer(5)};
    TRY_ASSIGN(pin.boundary_key, query.hash(1));
    pins.push_back(std::move(pin));
  }
  for (Pin& pin : pins) {
    TRY_ASSIGN(const auto boundary, file_->find(StoredKind::kBoundary, pin.boundary_key));
    pin.complete = boundary && chainOf(*file_, *boundary);
  }
  return pins;
}

}  // namespace storage
