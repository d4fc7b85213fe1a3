// block_store.h: where KV outlives the process. The engine sees storage only through this.
//
// A block is the KV of 2,048 tokens under a key that names the model, every token before it and
// its own; a boundary state makes one position resumable. Payloads are bytes to the store; it
// checks their hashes and never hands out damaged ones. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/hash.h"
#include "engine/base/result.h"

namespace engine {

struct BoundaryInfo {
  std::int64_t position = 0;  // tokens before it
  base::Hash128 key;
};

// How long a boundary state is worth keeping.
enum class Keep { kNewest, kTurnEnd, kDocumentEnd, kInterval };

struct BoundaryWrite {
  base::Hash128 key;
  base::Hash128 block_key;  // last whole block before it, or the root key
  std::int64_t position = 0;
  Keep keep = Keep::kNewest;
  std::span<const std::byte> payload;
};

class BlockStore {
 public:
  virtual ~BlockStore() = default;
  virtual base::Result<bool> hasBlock(const base::Hash128& key) = 0;
  // kNotFound; kCorrupt: it was damaged and is gone now.
  virtual base::Result<std::vector<std::byte>> readBlock(const base::Hash128& key) = 0;
  // Boundary states whose last whole block is `block_key`.
  virtual base::Result<std::vector<BoundaryInfo>> boundariesAfter(const base::Hash128& block_key) = 0;
  virtual base::Result<std::vector<std::byte>> readBoundary(const base::Hash128& key) = 0;
  // One transaction: the block and, if given, the boundary state at its end.
  virtual base::Status writeBlock(const base::Hash128& key, const base::Hash128& parent,
                                  std::int64_t position_end, std::span<const std::byte> payload,
                                  const BoundaryWrite* boundary) = 0;
  virtual base::Status writeBoundary(const BoundaryWrite& boundary) = 0;
};

}  // namespace engine
