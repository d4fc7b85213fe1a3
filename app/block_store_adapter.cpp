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

void BlockStoreAdapter::readPieces(std::span<engine::PieceRead> reads) {
  std::vector<storage::BlockRead> wanted;
  for (const engine::PieceRead& read : reads) wanted.push_back({read.key, read.begin, read.to, {}});
  database_.readPieces(wanted);
  for (std::size_t i = 0; i < reads.size(); ++i) reads[i].done = std::move(wanted[i].done);
}

Result<engine::WholeBlock> BlockStoreAdapter::readBlock(const Hash128& key) {
  TRY_ASSIGN(auto payload, database_.readBlock(key));
  TRY_ASSIGN(const bool is_version_1, database_.isOfVersion1(key));
  return engine::WholeBlock{std::move(payload), is_version_1};
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

Status BlockStoreAdapter::writeBlock(const engine::BlockWrite& block,
                                     const engine::BoundaryWrite* boundary) {
  std::vector<storage::PayloadCut> cuts;
  for (const engine::PayloadCut& cut : block.cuts)
    cuts.push_back({cut.n_bytes, cut.part_bytes,
                    cut.cold ? storage::Packing::kZstd : storage::Packing::kAsIs});
  const storage::BlockWrite write{block.key, block.parent, block.position_end, block.payload, cuts};
  if (boundary == nullptr) return database_.writeBlock(write);
  const storage::BoundaryWrite end = stored(*boundary);
  return database_.writeBlock(write, &end);
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
