#include "engine/expert_cache.h"

#include <algorithm>
#include <array>

#include "engine/base/check.h"

namespace engine {

using kernels::ExpertWeights;
using kernels::MatrixView;

namespace {

std::array<MatrixView*, 3> matricesOf(ExpertWeights& expert) {
  return {&expert.w1, &expert.w2, &expert.w3};
}

}  // namespace

std::int64_t ExpertCache::slotBytes(std::span<MappedFile* const> files,
                                    const std::vector<ExpertWeights>& layer) {
  std::int64_t bytes = 0;
  for (ExpertWeights expert : layer)
    bytes = std::max(bytes, MatrixBundle(files, matricesOf(expert)).bytes());
  return bytes;
}

ExpertCache::ExpertCache(std::span<MappedFile* const> files,
                         std::span<const std::vector<ExpertWeights>* const> layers,
                         std::int64_t n_slots, ReadQueue& queue)
    : queue_(queue), slots_(static_cast<std::size_t>(n_slots)) {
  std::size_t n_experts = 0;
  for (const auto* layer : layers) n_experts += layer->size();
  experts_.reserve(n_experts);
  for (const auto* layer : layers) {
    first_of_layer_.push_back(nExperts());
    for (ExpertWeights expert : *layer) {
      experts_.push_back({MatrixBundle(files, matricesOf(expert)), expert, -1});
      slot_bytes_ = std::max(slot_bytes_, experts_.back().bundle.bytes());
    }
  }
  memory_ = PageMemory(slot_bytes_ * n_slots);
}

ExpertCache::~ExpertCache() {
  for (Slot& slot : slots_) (void)queue_.wait(slot.reads);  // nothing reads into freed memory
}

std::int64_t ExpertCache::find(std::size_t layer, std::int32_t expert) const {
  return first_of_layer_[layer] + expert;
}

ExpertCache::Slot* ExpertCache::freeSlot() {
  Slot* best = nullptr;
  for (Slot& slot : slots_)
    if (slot.n_holds == 0 && (best == nullptr || slot.last_use < best->last_use) &&
        queue_.done(slot.reads))
      best = &slot;
  if (best != nullptr && best->expert >= 0)
    experts_[static_cast<std::size_t>(best->expert)].slot = -1;
  return best;
}

ExpertCache::Slot* ExpertCache::slotFor(std::int64_t number, Urgency urgency) {
  Expert& expert = experts_[static_cast<std::size_t>(number)];
  if (expert.slot >= 0) return &slots_[static_cast<std::size_t>(expert.slot)];
  Slot* slot = freeSlot();
  if (slot == nullptr && urgency == Urgency::kNow) {
    // What is only expected makes way, once it is there.
    for (Slot& other : slots_)
      if (other.n_holds == 0) (void)queue_.wait(other.reads);
    slot = freeSlot();
  }
  if (slot == nullptr) return nullptr;
  slot->expert = number;
  slot->fresh = true;
  expert.slot = static_cast<std::int32_t>(std::find_if(slots_.begin(), slots_.end(),
                                                       [&](Slot& s) { return &s == slot; }) -
                                          slots_.begin());
  queue_.begin(expert.bundle.reads(), memory_.data() + expert.slot * slot_bytes_, urgency,
               slot->reads);
  return slot;
}

std::size_t ExpertCache::hold(std::size_t layer, std::span<const std::int32_t> experts) {
  std::size_t n_held = 0;
  for (; n_held < experts.size(); ++n_held) {
    Slot* slot = slotFor(find(layer, experts[n_held]), Urgency::kNow);
    if (slot == nullptr) break;
    ++slot->n_holds;
    slot->last_use = ++clock_;
  }
  return n_held;
}

void ExpertCache::expect(std::size_t layer, std::span<const std::int32_t> experts) {
  const auto n = std::min<std::size_t>(experts.size(), slots_.size() / 4);
  for (const std::int32_t expert : experts.first(n)) {
    Slot* slot = slotFor(find(layer, expert), Urgency::kSoon);
    if (slot == nullptr) return;
    slot->last_use = ++clock_;
  }
}

bool ExpertCache::ready(std::size_t layer, std::int32_t expert) const {
  const Expert& wanted = experts_[static_cast<std::size_t>(find(layer, expert))];
  return queue_.done(slots_[static_cast<std::size_t>(wanted.slot)].reads);
}

base::Status ExpertCache::get(std::size_t layer, std::int32_t expert, ExpertWeights& weights) {
  Expert& wanted = experts_[static_cast<std::size_t>(find(layer, expert))];
  CHECK(wanted.slot >= 0);
  Slot& slot = slots_[static_cast<std::size_t>(wanted.slot)];
  TRY(queue_.wait(slot.reads));
  weights = wanted.shape;
  wanted.bundle.place(memory_.data() + wanted.slot * slot_bytes_, matricesOf(weights));
  return {};
}

void ExpertCache::release(std::size_t layer, std::int32_t expert, AfterUse after) {
  Expert& used = experts_[static_cast<std::size_t>(find(layer, expert))];
  CHECK(used.slot >= 0);
  Slot& slot = slots_[static_cast<std::size_t>(used.slot)];
  CHECK(slot.n_holds > 0);
  --slot.n_holds;
  if (after == AfterUse::kLeaveFirst && slot.fresh) slot.last_use = 0;
  slot.fresh = false;
  // What could not be read is not there.
  if (slot.n_holds == 0 && queue_.done(slot.reads) && !queue_.wait(slot.reads)) {
    slot.expert = used.slot = -1;
    slot.last_use = 0;
  }
}

}  // namespace engine
