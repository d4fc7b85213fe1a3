// kv_layout.h: the bytes of one KV block, the same in memory and on disk.
//
// A block covers 2,048 tokens. Layer after layer: 2048/ratio compressed rows, then (ratio 4) as
// many index keys. 2,048 is a multiple of every ratio, so rows never cross a block.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/model_config.h"
#include "engine/numerics.h"
#include "kernels/index_pack/index_pack.h"
#include "kernels/kv_pack/kv_pack.h"

namespace engine {

inline constexpr std::int64_t kBlockTokens = 2048;
inline constexpr int kKvLayoutVersion = 1;

struct LayerKvLayout {
  std::int64_t rows_per_block = 0;  // 0: window only
  std::int64_t rows_offset = 0;     // in the block
  std::int64_t keys_offset = -1;    // −1: no index keys
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
  std::int64_t block_bytes = 0;
};

}  // namespace engine
