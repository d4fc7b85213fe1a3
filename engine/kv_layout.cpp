#include "engine/kv_layout.h"

namespace engine {

KvLayout::KvLayout(const ModelConfig& config, Numerics numerics) {
  const auto packing =
      numerics == Numerics::kOfficial ? kernels::RowPacking::kPacked : kernels::RowPacking::kFloat;
  row = {config.head_dim, config.rope_dim, packing};
  key = {config.index_dim, packing};
  for (const LayerShape& shape : config.layers) {
    LayerKvLayout layer;
    if (shape.ratio != 0) {
      layer.rows_per_block = kBlockTokens / shape.ratio;
      layer.rows_offset = block_bytes;
      block_bytes += layer.rows_per_block * row.rowBytes();
    }
    if (shape.kind == LayerKind::kCsa) {
      layer.keys_offset = block_bytes;
      block_bytes += layer.rows_per_block * key.rowBytes();
    }
    layers.push_back(layer);
  }
}

}  // namespace engine
