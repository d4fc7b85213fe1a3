#include "engine/sequence_state.h"

#include <algorithm>
#include <cstring>

namespace engine {
namespace {

using base::ErrorCode;
using base::failure;

constexpr std::uint32_t kMagic = 0x5442434c;  // "LCBT"

class Writer {
 public:
  template <class T>
  void value(T v) { append(&v, sizeof v); }
  template <class T>
  void array(const T* data, std::size_t n) {
    value(static_cast<std::uint64_t>(n));
    append(data, n * sizeof(T));
  }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  void append(const void* data, std::size_t n) {
    const std::size_t end = bytes_.size();
    bytes_.resize(end + n);
    if (n != 0) std::memcpy(bytes_.data() + end, data, n);
  }
  std::vector<std::byte> bytes_;
};

// Bounds-checked cursor; after the first shortage everything reads as empty and ok() is false.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}
  template <class T>
  T value() {
    T v{};
    take(&v, sizeof v);
    return v;
  }
  template <class T>
  std::vector<T> array() {
    const auto n = value<std::uint64_t>();
    if (n > bytes_.size() / sizeof(T)) {
      ok_ = false;
      return {};
    }
    std::vector<T> out(static_cast<std::size_t>(n));
    take(out.data(), out.size() * sizeof(T));
    return out;
  }
  bool ok() const { return ok_; }
  bool atEnd() const { return bytes_.empty(); }

 private:
  void take(void* out, std::size_t n) {
    if (n > bytes_.size()) {
      ok_ = false;
      return;
    }
    if (n != 0) std::memcpy(out, bytes_.data(), n);
    bytes_ = bytes_.subspan(n);
  }
  std::span<const std::byte> bytes_;
  bool ok_ = true;
};

std::int64_t tailRows(const LayerKvLayout& layer, std::int64_t position) {
  return layer.rows_per_block == 0
             ? 0
             : (position % kBlockTokens) / (kBlockTokens / layer.rows_per_block);
}

// Positions from which on a state at `position` needs rows.
std::int64_t firstWindowRow(const KvLayout& layout, std::int64_t position) {
  return std::max<std::int64_t>(0, position - layout.window);
}

std::int64_t firstCompressorRow(const LayerKvLayout& layer, std::int64_t position) {
  return std::max<std::int64_t>(0, position / layer.ratio - (layer.overlap ? 1 : 0)) * layer.ratio;
}

void dropOldRows(std::int64_t width, std::int64_t first_needed, std::int64_t n_spare,
                 CompressorRows& state) {
  const std::int64_t n_dropped = first_needed - state.first;
  if (n_dropped <= n_spare) return;
  state.rows.erase(state.rows.begin(), state.rows.begin() + n_dropped * 2 * width);
  state.first = first_needed;
}

void cutRows(std::int64_t width, std::int64_t position, CompressorRows& state) {
  const auto n_kept = static_cast<std::size_t>(
      std::max<std::int64_t>(0, position - state.first) * 2 * width);
  if (state.rows.size() > n_kept) state.rows.resize(n_kept);
}

CompressorRows neededRows(const LayerKvLayout& layer, std::int64_t width, std::int64_t position,
                          const CompressorRows& all) {
  CompressorRows needed;
  needed.first = firstCompressorRow(layer, position);
  needed.rows.assign(all.rows.begin() + (needed.first - all.first) * 2 * width, all.rows.end());
  return needed;
}

// Only what a state at `position` needs: two states there give the same bytes.
void write(Writer& out, const LayerKvLayout& layer, std::int64_t width, std::int64_t position,
           const CompressorRows& rows) {
  const std::int64_t first = width == 0 ? 0 : firstCompressorRow(layer, position);
  const auto skipped = static_cast<std::size_t>((first - rows.first) * 2 * width);
  out.value(first);
  if (width == 0) out.array(rows.rows.data(), 0);
  else out.array(rows.rows.data() + skipped, rows.rows.size() - skipped);
}

CompressorRows readRows(Reader& in) {
  CompressorRows rows;
  rows.first = in.value<std::int64_t>();
  rows.rows = in.array<float>();
  return rows;
}

bool fits(const CompressorRows& rows, const LayerKvLayout& layer, std::int64_t width,
          std::int64_t position) {
  if (width == 0) return rows.rows.empty();
  const std::int64_t first = firstCompressorRow(layer, position);
  return rows.first == first &&
         static_cast<std::int64_t>(rows.rows.size()) == (position - first) * 2 * width;
}

bool fitsLayout(const KvLayout& layout, const LayerKvLayout& kv, std::int64_t position,
                const LayerState& layer) {
  const std::int64_t first = firstWindowRow(layout, position);
  return layer.window_first == first &&
         static_cast<std::int64_t>(layer.window.size()) ==
             (position - first) * layout.row.rowBytes() &&
         fits(layer.compressor, kv, kv.compressor_width, position) &&
         fits(layer.index, kv, kv.index_width, position);
}

template <class T>
std::int64_t bytesOf(const std::vector<T>& values) {
  return static_cast<std::int64_t>(values.size() * sizeof(T));
}

}  // namespace

