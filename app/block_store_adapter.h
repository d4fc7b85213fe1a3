// block_store_adapter.h: the engine's BlockStore over snapshots.db. The only place where the two
// rooms meet; it translates types and decides nothing.
#pragma once

#include "app/engine_client.h"
#include "engine/block_store.h"
#include "storage/block_database.h"

namespace app {

class BlockStoreAdapter : public engine::BlockStore {
 public:
  // `database` must outlive this; both are used by one thread at a time.
  explicit BlockStoreAdapter(storage::BlockDatabase& database) : database_(database) {}

  base::Result<bool> hasBlock(const base::Hash128& key) override;
  void readPieces(std::span<engine::PieceRead> reads) override;
  base::Result<engine::WholeBlock> readBlock(const base::Hash128& key) override;
  base::Result<std::vector<engine::BoundaryInfo>> boundariesAfter(
      const base::Hash128& block_key) override;
  base::Result<std::vector<std::byte>> readBoundary(const base::Hash128& key) override;
  base::Status writeBlock(const engine::BlockWrite& block,
                          const engine::BoundaryWrite* boundary) override;
  base::Status writeBoundary(const engine::BoundaryWrite& boundary) override;

 private:
  storage::BlockDatabase& database_;
};

// What snapshots.db says about itself, as lectern is told.
EnginePin enginePin(const storage::Pin& pin);
EngineStats engineStats(const storage::BlockStats& stats);

}  // namespace app
