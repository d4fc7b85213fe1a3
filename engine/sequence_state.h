// sequence_state.h: everything that changes while tokens are evaluated.
//
// Copying a state costs pointers: whole blocks never change, and the rest is shared until one of
// the copies goes on. Rows that are no longer needed go late, so that a pass that fails can be
// undone by cutting off what it added.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/base/hash.h"
#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/copy_on_write.h"
#include "engine/kv_layout.h"
#include "kernels/paged_rows.h"

namespace engine {

class RowCache;

// 2,048 tokens of KV. What its rows say never changes; those of a stored block that are selected
// may be out of memory (row_cache.h).
struct KvBlock {
  KvBlock() = default;
  ~KvBlock();
  KvBlock(const KvBlock&) = delete;
  KvBlock& operator=(const KvBlock&) = delete;
  bool isWhole() const { return cache == nullptr; }

  base::Hash128 key;
  std::vector<base::TokenId> ids;    // kBlockTokens
  std::vector<std::byte> payload;    // KvLayout::block_bytes, or head_bytes when it is not whole
  std::shared_ptr<RowCache> cache;   // that holds the pages of a block that is not whole
  std::vector<std::int32_t> frames;  // [n_pages] of the cache; −1: out of memory
};

// Projected rows (K, then G) of one compressor: those of the open block and, with overlap, of the
// block before it are needed (specification §7.6); older ones may still be there.
struct CompressorRows {
  std::int64_t first = 0;   // position of the oldest row
  std::vector<float> rows;  // [.., 2·width]
};

struct LayerState {
  std::int64_t window_first = 0;  // position of the oldest window row
  std::vector<std::byte> window;  // packed rows, one per position
  CompressorRows compressor, index;
};

using LayerStates = std::vector<CopyOnWrite<LayerState>>;

struct SequenceState {
  std::vector<std::shared_ptr<KvBlock>> blocks;           // one per 2,048 tokens
  std::vector<CopyOnWrite<std::vector<std::byte>>> open;  // the blocks after them, being filled
  std::vector<base::TokenId> open_ids;                    // tokens behind `blocks`
  LayerStates layers;

  std::int64_t size() const {
    return static_cast<std::int64_t>(blocks.size()) * kBlockTokens +
           static_cast<std::int64_t>(open_ids.size());
  }
  std::int64_t blocksEnd() const { return size() - static_cast<std::int64_t>(open_ids.size()); }
};

SequenceState emptyState(const KvLayout& layout);

// Makes room for the rows of positions up to `end` in open blocks of the state's own.
void openBlocks(const KvLayout& layout, std::int64_t end, SequenceState& state);
// The first open block is full and becomes one of `blocks`.
void closeBlock(const base::Hash128& key, SequenceState& state);
// Open block that holds a row of a layer, for writing: after openBlocks() only.
std::byte* openBlockOf(const LayerKvLayout& layer, std::int64_t row, SequenceState& state);

// Rows of one layer that are always in memory: index keys, and compressed rows that are not
// selected; with whole blocks only, all rows. `pages` is the storage the result points into.
kernels::PagedRows pagedRows(const SequenceState& state, const LayerKvLayout& layer,
                             std::int64_t offset, std::int64_t row_bytes,
                             std::vector<const std::byte*>& pages);

// Rows that may lie around unneeded before the others are moved up: dropping a few at every token
// would move the rest as often. Without overlap all rows go at once and nothing moves.
inline constexpr std::int64_t kSpareWindowRows = 32;
std::int64_t spareCompressorRows(const LayerKvLayout& layer);

// Rows of the window that no position from first_needed on sees go, once more than `n_spare` have
// gathered.
void dropOldRows(std::int64_t row_bytes, std::int64_t first_needed, std::int64_t n_spare,
                 LayerState& state);
// The same for everything a layer keeps, and for every layer at the state's own position.
void dropOldRows(const KvLayout& layout, std::size_t layer, std::int64_t position,
                 LayerState& state);
void dropOldRows(const KvLayout& layout, SequenceState& state);
// What a layer needs at `position`, up to which its rows reach.
CopyOnWrite<LayerState> neededRows(const KvLayout& layout, std::size_t layer,
                                   std::int64_t position, const LayerStates& layers);
// Undoes what was added at `position` and behind it.
void cutRows(const KvLayout& layout, std::int64_t position, SequenceState& state);

// A position a sequence can go on from; the rows in blocks are not part of it.
struct Snapshot {
  std::int64_t position = 0;
  LayerStates layers;
  CopyOnWrite<std::vector<float>> logits;  // [vocab] after the last token

  std::int64_t bytes() const;
};

// The snapshot as bytes, with the rows of the block that is open at its position (`open_block`;
// null when the position is a block's end). Loading it onto the same blocks and going on gives
// the same bits as never having left.
std::vector<std::byte> saveSnapshot(const KvLayout& layout, const Snapshot& snapshot,
                                    const std::byte* open_block);
// Fills `layers`, `open` and `logits`; blocks and ids are the caller's. kCorrupt if the bytes do
// not fit the layout or `position`.
base::Status loadSnapshot(const KvLayout& layout, std::int64_t vocab,
                          std::span<const std::byte> bytes, std::int64_t position,
                          SequenceState& state, std::vector<float>& logits);
}  // namespace engine
