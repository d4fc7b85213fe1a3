#include "engine/row_cache.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "engine/stored_block.h"

namespace engine {

using base::Result;
using base::Status;

namespace {

constexpr std::int64_t kSlabBytes = std::int64_t{4} << 20;
// Read at once: enough that a disk works at its full rate.
constexpr std::int64_t kReadBytes = std::int64_t{1} << 20;

}  // namespace

KvBlock::~KvBlock() {
  if (cache == nullptr) return;
  for (const std::int32_t frame : frames)
    if (frame >= 0) cache->release(frame);
}

RowCache::RowCache(const KvLayout& layout, std::int64_t rows_selected, BlockStore* store,
                   std::int64_t bytes_max)
    : layout_(layout), store_(store), rows_selected_(rows_selected), bytes_max_(bytes_max) {}

// --- frames -------------------------------------------------------------------------------------

std::byte* RowCache::frameBytes(std::int32_t frame) const {
  const std::int64_t per_slab = std::max<std::int64_t>(1, kSlabBytes / layout_.page_bytes);
  return slabs_[static_cast<std::size_t>(frame / per_slab)].data() +
         frame % per_slab * layout_.page_bytes;
}

// In small steps: memory is taken as it is needed.
std::int32_t RowCache::newFrame(KvBlock& block, std::int64_t page) {
  while (bytes_max_ > 0 && n_used_ >= framesAllowed() && dropOldest()) {}
  if (free_.empty()) {
    const std::int64_t per_slab = std::max<std::int64_t>(1, kSlabBytes / layout_.page_bytes);
    slabs_.emplace_back(per_slab * layout_.page_bytes);
    for (std::int64_t i = per_slab; i-- > 0;)
      free_.push_back(static_cast<std::int32_t>(frames_.size()) + static_cast<std::int32_t>(i));
    frames_.resize(frames_.size() + static_cast<std::size_t>(per_slab));
  }
  const std::int32_t frame = free_.back();
  free_.pop_back();
  Frame& entry = frames_[static_cast<std::size_t>(frame)];
  entry = {&block, static_cast<std::int32_t>(page), -1, -1, call_};
  link(frame);
  ++n_used_;
  statistics_.bytes = n_used_ * layout_.page_bytes;
  block.frames[static_cast<std::size_t>(page)] = frame;
  return frame;
}

void RowCache::release(std::int32_t frame) {
  unlink(frame);
  Frame& entry = frames_[static_cast<std::size_t>(frame)];
  entry.block->frames[static_cast<std::size_t>(entry.page)] = -1;
  entry.block = nullptr;
  free_.push_back(frame);
  --n_used_;
  statistics_.bytes = n_used_ * layout_.page_bytes;
}

void RowCache::link(std::int32_t frame) {
  Frame& entry = frames_[static_cast<std::size_t>(frame)];
  entry.older = newest_;
  entry.newer = -1;
  if (newest_ >= 0) frames_[static_cast<std::size_t>(newest_)].newer = frame;
  else oldest_ = frame;
  newest_ = frame;
}

void RowCache::unlink(std::int32_t frame) {
  const Frame& entry = frames_[static_cast<std::size_t>(frame)];
  if (entry.older >= 0) frames_[static_cast<std::size_t>(entry.older)].newer = entry.newer;
  else oldest_ = entry.newer;
  if (entry.newer >= 0) frames_[static_cast<std::size_t>(entry.newer)].older = entry.older;
  else newest_ = entry.older;
}

// Not one that the running call needs.
bool RowCache::dropOldest() {
  if (oldest_ < 0 || frames_[static_cast<std::size_t>(oldest_)].used == call_) return false;
  release(oldest_);
  ++statistics_.n_dropped;
  return true;
}

std::int64_t RowCache::framesAllowed() const {
  if (bytes_max_ == 0) return std::numeric_limits<std::int64_t>::max();
  return std::max(rows_selected_, bytes_max_ / layout_.page_bytes);
}

// --- blocks -------------------------------------------------------------------------------------

std::shared_ptr<KvBlock> RowCache::pagedBlock(const base::Hash128& key,
                                              std::span<const base::TokenId> ids,
                                              std::vector<std::byte> head) {
  auto block = std::make_shared<KvBlock>();
  block->key = key;
  block->ids.assign(ids.begin(), ids.end());
  block->payload = std::move(head);
  block->cache = shared_from_this();
  block->frames.assign(static_cast<std::size_t>(layout_.n_pages), -1);
  return block;
}

// Its rows become pages among the others, as the ones that were used last.
void RowCache::add(KvBlock& block) {
  if (bytes_max_ == 0 || layout_.n_pages == 0 || !block.isWhole()) return;
  ++call_;
  const std::vector<std::byte> whole = std::move(block.payload);
  block.payload.assign(whole.begin(), whole.begin() + layout_.head_bytes);
  block.cache = shared_from_this();
  block.frames.assign(static_cast<std::size_t>(layout_.n_pages), -1);
  for (const LayerKvLayout& layer : layout_.layers) {
    if (layer.page_rows == 0) continue;
    const std::int64_t bytes = layer.page_rows * layout_.row.rowBytes();
    for (std::int64_t page = 0; page < layer.rows_per_block / layer.page_rows; ++page) {
      if (n_used_ >= framesAllowed() && !dropOldest()) return;  // the rest comes when selected
      const std::int32_t frame = newFrame(block, layer.first_page + page);
      std::memcpy(frameBytes(frame), whole.data() + layer.rows_offset + page * bytes,
                  static_cast<std::size_t>(bytes));
    }
  }
}

Result<std::vector<std::byte>> RowCache::wholePayload(const KvBlock& block) {
  if (block.isWhole()) return block.payload;
  return readWholeBlock(*store_, layout_, block.key);
}

// --- rows of a layer ----------------------------------------------------------------------------

Result<std::int64_t> RowCache::bring(const SequenceState& state, const LayerKvLayout& layer,
                                     std::span<const std::int32_t> selected, std::int64_t k,
                                     std::vector<const std::byte*>& pages) {
  const std::int64_t n_queries = static_cast<std::int64_t>(selected.size()) / k;
  const std::int64_t bytes = layer.page_rows * layout_.row.rowBytes();
  const std::int64_t per_block = layer.rows_per_block / layer.page_rows;
  pages.clear();
  bool all_whole = true;
  const auto addWhole = [&](const std::byte* payload) {
    for (std::int64_t page = 0; page < per_block; ++page)
      pages.push_back(payload + layer.rows_offset + page * bytes);
  };
  for (const auto& block : state.blocks) {
    if (block->isWhole()) {
      addWhole(block->payload.data());
      continue;
    }
    all_whole = false;
    const std::int32_t* frames = block->frames.data() + layer.first_page;
    for (std::int64_t page = 0; page < per_block; ++page)
      pages.push_back(frames[page] < 0 ? nullptr : frameBytes(frames[page]));
  }
  for (const auto& block : state.open) addWhole(block->data());
  if (all_whole) return n_queries;

  ++call_;
  seen_.resize(std::max(seen_.size(), pages.size()));
  missing_.clear();
  const std::int64_t n_most = framesAllowed();
  std::int64_t n_needed = 0, query = 0;
  for (; query < n_queries; ++query) {
    const std::size_t n_missing = missing_.size();
    present_.clear();
    for (const std::int32_t row : selected.subspan(static_cast<std::size_t>(query * k),
                                                   static_cast<std::size_t>(k))) {
      if (row < 0) continue;
      const auto page = static_cast<std::size_t>(row / layer.page_rows);
      if (seen_[page] == call_) continue;
      seen_[page] = call_;
      const std::size_t index = page / static_cast<std::size_t>(per_block);
      if (index >= state.blocks.size() || state.blocks[index]->isWhole()) continue;
      ++n_needed;
      const auto in_block = static_cast<std::int64_t>(page) % per_block;
      const std::int32_t frame =
          state.blocks[index]->frames[static_cast<std::size_t>(layer.first_page + in_block)];
      if (frame < 0) {
        missing_.push_back({index, in_block});
        continue;
      }
      present_.push_back(frame);
    }
    if (n_needed > n_most && query > 0) {
      missing_.resize(n_missing);
      break;
    }
    // Only now: what a query needs that has to wait may still make room.
    for (const std::int32_t frame : present_) {
      frames_[static_cast<std::size_t>(frame)].used = call_;
      unlink(frame);
      link(frame);
    }
  }
  std::sort(missing_.begin(), missing_.end(), [](const Missing& a, const Missing& b) {
    return std::pair(a.block, a.page) < std::pair(b.block, b.page);
  });
  TRY(readMissing(state, layer, missing_, pages));
  return query;
}

// Neighbours are one piece.
Status RowCache::readMissing(const SequenceState& state, const LayerKvLayout& layer,
                             std::span<const Missing> missing,
                             std::vector<const std::byte*>& pages) {
  const std::int64_t bytes = layer.page_rows * layout_.row.rowBytes();
  const std::int64_t per_block = layer.rows_per_block / layer.page_rows;
  const auto n_batch = static_cast<std::size_t>(std::max<std::int64_t>(1, kReadBytes / bytes));
  while (!missing.empty()) {
    const auto batch = missing.first(std::min(missing.size(), n_batch));
    staging_.resize(batch.size() * static_cast<std::size_t>(bytes));
    std::vector<PieceRead> reads;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const std::span<std::byte> to(staging_.data() + i * static_cast<std::size_t>(bytes),
                                    static_cast<std::size_t>(bytes));
      if (i > 0 && batch[i].block == batch[i - 1].block && batch[i].page == batch[i - 1].page + 1) {
        reads.back().to = {reads.back().to.data(), reads.back().to.size() + to.size()};
        continue;
      }
      PieceRead read;
      read.key = state.blocks[batch[i].block]->key;
      read.begin = layer.rows_offset + batch[i].page * bytes;
      read.to = to;
      reads.push_back(read);
    }
    readBlockPieces(*store_, layout_, reads);
    for (const PieceRead& read : reads) TRY(read.done);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const std::int32_t frame =
          newFrame(*state.blocks[batch[i].block], layer.first_page + batch[i].page);
      std::memcpy(frameBytes(frame), staging_.data() + i * static_cast<std::size_t>(bytes),
                  static_cast<std::size_t>(bytes));
      pages[batch[i].block * static_cast<std::size_t>(per_block) +
            static_cast<std::size_t>(batch[i].page)] = frameBytes(frame);
    }
    statistics_.n_read += static_cast<std::int64_t>(batch.size());
    statistics_.bytes_read += static_cast<std::int64_t>(staging_.size());
    missing = missing.subspan(batch.size());
  }
  return {};
}

}  // namespace engine
