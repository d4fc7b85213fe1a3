// stored_block.h: blocks out of a store, whichever version wrote them.
#pragma once

#include "engine/block_store.h"
#include "engine/kv_layout.h"

namespace engine {

// KvLayout::block_bytes of a block, in the order of the layout. Errors as BlockStore::readBlock;
// kCorrupt: its size is not that of the layout.
base::Result<std::vector<std::byte>> readWholeBlock(BlockStore& store, const KvLayout& layout,
                                                    const base::Hash128& key);
// BlockStore::readPieces; of a block of version 1 the whole is read for it.
void readBlockPieces(BlockStore& store, const KvLayout& layout, std::span<PieceRead> reads);

}  // namespace engine
