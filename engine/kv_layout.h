// kv_layout.h: the bytes of one KV block, the same in memory and on disk.
//
// A block covers 2,048 tokens: 2048/ratio compressed rows in every layer that has them, and as many
// index keys where rows are selected. 2,048 is a multiple of every ratio, so rows never cross a
// block. First the head, which every token looks at: the rows of layers that attend to all of them,
// then the index keys. Behind it the rows that are selected, in pages that can be read alone.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/block_store.h"
#include "engine/model_config.h"
#include "engine/numerics.h"
#include "kernels/index_pack/index_pack.h"
#include "kernels/kv_pack/kv_pack.h"

namespace engine {

inline constexpr std::int64_t kBlockTokens = 2048;
// Of rows and boundary states, and part of every key. The order of the rows in a block has changed
// since (inNewOrder).
inline constexpr int kKvLayoutVersion = 1;
// Selectable rows that come into memory together: few enough that little comes unasked, enough that
// a read is worth its price (37 KiB at full width).
inline constexpr std::int64_t kPageRows = 64;

struct LayerKvLayout {
  std::int64_t rows_per_block = 0;  // 0: window only
  std::int64_t rows_offset = 0;     // in the block
  std::int64_t keys_offset = -1;    // −1: no index keys; every row is attended to
  std::int64_t page_rows = 0;       // of a page of selectable rows
  std::int64_t first_page = 0;      // of them in the block
  std::int64_t ratio = 0;           // tokens per row
  bool overlap = false;             // a row also pools the block before its own
  std::int64_t compressor_width = 0, index_width = 0;  // of K and of G; 0: no such compressor
};

struct KvLayout {
  KvLayout(const ModelConfig& config, Numerics numerics);
  kernels::KvRowFormat row;
  kernels::IndexRowFormat key;
  std::int64_t window = 0;  // rows a window layer looks back on
  std::vector<LayerKvLayout> layers;
  std::int64_t head_bytes = 0, block_bytes = 0;
  std::int64_t n_pages = 0, page_bytes = 0;  // behind the head; bytes of the largest
  std::vector<PayloadCut> cuts;              // of a block as it is stored
};

// A block of block_bytes that version 1 of the store wrote: layer after layer, its rows and then its
// keys.
std::vector<std::byte> inNewOrder(const KvLayout& layout, std::span<const std::byte> version_1);

}  // namespace engine
