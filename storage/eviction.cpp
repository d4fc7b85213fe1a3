// Keeping snapshots.db within its budget.
#include "storage/block_database.h"
#include "storage/block_file.h"

namespace storage {
namespace {

using base::ErrorCode;
using base::failure;
using base::Result;
using base::Status;

constexpr std::int64_t kBatchBytes = std::int64_t{64} << 20;

struct Candidate {
  StoredKind kind = StoredKind::kBlock;
  std::int64_t id = 0;  // 0 = nothing may go
  std::int64_t n_bytes = 0;
};

// The least recently used payload that nothing needs: a boundary state no session is pinned at, or
// a block that is in no pin, that no block continues and that carries no boundary state. Blocks of
// a chain are used front to back, so a plain order by use would take the front first and leave the
// rest unreachable.
Result<Candidate> leastUsed(Database& database) {
  TRY_ASSIGN(auto query,
             database.prepare(
                 "SELECT 0 AS kind, id, n_bytes, used FROM block b WHERE complete = 1"
                 " AND NOT EXISTS (SELECT 1 FROM pin_block WHERE block_id = b.id)"
                 " AND NOT EXISTS (SELECT 1 FROM block c WHERE c.parent = b.key AND c.complete = 1)"
                 " AND NOT EXISTS (SELECT 1 FROM boundary s WHERE s.block_key = b.key"
                 "  AND s.complete = 1)"
                 " UNION ALL SELECT 1, id, n_bytes, used FROM boundary s WHERE complete = 1"
                 " AND NOT EXISTS (SELECT 1 FROM pin WHERE boundary_id = s.id)"
                 " ORDER BY used LIMIT 1"));
  TRY_ASSIGN(const bool found, query.step());
  if (!found) return Candidate{};
  return Candidate{query.integer(0) == 0 ? StoredKind::kBlock : StoredKind::kBoundary,
                   query.integer(1), query.integer(2)};
}

Status forget(Database& database, const Candidate& candidate) {
  TRY_ASSIGN(auto update,
             database.prepare(candidate.kind == StoredKind::kBlock
                                  ? "UPDATE block SET complete = 0 WHERE id = :id"
                                  : "UPDATE boundary SET complete = 0 WHERE id = :id"));
  return update.bind(":id", candidate.id).run();
}

}  // namespace

Status BlockDatabase::evictTo(std::int64_t payload_bytes_max, std::stop_token stop) {
  Database& database = file_->database();
  TRY_ASSIGN(const BlockStats before, stats());
  std::int64_t n_over = before.payload_bytes - payload_bytes_max;
  while (n_over > 0) {
    if (stop.stop_requested()) return failure(ErrorCode::kCancelled, "evicting was stopped");
    TRY_ASSIGN(auto transaction, Transaction::begin(database));
    TRY(file_->flushUses());
    std::int64_t n_batch = 0;
    while (n_over > 0 && n_batch < kBatchBytes) {
      TRY_ASSIGN(const Candidate candidate, leastUsed(database));
      if (candidate.id == 0) break;
      TRY(forget(database, candidate));
      n_batch += candidate.n_bytes;
      n_over -= candidate.n_bytes;
    }
    TRY(transaction.commit());
    TRY(file_->removeForgotten(stop));
    if (n_batch == 0) break;  // the rest is pinned
  }
  return {};
}

}  // namespace storage
