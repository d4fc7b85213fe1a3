#include "app/block_store_adapter.h"

namespace app {

using base::Hash128;
using base::Result;
using base::Status;

namespace {

storage::Keep keepOf(engine::Keep keep) {
  switch (keep) {
    case engine::Keep::kNewest: return storage::Keep::kNewest;
    case engine::Keep::kTurnEnd: return storage::Keep::kTurnEnd;
    case engine::Keep::kDocumentEnd: return storage::Keep::kDocumentEnd;
    case engine::Keep::kInterval: return storage::Keep::kInterval;
  }
  return storage::Keep::kNewest;
}

storage::BoundaryWrite stored(const engine::BoundaryWrite& boundary) {
  return {.key = boundary.key,
          .block_key = boundary.block_key,
          .position = boundary.position,
          .keep = keepOf(boundary.keep),
          .payload = boundary.payload};
}

}  // namespace

Result<bool> BlockStoreAdapter::hasBlock(const Hash128& key) { return database_.hasBlock(key); }

Result<std::vector<std::byte>> BlockStoreAdapter::readBlock(const Hash128& key) {
  return database_.readBlock(key);
}

Result<std::vector<engine::BoundaryInfo>> BlockStoreAdapter::boundariesAfter(
    const Hash128& block_key) {
  TRY_ASSIGN(const auto known, database_.boundariesAfter(block_key));
  std::vector<engine::BoundaryInfo> boundaries;
  for (const storage::BoundaryInfo& info : known)
    boundaries.push_back({.position = info.position, .key = info.key});
  return boundaries;
}

Result<std::vector<std::byte>> BlockStoreAdapter::readBoundary(const Hash128& key) {
  return database_.readBoundary(key);
}

Status BlockStoreAdapter::writeBlock(const Hash128& key, const Hash128& parent,
                                     std::int64_t position_end, std::span<const std::byte> payload,
                                     const engine::BoundaryWrite* boundary) {
  const storage::BlockWrite block{
      .key = key, .parent = parent, .position_end = position_end, .payload = payload};
  if (boundary == nullptr) return database_.writeBlock(block);
  const storage::BoundaryWrite end = stored(*boundary);
  return database_.writeBlock(block, &end);
}

Status BlockStoreAdapter::writeBoundary(const engine::BoundaryWrite& boundary) {
  return database_.writeBoundary(stored(boundary));
}

EnginePin enginePin(const storage::Pin& pin) {
  return {.session_key = pin.session_key,
          .n_tokens = pin.n_tokens,
          .logical_bytes = pin.logical_bytes,
          .unique_bytes = pin.unique_bytes,
          .complete = pin.complete};
}

EngineStats engineStats(const storage::BlockStats& stats) {
  return {.n_blocks = stats.n_blocks,
          .n_boundaries = stats.n_boundaries,
          .payload_bytes = stats.payload_bytes,
          .pinned_bytes = stats.pinned_bytes,
          .file_bytes = stats.file_bytes,
          .n_dropped = stats.n_dropped};
}

}  // namespace app
