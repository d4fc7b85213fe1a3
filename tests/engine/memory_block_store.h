// memory_block_store.h: a store in memory that can refuse, so that the engine's side of the
// contract shows.
#pragma once

#include <map>
#include <vector>

#include "engine/block_store.h"

namespace support {

class MemoryBlockStore : public engine::BlockStore {
 public:
  using Payload = std::vector<std::byte>;

  base::Result<bool> hasBlock(const base::Hash128& key) override { return blocks.contains(key); }
  base::Result<Payload> readBlock(const base::Hash128& key) override { return find(blocks, key); }
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
  base::Status writeBlock(const base::Hash128& key, const base::Hash128&, std::int64_t position_end,
                          std::span<const std::byte> payload,
                          const engine::BoundaryWrite* boundary) override {
    if (full) return base::failure(base::ErrorCode::kDiskFull, "the disk is full");
    blocks[key] = Payload(payload.begin(), payload.end());
    block_ends.push_back(position_end);
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
  std::map<base::Hash128, engine::BoundaryWrite> boundaries;
  std::vector<std::int64_t> block_ends;  // as they were written
  bool full = false;

 private:
  static base::Result<Payload> find(const std::map<base::Hash128, Payload>& rows,
                                    const base::Hash128& key) {
    const auto row = rows.find(key);
    if (row == rows.end()) return base::failure(base::ErrorCode::kNotFound, "no such row");
    return row->second;
  }
};

}  // namespace support
