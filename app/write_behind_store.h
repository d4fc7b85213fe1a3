// write_behind_store.h: blocks go to the disk while the next ones are computed.
//
// A BlockStore in front of another one. writeBlock() hands a copy to a thread of its own and
// returns; the thread writes in the order they came, one transaction each, so what is there after a
// crash is a prefix of what was read. One block is on its way at most: who is faster than the disk
// waits for it, and a kill costs the block that is being computed and the one that is being
// written.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "engine/block_store.h"

namespace app {

// One thread calls; the store behind is called from two, never at the same time.
class WriteBehindStore : public engine::BlockStore {
 public:
  explicit WriteBehindStore(engine::BlockStore& store);
  // Writes what is on its way.
  ~WriteBehindStore() override;
  WriteBehindStore(const WriteBehindStore&) = delete;
  WriteBehindStore& operator=(const WriteBehindStore&) = delete;

  base::Result<bool> hasBlock(const base::Hash128& key) override;
  void readPieces(std::span<engine::PieceRead> reads) override;
  base::Result<engine::WholeBlock> readBlock(const base::Hash128& key) override;
  base::Result<std::vector<engine::BoundaryInfo>> boundariesAfter(
      const base::Hash128& block_key) override;
  base::Result<std::vector<std::byte>> readBoundary(const base::Hash128& key) override;
  // Fails with what an earlier block failed with, until settle() was told.
  base::Status writeBlock(const engine::BlockWrite& block,
                          const engine::BoundaryWrite* boundary) override;
  base::Status writeBoundary(const engine::BoundaryWrite& boundary) override;
  bool isBehind(const base::Hash128& key) const override;
  base::Status settle() override;
  // Until nothing is on its way; from then to the next writeBlock() the store behind may be used
  // directly. What failed is still to be told.
  void wait() { (void)idle(); }

 private:
  // A write with everything it points to.
  struct Write {
    Write(const engine::BlockWrite& block, const engine::BoundaryWrite* boundary);
    base::Hash128 key, parent;
    std::int64_t position_end;
    std::vector<std::byte> payload;
    std::vector<engine::PayloadCut> cuts;
    std::optional<engine::BoundaryWrite> boundary;
    std::vector<std::byte> state;
  };
  base::Status run(const Write& write);
  void work(std::stop_token stop);
  // The store behind, for the calling thread alone.
  std::unique_lock<std::mutex> idle();

  engine::BlockStore& store_;  // used by the thread while `write_` is set, by the caller otherwise
  mutable std::mutex mutex_;   // guards everything below but the thread
  std::condition_variable_any changed_;
  std::optional<Write> write_;            // on its way
  std::optional<base::Error> failed_;     // the first since settle()
  std::vector<base::Hash128> not_there_;  // blocks that failed and were not written since
  std::jthread thread_;
};

}  // namespace app
