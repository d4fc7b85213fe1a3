// sequence_state.h: everything that changes while tokens are evaluated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/base/hash.h"
#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/kv_layout.h"
#include "kernels/paged_rows.h"

namespace engine {

// 2,048 tokens of KV; never changes once it exists.
struct KvBlock {
  base::Hash128 key;
  std::vector<std::byte> payload;  // KvLayout::block_bytes
};

// Projected rows (K, then G) of one compressor that are still needed: the tokens of the open
// block and, with overlap, of the block before it (specification §7.6).
struct CompressorRows {
  std::int64_t first = 0;     // position of the oldest row
  std::vector<float> rows;    // [.., 2·width]
};

struct LayerState {
  std::int64_t window_first = 0;     // position of the oldest window row
  std::vector<std::byte> window;     // packed rows, one per position
  CompressorRows compressor, index;
};

struct SequenceState {
  std::vector<base::TokenId> tokens;
  std::vector<std::shared_ptr<const KvBlock>> blocks;  // one per 2,048 tokens
  std::vector<std::byte> tail;                         // the open block
  std::vector<LayerState> layers;
};

SequenceState emptyState(const KvLayout& layout);

// Pages of compressed rows or index keys of one layer, tail included. `pages` is the storage the
// result points into.
kernels::PagedRows pagedRows(const SequenceState& state, const LayerKvLayout& layer,
                             std::int64_t offset, std::int64_t row_bytes,
                             std::vector<const std::byte*>& pages);

// The state at the current position without the blocks: window rows, compressor rows, the filled
// part of the tail, and the logits after the last token. Loading it onto the same blocks and
// going on gives the same bits as never having left.
std::vector<std::byte> saveState(const KvLayout& layout, const SequenceState& state,
                                 const std::vector<float>& logits);
// Replaces layers and tail; tokens and blocks are the caller's. kCorrupt if the bytes do not fit
// the layout or `position`.
base::Status loadState(const KvLayout& layout, const ModelConfig& config,
                       std::span<const std::byte> bytes, std::int64_t position,
                       SequenceState& state, std::vector<float>& logits);

}  // namespace engine
