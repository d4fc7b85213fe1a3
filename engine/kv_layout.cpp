#include "engine/kv_layout.h"

#include <algorithm>
#include <cstring>

namespace engine {

namespace {
constexpr std::int64_t kHeadPartBytes = std::int64_t{1} << 20;
}

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
    }
    if (shape.kind == LayerKind::kCsa) {
      layer.index_width = 2 * config.index_dim;
      layer.page_rows = std::min(kPageRows, layer.rows_per_block);
    }
    layers.push_back(layer);
  }
  const auto place = [&](std::int64_t bytes) {
    const std::int64_t begin = block_bytes;
    block_bytes += bytes;
    return begin;
  };
  for (LayerKvLayout& layer : layers)
    if (layer.page_rows == 0) layer.rows_offset = place(layer.rows_per_block * row.rowBytes());
  for (LayerKvLayout& layer : layers)
    if (layer.page_rows != 0) layer.keys_offset = place(layer.rows_per_block * key.rowBytes());
  head_bytes = block_bytes;
  for (LayerKvLayout& layer : layers) {
    if (layer.page_rows == 0) continue;
    layer.rows_offset = place(layer.rows_per_block * row.rowBytes());
    layer.first_page = n_pages;
    n_pages += layer.rows_per_block / layer.page_rows;
    const std::int64_t bytes = layer.page_rows * row.rowBytes();
    page_bytes = std::max(page_bytes, bytes);
    if (!cuts.empty() && cuts.back().part_bytes == bytes)
      cuts.back().n_bytes += layer.rows_per_block * row.rowBytes();
    else
      cuts.push_back({layer.rows_per_block * row.rowBytes(), bytes, true});
  }
  // Read as a whole, in parts that a row of a database can hold.
  if (head_bytes > 0)
    cuts.insert(cuts.begin(), {head_bytes, std::min(head_bytes, kHeadPartBytes), false});
}

std::vector<std::byte> inNewOrder(const KvLayout& layout, std::span<const std::byte> version_1) {
  std::vector<std::byte> block(version_1.size());
  const std::byte* from = version_1.data();
  const auto take = [&](std::int64_t offset, std::int64_t bytes) {
    std::memcpy(block.data() + offset, from, static_cast<std::size_t>(bytes));
    from += bytes;
  };
  for (const LayerKvLayout& layer : layout.layers) {
    if (layer.rows_per_block == 0) continue;
    take(layer.rows_offset, layer.rows_per_block * layout.row.rowBytes());
    if (layer.keys_offset >= 0)
      take(layer.keys_offset, layer.rows_per_block * layout.key.rowBytes());
  }
  return block;
}

}  // namespace engine
