#include "engine/sequence_state.h"

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

void write(Writer& out, const CompressorRows& rows) {
  out.value(rows.first);
  out.array(rows.rows.data(), rows.rows.size());
}

CompressorRows readRows(Reader& in) {
  CompressorRows rows;
  rows.first = in.value<std::int64_t>();
  rows.rows = in.array<float>();
  return rows;
}

// Rows held for a compressor at `position` (see Forward::trim).
bool fits(const CompressorRows& rows, const LayerShape& shape, std::int64_t width,
          std::int64_t position) {
  const std::int64_t block = position / shape.ratio;
  const std::int64_t first =
      std::max<std::int64_t>(0, block - (shape.kind == LayerKind::kCsa ? 1 : 0)) * shape.ratio;
  return rows.first == first &&
         static_cast<std::int64_t>(rows.rows.size()) == (position - first) * 2 * width;
}

bool fitsConfig(const ModelConfig& c, const KvLayout& layout, std::int64_t position,
                const SequenceState& state) {
  for (std::size_t i = 0; i < c.layers.size(); ++i) {
    const LayerShape& shape = c.layers[i];
    const LayerState& layer = state.layers[i];
    const std::int64_t first = std::max<std::int64_t>(0, position - c.window);
    if (layer.window_first != first || static_cast<std::int64_t>(layer.window.size()) !=
                                           (position - first) * layout.row.rowBytes())
      return false;
    const std::int64_t coff = shape.kind == LayerKind::kCsa ? 2 : 1;
    if (shape.ratio != 0 && !fits(layer.compressor, shape, coff * c.head_dim, position))
      return false;
    if (shape.kind == LayerKind::kCsa && !fits(layer.index, shape, coff * c.index_dim, position))
      return false;
  }
  return true;
}

}  // namespace

SequenceState emptyState(const KvLayout& layout) {
  SequenceState state;
  state.tail.resize(static_cast<std::size_t>(layout.block_bytes));
  state.layers.resize(layout.layers.size());
  return state;
}

kernels::PagedRows pagedRows(const SequenceState& state, const LayerKvLayout& layer,
                             std::int64_t offset, std::int64_t row_bytes,
                             std::vector<const std::byte*>& pages) {
  pages.clear();
  for (const auto& block : state.blocks) pages.push_back(block->payload.data() + offset);
  pages.push_back(state.tail.data() + offset);
  return {pages.data(), layer.rows_per_block, row_bytes};
}

std::vector<std::byte> saveState(const KvLayout& layout, const SequenceState& state,
                                 const std::vector<float>& logits) {
  const auto position = static_cast<std::int64_t>(state.tokens.size());
  Writer out;
  out.value(kMagic);
  out.value(static_cast<std::uint32_t>(kKvLayoutVersion));
  out.value(position);
  out.array(logits.data(), logits.size());
  for (std::size_t i = 0; i < state.layers.size(); ++i) {
    const LayerState& layer = state.layers[i];
    const LayerKvLayout& kv = layout.layers[i];
    out.value(layer.window_first);
    out.array(layer.window.data(), layer.window.size());
    write(out, layer.compressor);
    write(out, layer.index);
    const std::int64_t n_rows = tailRows(kv, position);
    out.array(state.tail.data() + kv.rows_offset,
              static_cast<std::size_t>(n_rows * layout.row.rowBytes()));
    out.array(state.tail.data() + std::max<std::int64_t>(kv.keys_offset, 0),
              static_cast<std::size_t>(kv.keys_offset < 0 ? 0 : n_rows * layout.key.rowBytes()));
  }
  return out.take();
}

base::Status loadState(const KvLayout& layout, const ModelConfig& config,
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
  if (!in.ok() || static_cast<std::int64_t>(loaded_logits.size()) != config.vocab) return corrupt();
  SequenceState loaded = emptyState(layout);
  for (std::size_t i = 0; i < loaded.layers.size(); ++i) {
    LayerState& layer = loaded.layers[i];
    const LayerKvLayout& kv = layout.layers[i];
    layer.window_first = in.value<std::int64_t>();
    layer.window = in.array<std::byte>();
    layer.compressor = readRows(in);
    layer.index = readRows(in);
    const std::vector<std::byte> rows = in.array<std::byte>(), keys = in.array<std::byte>();
    const std::int64_t n_rows = tailRows(kv, position);
    if (!in.ok() || static_cast<std::int64_t>(rows.size()) != n_rows * layout.row.rowBytes() ||
        static_cast<std::int64_t>(keys.size()) !=
            (kv.keys_offset < 0 ? 0 : n_rows * layout.key.rowBytes()))
      return corrupt();
    if (!rows.empty()) std::memcpy(loaded.tail.data() + kv.rows_offset, rows.data(), rows.size());
    if (!keys.empty()) std::memcpy(loaded.tail.data() + kv.keys_offset, keys.data(), keys.size());
  }
  if (!in.atEnd() || !fitsConfig(config, layout, position, loaded)) return corrupt();
  state.layers = std::move(loaded.layers);
  state.tail = std::move(loaded.tail);
  logits = std::move(loaded_logits);
  return {};
}

}  // namespace engine
