#include "storage/payload_table.h"

#include <algorithm>

namespace storage {
namespace {

using base::ErrorCode;
using base::failure;
using base::Result;
using base::Status;

std::int64_t hashOf(std::span<const std::byte> bytes) {
  return static_cast<std::int64_t>(base::payloadHash(bytes));
}

std::int64_t hashOf(const std::vector<std::int64_t>& hashes) {
  return hashOf(std::as_bytes(std::span(hashes)));
}

tl::unexpected<base::Error> damaged() {
  return failure(ErrorCode::kCorrupt, "a stored payload does not have its hash");
}

Status insertChunk(Statement& insert, std::int64_t payload_id, std::int64_t position,
                   std::span<const std::byte> bytes, std::int64_t hash) {
  insert.bind(":payload", payload_id).bind(":position", position);
  return insert.bind(":hash", hash).bind(":bytes", bytes).run();
}

}  // namespace

Result<PayloadRef> insertPayload(Database& database, std::span<const std::byte> payload) {
  std::vector<std::int64_t> hashes;
  for (std::size_t begin = 0; begin < payload.size(); begin += kChunkBytes)
    hashes.push_back(hashOf(payload.subspan(begin, std::min(kChunkBytes, payload.size() - begin))));
  PayloadRef ref{0, static_cast<std::int64_t>(payload.size()), hashOf(hashes)};

  TRY_ASSIGN(auto insert, database.prepare("INSERT INTO payload (n_bytes, n_chunks, chunks_hash)"
                                           " VALUES (:n_bytes, :n_chunks, :hash)"));
  insert.bind(":n_bytes", ref.n_bytes).bind(":hash", ref.chunks_hash);
  TRY(insert.bind(":n_chunks", static_cast<std::int64_t>(hashes.size())).run());
  ref.id = database.lastInsertId();

  TRY_ASSIGN(auto chunk, database.prepare("INSERT INTO chunk (payload_id, position, hash, bytes)"
                                          " VALUES (:payload, :position, :hash, :bytes)"));
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    const std::size_t begin = i * kChunkBytes;
    const auto bytes = payload.subspan(begin, std::min(kChunkBytes, payload.size() - begin));
    TRY(insertChunk(chunk, ref.id, static_cast<std::int64_t>(i), bytes, hashes[i]));
  }
  return ref;
}

Result<std::vector<std::byte>> readPayload(Database& database, const PayloadRef& payload) {
  TRY_ASSIGN(auto query, database.prepare("SELECT position, hash, bytes FROM chunk"
                                          " WHERE payload_id = :payload ORDER BY position"));
  query.bind(":payload", payload.id);
  std::vector<std::byte> bytes;
  std::vector<std::int64_t> hashes;
  for (;;) {
    TRY_ASSIGN(const bool has_row, query.step());
    if (!has_row) break;
    const auto chunk = query.blob(2);
    const std::int64_t hash = hashOf(chunk);
    if (query.integer(0) != static_cast<std::int64_t>(hashes.size()) || query.integer(1) != hash)
      return damaged();
    // Not reserved ahead: the size in the row is believed only once the hashes agree with it.
    bytes.insert(bytes.end(), chunk.begin(), chunk.end());
    hashes.push_back(hash);
  }
  if (hashOf(hashes) != payload.chunks_hash ||
      static_cast<std::int64_t>(bytes.size()) != payload.n_bytes)
    return damaged();
  return bytes;
}

Status removePayload(Database& database, std::int64_t payload_id) {
  TRY_ASSIGN(auto chunks, database.prepare("DELETE FROM chunk WHERE payload_id = :payload"));
  TRY(chunks.bind(":payload", payload_id).run());
  TRY_ASSIGN(auto payload, database.prepare("DELETE FROM payload WHERE id = :payload"));
  return payload.bind(":payload", payload_id).run();
}

}  // namespace storage
