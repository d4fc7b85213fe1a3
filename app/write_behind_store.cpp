#include "app/write_behind_store.h"

#include <algorithm>
#include <exception>
#include <new>
#include <string>
#include <utility>

namespace app {

using base::Hash128;
using base::Result;
using base::Status;

WriteBehindStore::Write::Write(const engine::BlockWrite& block, const engine::BoundaryWrite* end)
    : key(block.key),
      parent(block.parent),
      position_end(block.position_end),
      payload(block.payload.begin(), block.payload.end()),
      cuts(block.cuts.begin(), block.cuts.end()) {
  if (end == nullptr) return;
  boundary = *end;
  state.assign(end->payload.begin(), end->payload.end());
}

WriteBehindStore::WriteBehindStore(engine::BlockStore& store)
    : store_(store), thread_([this](std::stop_token stop) { work(stop); }) {}

WriteBehindStore::~WriteBehindStore() {
  (void)idle();
  thread_.request_stop();
}

// What a library throws ends here: it is this thread's top.
Status WriteBehindStore::run(const Write& write) {
  try {
    engine::BoundaryWrite end;
    if (write.boundary) end = *write.boundary;
    end.payload = write.state;
    return store_.writeBlock({.key = write.key,
                              .parent = write.parent,
                              .position_end = write.position_end,
                              .payload = write.payload,
                              .cuts = write.cuts},
                             write.boundary ? &end : nullptr);
  } catch (const std::bad_alloc&) {
    return base::failure(base::ErrorCode::kOutOfMemory, "no memory to store a block");
  } catch (const std::exception& error) {
    return base::failure(base::ErrorCode::kInternal,
                         std::string("storing a block failed: ") + error.what());
  }
}

void WriteBehindStore::work(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [&] { return write_.has_value(); })) {
    lock.unlock();
    const Status written = run(*write_);
    lock.lock();
    std::erase(not_there_, write_->key);
    if (!written) {
      failed_ = written.error();
      not_there_.push_back(write_->key);
    }
    write_.reset();
    changed_.notify_all();
  }
}

std::unique_lock<std::mutex> WriteBehindStore::idle() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !write_.has_value(); });
  return lock;
}

Result<bool> WriteBehindStore::hasBlock(const Hash128& key) {
  const auto alone = idle();
  return store_.hasBlock(key);
}

void WriteBehindStore::readPieces(std::span<engine::PieceRead> reads) {
  const auto alone = idle();
  store_.readPieces(reads);
}

Result<engine::WholeBlock> WriteBehindStore::readBlock(const Hash128& key) {
  const auto alone = idle();
  return store_.readBlock(key);
}

Result<std::vector<engine::BoundaryInfo>> WriteBehindStore::boundariesAfter(const Hash128& key) {
  const auto alone = idle();
  return store_.boundariesAfter(key);
}

Result<std::vector<std::byte>> WriteBehindStore::readBoundary(const Hash128& key) {
  const auto alone = idle();
  return store_.readBoundary(key);
}

Status WriteBehindStore::writeBlock(const engine::BlockWrite& block,
                                    const engine::BoundaryWrite* boundary) {
  Write write(block, boundary);  // copied before anybody waits
  const auto alone = idle();
  if (failed_) return tl::make_unexpected(*failed_);
  write_ = std::move(write);
  changed_.notify_all();
  return {};
}

Status WriteBehindStore::writeBoundary(const engine::BoundaryWrite& boundary) {
  const auto alone = idle();
  if (failed_) return tl::make_unexpected(*failed_);
  return store_.writeBoundary(boundary);
}

bool WriteBehindStore::isBehind(const Hash128& key) const {
  const std::lock_guard lock(mutex_);
  return (write_ && write_->key == key) ||
         std::find(not_there_.begin(), not_there_.end(), key) != not_there_.end();
}

Status WriteBehindStore::settle() {
  const auto alone = idle();
  if (!failed_) return {};
  const auto failed = tl::make_unexpected(*std::exchange(failed_, std::nullopt));
  return failed;
}

}  // namespace app
