#include "engine/kv_layout.h"

namespace engine {

KvLayout::KvLayout(const ModelConfig& config, Numerics numerics) {
  const auto packing =
      numerics == Numerics::kOfficial ? kernels::RowPacking::kPacked : kernels::RowPacking::kFloat;
  row = {config.head_dim, config.rope_dim, packing};
  key = {config.index_dim, packing};
  window = config.window;
  for (const LayerShape& shape : config.layers) {
    LayerKvLayout layer;
    layer.ratio = shape.ratio;
    layer.overlap = shape.kind == LayerKind::kCsa;
    if (shape.ratio != 0) {
      layer.compressor_width = (layer.overlap ? 2 : 1) * config.head_dim;
      layer.rows_per_block = kBlockTokens / shape.ratio;
      layer.rows_offset = block_bytes;
      block_bytes += layer.rows_per_block * row.rowBytes();
    }
    if (shape.kind == LayerKind::kCsa) {
      layer.index_width = 2 * config.index_dim;
      layer.keys_offset = block_bytes;
      block_bytes += layer.rows_per_block * key.rowBytes();
    }
    layers.push_back(layer);
  }
}

}  // namespace engine
