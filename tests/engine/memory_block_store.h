// memory_block_store.h: a store in memory that can refuse, so that the engine's side of the
// contract shows.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "engine/block_store.h"

namespace support {

class MemoryBlockStore : public engine::BlockStore {
 public:
  using Payload = std::vector<std::byte>;

  base::Result<bool> hasBlock(const base::Hash128& key) override { return blocks.contains(key); }
  // A block that is damaged or cut short goes, as from a database.
  void readPieces(std::span<engine::PieceRead> reads) override {
    for (engine::PieceRead& read : reads) {
      if (unreadable) {
        read.done = base::failure(base::ErrorCode::kIo, "the disk does not answer");
        continue;
      }
      const auto block = blocks.find(read.key);
      if (block == blocks.end()) {
        read.done = base::failure(base::ErrorCode::kNotFound, "no such row");
        continue;
      }
      if (version_1.contains(read.key)) {
        read.done = base::failure(base::ErrorCode::kUnsupported, "a row in one piece");
        continue;
      }
      const auto begin = static_cast<std::size_t>(read.begin);
      const auto hit = damage.find(read.key);
      if (begin + read.to.size() > block->second.size() ||
          (hit != damage.end() && hit->second >= begin && hit->second < begin + read.to.size())) {
        if (hit != damage.end()) damage.erase(hit);
        blocks.erase(block);
        read.done = base::failure(base::ErrorCode::kCorrupt, "a damaged row");
        continue;
      }
      std::copy_n(block->second.begin() + read.begin, read.to.size(), read.to.begin());
      read.done = {};
      n_bytes_read += static_cast<std::int64_t>(read.to.size());
    }
  }
  base::Result<engine::WholeBlock> readBlock(const base::Hash128& key) override {
    TRY_ASSIGN(Payload payload, find(blocks, key));
    n_bytes_read += static_cast<std::int64_t>(payload.size());
    return engine::WholeBlock{std::move(payload), version_1.contains(key)};
  }
  base::Result<std::vector<engine::BoundaryInfo>> boundariesAfter(
      const base::Hash128& block_key) override {
    std::vector<engine::BoundaryInfo> found;
    for (const auto& [key, boundary] : boundaries)
      if (boundary.block_key == block_key) found.push_back({boundary.position, key});
    return found;
  }
  base::Result<Payload> readBoundary(const base::Hash128& key) override {
    return find(payloads, key);
  }
  base::Status writeBlock(const engine::BlockWrite& block,
                          const engine::BoundaryWrite* boundary) override {
    if (full) return base::failure(base::ErrorCode::kDiskFull, "the disk is full");
    blocks[block.key] = Payload(block.payload.begin(), block.payload.end());
    block_ends.push_back(block.position_end);
    return boundary != nullptr ? writeBoundary(*boundary) : base::Status{};
  }
  base::Status writeBoundary(const engine::BoundaryWrite& boundary) override {
    if (full) return base::failure(base::ErrorCode::kDiskFull, "the disk is full");
    payloads[boundary.key] = Payload(boundary.payload.begin(), boundary.payload.end());
    boundaries[boundary.key] = boundary;
    boundaries[boundary.key].payload = {};
    return {};
  }

  std::map<base::Hash128, Payload> blocks, payloads;
  std::set<base::Hash128> version_1;  // of `blocks`: to be read whole
  std::map<base::Hash128, std::size_t> damage;  // byte of a block that no longer has its hash
  std::int64_t n_bytes_read = 0;
  std::map<base::Hash128, engine::BoundaryWrite> boundaries;
  std::vector<std::int64_t> block_ends;  // as they were written
  bool full = false, unreadable = false;

 private:
  static base::Result<Payload> find(const std::map<base::Hash128, Payload>& rows,
                                    const base::Hash128& key) {
    const auto row = rows.find(key);
    if (row == rows.end()) return base::failure(base::ErrorCode::kNotFound, "no such row");
    return row->second;
  }
};

}  // namespace support