SequenceState emptyState(const KvLayout& layout) {
  SequenceState state;
  state.layers.resize(layout.layers.size());
  return state;
}

void openBlocks(const KvLayout& layout, std::int64_t end, SequenceState& state) {
  const std::size_t n_blocks = state.blocks.size();
  for (auto& block : state.open) block.write();
  while (static_cast<std::int64_t>(n_blocks + state.open.size()) * kBlockTokens < end)
    state.open.emplace_back(std::vector<std::byte>(static_cast<std::size_t>(layout.block_bytes)));
}

void closeBlock(const base::Hash128& key, SequenceState& state) {
  auto block = std::make_shared<KvBlock>();
  block->key = key;
  const auto end = state.open_ids.begin() + kBlockTokens;
  block->ids.assign(state.open_ids.begin(), end);
  state.open_ids.erase(state.open_ids.begin(), end);
  block->payload = std::move(state.open.front().write());
  state.open.erase(state.open.begin());
  state.blocks.push_back(std::move(block));
}

std::byte* openBlockOf(const LayerKvLayout& layer, std::int64_t row, SequenceState& state) {
  const auto index = static_cast<std::size_t>(row / layer.rows_per_block) - state.blocks.size();
  return state.open[index].write().data();
}

void dropOldRows(std::int64_t row_bytes, std::int64_t first_needed, std::int64_t n_spare,
                 LayerState& state) {
  const std::int64_t n_dropped = first_needed - state.window_first;
  if (n_dropped <= n_spare) return;
  state.window.erase(state.window.begin(), state.window.begin() + n_dropped * row_bytes);
  state.window_first = first_needed;
}

void dropOldRows(const KvLayout& layout, std::size_t index, std::int64_t position,
                 LayerState& state) {
  const LayerKvLayout& layer = layout.layers[index];
  dropOldRows(layout.row.rowBytes(), firstWindowRow(layout, position), kSpareWindowRows, state);
  if (layer.ratio == 0) return;
  const std::int64_t first = firstCompressorRow(layer, position);
  const std::int64_t n_spare = spareCompressorRows(layer);
  dropOldRows(layer.compressor_width, first, n_spare, state.compressor);
  if (layer.index_width != 0) dropOldRows(layer.index_width, first, n_spare, state.index);
}

void dropOldRows(const KvLayout& layout, SequenceState& state) {
  for (std::size_t i = 0; i < state.layers.size(); ++i)
    dropOldRows(layout, i, state.size(), state.layers[i].write());
}

std::int64_t spareCompressorRows(const LayerKvLayout& layer) {
  return layer.overlap ? 4 * layer.ratio : 0;
}

CopyOnWrite<LayerState> neededRows(const KvLayout& layout, std::size_t index,
                                   std::int64_t position, const LayerStates& layers) {
  const LayerKvLayout& layer = layout.layers[index];
  const LayerState& all = *layers[index];
  LayerState needed;
  needed.window_first = firstWindowRow(layout, position);
  needed.window.assign(
      all.window.begin() + (needed.window_first - all.window_first) * layout.row.rowBytes(),
      all.window.end());
  if (layer.compressor_width != 0)
    needed.compressor = neededRows(layer, layer.compressor_width, position, all.compressor);
  if (layer.index_width != 0)
    needed.index = neededRows(layer, layer.index_width, position, all.index);
  return CopyOnWrite<LayerState>(std::move(needed));
}

void cutRows(const KvLayout& layout, std::int64_t position, SequenceState& state) {
  for (std::size_t i = 0; i < state.layers.size(); ++i) {
    const LayerKvLayout& layer = layout.layers[i];
    LayerState& rows = state.layers[i].write();
    const auto n_kept = static_cast<std::size_t>(
        std::max<std::int64_t>(0, position - rows.window_first) * layout.row.rowBytes());
    if (rows.window.size() > n_kept) rows.window.resize(n_kept);
    cutRows(layer.compressor_width, position, rows.compressor);
    cutRows(layer.index_width, position, rows.index);
  }
  const auto n_open = static_cast<std::size_t>((position - state.blocksEnd() + kBlockTokens - 1) /
                                               kBlockTokens);
  if (state.open.size() > n_open) state.open.resize(n_open);
}

