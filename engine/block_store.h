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

// The next n_bytes of a payload, to be read in parts of part_bytes. Cold: worth packing, because
// not all of it is read again.
struct PayloadCut {
  std::int64_t n_bytes = 0, part_bytes = 0;
  bool cold = false;
};

struct BlockWrite {
  base::Hash128 key, parent;
  std::int64_t position_end = 0;
  std::span<const std::byte> payload;
  std::span<const PayloadCut> cuts;  // add up to the payload
};

// Whole parts of a block, from byte `begin` on.
struct PieceRead {
  base::Hash128 key;
  std::int64_t begin = 0;
  std::span<std::byte> to;
  // Set by reading. kNotFound; kCorrupt: the block was damaged and is gone now; kUnsupported:
  // version 1 of the store wrote it, and it must be read whole.
  base::Status done;
};

struct WholeBlock {
  std::vector<std::byte> payload;
  bool is_version_1 = false;  // its rows lie in another order (kv_layout.h)
};

class BlockStore {
 public:
  virtual ~BlockStore() = default;
  virtual base::Result<bool> hasBlock(const base::Hash128& key) = 0;
  virtual void readPieces(std::span<PieceRead> reads) = 0;
  virtual base::Result<WholeBlock> readBlock(const base::Hash128& key) = 0;
  // Boundary states whose last whole block is `block_key`.
  virtual base::Result<std::vector<BoundaryInfo>> boundariesAfter(const base::Hash128& block_key) = 0;
  virtual base::Result<std::vector<std::byte>> readBoundary(const base::Hash128& key) = 0;
  // One transaction: the block and, if given, the boundary state at its end.
  virtual base::Status writeBlock(const BlockWrite& block, const BoundaryWrite* boundary) = 0;
  virtual base::Status writeBoundary(const BoundaryWrite& boundary) = 0;

  // A store may write later than it says, in the order it was told. Whether it has taken the block
  // and does not have it on the disk: it is on its way, or could not be written.
  virtual bool isBehind(const base::Hash128& /*key*/) const { return false; }
  // Waits until nothing is on its way. Fails, once, with what a write failed with meanwhile.
  virtual base::Status settle() { return {}; }
};

}  // namespace engine
