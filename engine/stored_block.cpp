#include "engine/stored_block.h"

#include <algorithm>

namespace engine {

using base::ErrorCode;
using base::Result;

Result<std::vector<std::byte>> readWholeBlock(BlockStore& store, const KvLayout& layout,
                                              const base::Hash128& key) {
  TRY_ASSIGN(WholeBlock block, store.readBlock(key));
  if (static_cast<std::int64_t>(block.payload.size()) != layout.block_bytes)
    return base::failure(ErrorCode::kCorrupt, "a stored block does not fit its layout");
  if (block.is_version_1) return inNewOrder(layout, block.payload);
  return std::move(block.payload);
}

void readBlockPieces(BlockStore& store, const KvLayout& layout, std::span<PieceRead> reads) {
  store.readPieces(reads);
  base::Hash128 key;
  Result<std::vector<std::byte>> block;  // of `key`; pieces of one block follow each other
  bool has_block = false;
  for (PieceRead& read : reads) {
    if (read.done || read.done.error().code != ErrorCode::kUnsupported) continue;
    if (!has_block || key != read.key) block = readWholeBlock(store, layout, read.key);
    has_block = true;
    key = read.key;
    if (block) std::copy_n(block->begin() + read.begin, read.to.size(), read.to.begin());
    read.done = block ? base::Status() : tl::make_unexpected(block.error());
  }
}

}  // namespace engine
