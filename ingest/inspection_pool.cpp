#include "ingest/inspection_pool.h"

#include <algorithm>
#include <iterator>

#include "ingest/file_inspection.h"
#include "ingest/file_kind.h"

namespace ingest {
namespace {

constexpr unsigned kThreadsMax = 8;

void inspect(InspectionBatch& batch) {
  for (std::size_t i = 0; i < batch.names.size(); ++i) {
    WalkedFile& entry = batch.entries[i];
    inspectInto(entry, batch.folder->descriptor(), batch.names[i].c_str(), LinkMode::kReport);
    if (entry.read && entry.reason.empty() && isVendored(entry.relative)) {
      entry.reason = "vendored";
      entry.detail = "Its folder says that it comes from elsewhere.";
    }
  }
}

}  // namespace

InspectionPool::InspectionPool(std::stop_token stop)
    : on_stop_(stop, [this] { end_.request_stop(); }), waiting_(kBatchesMax) {
  const unsigned n_threads = std::clamp(std::thread::hardware_concurrency(), 1u, kThreadsMax);
  for (unsigned i = 0; i < n_threads; ++i) workers_.emplace_back([this] { work(); });
}

InspectionPool::~InspectionPool() { end_.request_stop(); }

base::Status InspectionPool::add(InspectionBatch batch) {
  if (batch.names.empty()) return {};
  return waiting_.send(std::move(batch), end_.get_token());
}

base::Result<std::vector<WalkedFile>> InspectionPool::take() {
  // An empty batch sends a worker home.
  for (std::size_t i = 0; i < workers_.size(); ++i) TRY(waiting_.send({}, end_.get_token()));
  for (std::jthread& worker : workers_) worker.join();
  if (end_.stop_requested())
    return base::failure(base::ErrorCode::kCancelled, "walking stopped");
  return std::move(done_);
}

void InspectionPool::work() {
  for (;;) {
    auto batch = waiting_.receive(end_.get_token());
    if (!batch || batch->names.empty()) return;
    inspect(*batch);
    const std::lock_guard lock(mutex_);
    done_.insert(done_.end(), std::make_move_iterator(batch->entries.begin()),
                 std::make_move_iterator(batch->entries.end()));
  }
}

}  // namespace ingest
