// inspection_pool.h: files of a walk, looked at on several threads while the walk goes on.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "engine/base/channel.h"
#include "ingest/folder_listing.h"
#include "ingest/source_walk.h"

namespace ingest {

// Files of one folder. `relative` and `file` of the entries are filled in, the rest is not.
struct InspectionBatch {
  std::shared_ptr<const FolderListing> folder;
  std::vector<std::string> names;
  std::vector<WalkedFile> entries;  // one per name
};

// One thread hands batches over and takes everything at the end. At most kBatchesMax wait, so that
// the folders they hold open stay few.
class InspectionPool {
 public:
  static constexpr std::size_t kBatchesMax = 64;
  static constexpr std::size_t kBatchFilesMax = 128;

  explicit InspectionPool(std::stop_token stop);
  ~InspectionPool();

  // kCancelled.
  base::Status add(InspectionBatch batch);
  // Waits for all of it. Entries in any order; kCancelled.
  base::Result<std::vector<WalkedFile>> take();

 private:
  void work();

  std::stop_source end_;  // the caller's stop, or the destructor
  std::stop_callback<std::function<void()>> on_stop_;
  base::Channel<InspectionBatch> waiting_;
  std::mutex mutex_;  // guards done_
  std::vector<WalkedFile> done_;
  std::vector<std::jthread> workers_;
};

}  // namespace ingest
