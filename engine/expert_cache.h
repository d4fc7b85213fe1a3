// expert_cache.h: routed experts of a model larger than memory: a fixed number of slots, filled
// from the files when a token asks for an expert, the least recently used given up first.
//
// One thread calls; the reading is done by a ReadQueue.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "engine/base/result.h"
#include "engine/matrix_bundle.h"
#include "engine/page_memory.h"
#include "engine/read_queue.h"
#include "kernels/experts/experts.h"

namespace engine {

// What becomes of an expert that is no longer in use.
enum class AfterUse {
  kKeep,        // as any other
  kLeaveFirst,  // a chunk too long for the cache passed through: what it brought leaves first
};

class ExpertCache {
 public:
  // layers[l][e]: expert e of layer l, still pointing into the maps of `files`.
  ExpertCache(std::span<MappedFile* const> files,
              std::span<const std::vector<kernels::ExpertWeights>* const> layers,
              std::int64_t n_slots, ReadQueue& queue);
  ~ExpertCache();

  // Takes hold of `experts`, from the first on as far as there are slots, and begins to read those
  // that are not there. Returns how many are held.
  std::size_t hold(std::size_t layer, std::span<const std::int32_t> experts);
  // Of a held expert.
  bool ready(std::size_t layer, std::int32_t expert) const;
  // Waits for a held expert; `weights` is valid until it is released.
  base::Status get(std::size_t layer, std::int32_t expert, kernels::ExpertWeights& weights);
  void release(std::size_t layer, std::int32_t expert, AfterUse after);
  // Begins to read what will be held soon; takes at most a quarter of the slots.
  void expect(std::size_t layer, std::span<const std::int32_t> experts);

  std::int64_t nSlots() const { return static_cast<std::int64_t>(slots_.size()); }
  std::int64_t nExperts() const { return static_cast<std::int64_t>(experts_.size()); }
  static std::int64_t slotBytes(std::span<MappedFile* const> files,
                                const std::vector<kernels::ExpertWeights>& layer);

 private:
  struct Expert {
    MatrixBundle bundle;
    kernels::ExpertWeights shape;  // its pointers mean nothing
    std::int32_t slot = -1;
  };
  struct Slot {
    std::int64_t expert = -1;  // in experts_
    std::int64_t n_holds = 0, last_use = 0;
    bool fresh = false;  // not used since it was read
    PendingReads reads;
  };
  std::int64_t find(std::size_t layer, std::int32_t expert) const;
  // The slot of the expert, being filled if need be; null: every slot is held.
  Slot* slotFor(std::int64_t expert, Urgency urgency);
  Slot* freeSlot();

  ReadQueue& queue_;
  std::vector<Expert> experts_;
  std::vector<std::int64_t> first_of_layer_;
  std::int64_t slot_bytes_ = 0, clock_ = 0;
  PageMemory memory_;
  std::deque<Slot> slots_;
};

}  // namespace engine
