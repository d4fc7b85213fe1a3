// row_cache.h: the selectable rows of stored blocks, in memory while they are in use.
//
// Every token looks at all index keys and selects a few hundred rows: a resumed sequence needs the
// heads of its blocks before it can go on, and of the rows only those that come to be selected. They
// are read in pages, and when the memory allowed is used up the page that was selected longest ago
// goes. Blocks that this process made are whole; with a limit only until the store has them. One
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/base/result.h"
#include "engine/block_store.h"
#include "engine/page_memory.h"
#include "engine/sequence_state.h"

namespace engine {

struct RowCacheStatistics {
  std::int64_t n_read = 0, bytes_read = 0;  // pages from the store since the cache was made
  std::int64_t n_dropped = 0;               // pages that went to make room
  std::int64_t bytes = 0;                   // in memory now, without whole blocks
};

class RowCache : public std::enable_shared_from_this<RowCache> {
 public:
  // bytes_max: of selectable rows in memory; less than one query selects does not work and counts
  // as that much. 0: no limit. `layout` and `store` must outlive this; without a store nothing is
  // ever dropped.
  RowCache(const KvLayout& layout, std::int64_t rows_selected, BlockStore* store,
           std::int64_t bytes_max);

  // A block of which only the head is in memory.
  std::shared_ptr<KvBlock> pagedBlock(const base::Hash128& key,
                                      std::span<const base::TokenId> ids,
                                      std::vector<std::byte> head);
  // A whole block that is in the store now: with a limit its rows count as the others do. Not while
  // a pass runs.
  void add(KvBlock& block);

  // Brings the rows into memory that the first queries selected, and returns how many queries that
  // are: as many as there is memory for, at least one. `selected` [n, k], −1: none. `pages` is the
  // storage the rows point into, until the next call. Fails like a read of the store.
  base::Result<std::int64_t> bring(const SequenceState& state, const LayerKvLayout& layer,
                                   std::span<const std::int32_t> selected, std::int64_t k,
                                   std::vector<const std::byte*>& pages);
  // KvLayout::block_bytes of a block.
  base::Result<std::vector<std::byte>> wholePayload(const KvBlock& block);

  const RowCacheStatistics& statistics() const { return statistics_; }

 private:
  friend struct KvBlock;
  struct Frame {
    KvBlock* block = nullptr;  // null: free
    std::int32_t page = 0;     // of the block
    std::int32_t older = -1, newer = -1;
    std::uint64_t used = 0;    // call of bring()
  };
  struct Missing {
    std::size_t block = 0;   // of the state
    std::int64_t page = 0;   // of the layer's pages in the block
  };

  std::byte* frameBytes(std::int32_t frame) const;
  std::int32_t newFrame(KvBlock& block, std::int64_t page);
  void release(std::int32_t frame);
  void link(std::int32_t frame);
  void unlink(std::int32_t frame);
  bool dropOldest();
  std::int64_t framesAllowed() const;
  base::Status readMissing(const SequenceState& state, const LayerKvLayout& layer,
                           std::span<const Missing> missing, std::vector<const std::byte*>& pages);

  const KvLayout& layout_;
  BlockStore* const store_;
  const std::int64_t rows_selected_, bytes_max_;
  std::vector<PageMemory> slabs_;
  std::vector<Frame> frames_;
  std::vector<std::int32_t> free_;
  std::int64_t n_used_ = 0;                 // frames that hold a page
  std::int32_t oldest_ = -1, newest_ = -1;  // by use
  std::uint64_t call_ = 0;
  std::vector<std::uint64_t> seen_;         // by page of a layer: call that looked at it
  std::vector<Missing> missing_;
  std::vector<std::int32_t> present_;       // frames that the query at hand needs
  std::vector<std::byte> staging_;
  RowCacheStatistics statistics_;
};

}  // namespace engine