std::int64_t Snapshot::bytes() const {
  std::int64_t sum = bytesOf(*logits);
  for (const auto& layer : layers)
    sum += bytesOf(layer->window) + bytesOf(layer->compressor.rows) + bytesOf(layer->index.rows);
  return sum;
}

kernels::PagedRows pagedRows(const SequenceState& state, const LayerKvLayout& layer,
                             std::int64_t offset, std::int64_t row_bytes,
                             std::vector<const std::byte*>& pages) {
  pages.clear();
  for (const auto& block : state.blocks) pages.push_back(block->payload.data() + offset);
  for (const auto& block : state.open) pages.push_back(block->data() + offset);
  return {pages.data(), layer.rows_per_block, row_bytes};
}

std::vector<std::byte> saveSnapshot(const KvLayout& layout, const Snapshot& snapshot,
                                    const std::byte* open_block) {
  const std::int64_t position = snapshot.position, row_bytes = layout.row.rowBytes();
  Writer out;
  out.value(kMagic);
  out.value(static_cast<std::uint32_t>(kKvLayoutVersion));
  out.value(position);
  out.array(snapshot.logits->data(), snapshot.logits->size());
  for (std::size_t i = 0; i < layout.layers.size(); ++i) {
    const LayerState& layer = *snapshot.layers[i];
    const LayerKvLayout& kv = layout.layers[i];
    const std::int64_t first = firstWindowRow(layout, position);
    const auto skipped = static_cast<std::size_t>((first - layer.window_first) * row_bytes);
    out.value(first);
    out.array(layer.window.data() + skipped, layer.window.size() - skipped);
    write(out, kv, kv.compressor_width, position, layer.compressor);
    write(out, kv, kv.index_width, position, layer.index);
    const std::int64_t n_rows = tailRows(kv, position);
    const auto rows = [&](std::int64_t offset, std::int64_t bytes) {
      const bool none = n_rows == 0 || offset < 0;
      out.array(none ? nullptr : open_block + offset,
                none ? 0 : static_cast<std::size_t>(n_rows * bytes));
    };
    rows(kv.rows_offset, row_bytes);
    rows(kv.keys_offset, layout.key.rowBytes());
  }
  return out.take();
}

base::Status loadSnapshot(const KvLayout& layout, std::int64_t vocab,
                          std::span<const std::byte> bytes, std::int64_t position,
                          SequenceState& state, std::vector<float>& logits) {
  const auto corrupt = [] {
    return failure(ErrorCode::kCorrupt, "a boundary state does not fit its layout");
  };
  Reader in(bytes);
  if (in.value<std::uint32_t>() != kMagic || in.value<std::uint32_t>() != kKvLayoutVersion ||
      in.value<std::int64_t>() != position)
    return corrupt();
  std::vector<float> loaded_logits = in.array<float>();
  if (!in.ok() || static_cast<std::int64_t>(loaded_logits.size()) != vocab) return corrupt();
  LayerStates layers;
  std::vector<std::byte> open(static_cast<std::size_t>(layout.block_bytes));
  for (const LayerKvLayout& kv : layout.layers) {
    LayerState layer;
    layer.window_first = in.value<std::int64_t>();
    layer.window = in.array<std::byte>();
    layer.compressor = readRows(in);
    layer.index = readRows(in);
    const std::vector<std::byte> rows = in.array<std::byte>(), keys = in.array<std::byte>();
    const std::int64_t n_rows = tailRows(kv, position);
    if (!in.ok() || static_cast<std::int64_t>(rows.size()) != n_rows * layout.row.rowBytes() ||
        static_cast<std::int64_t>(keys.size()) !=
            (kv.keys_offset < 0 ? 0 : n_rows * layout.key.rowBytes()) ||
        !fitsLayout(layout, kv, position, layer))
      return corrupt();
    if (!rows.empty()) std::memcpy(open.data() + kv.rows_offset, rows.data(), rows.size());
    if (!keys.empty()) std::memcpy(open.data() + kv.keys_offset, keys.data(), keys.size());
    layers.emplace_back(std::move(layer));
  }
  if (!in.atEnd()) return corrupt();
  state.layers = std::move(layers);
  state.open.clear();
  if (position % kBlockTokens != 0) state.open.emplace_back(std::move(open));
  logits = std::move(loaded_logits);
  return {};
}

}  // namespace engine
