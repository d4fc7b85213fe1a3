// life.h: the two real databases, led through a life and compared with its model.
#pragma once

#include <filesystem>
#include <memory>

#include "storage/storage.h"
#include "tests/storage/life_model.h"

namespace support {

class Stores {
 public:
  // Blocks of `block_bytes` on average; which databases depends on the topic.
  Stores(std::filesystem::path folder, Topic topic, std::size_t block_bytes)
      : folder_(std::move(folder)), topic_(topic), block_bytes_(block_bytes) {}

  base::Status open();
  void close();

  base::Status run(const Step& step);
  // Nothing when everything is as the model says; otherwise what differs.
  base::Status compare(const LifeModel& model);

  storage::SessionDatabase& sessions() { return *session_; }
  storage::BlockDatabase& blocks() { return *blocks_; }

 private:
  base::Status runOnSession(const Step& step);
  base::Status runOnBlocks(const Step& step);
  base::Status writeBlock(const Step& step);
  base::Status compareSessions(const LifeModel& model);
  base::Status compareMessages(const storage::Session& session, const SessionLife& life);
  base::Status compareDocuments(const storage::Session& session, const SessionLife& life);
  base::Status compareSearch(const LifeModel& model);
  base::Status compareChain(const std::string& name, const ChainLife& chain);
  base::Status comparePins(const LifeModel& model);

  const std::filesystem::path folder_;
  const Topic topic_;
  const std::size_t block_bytes_;
  std::unique_ptr<storage::SessionDatabase> session_;
  std::unique_ptr<storage::BlockDatabase> blocks_;
};

// The state before or after the step in doubt, whichever the databases are in; an error when they
// are in neither.
base::Result<LifeModel> whichState(Stores& stores, const LifeModel& before, const LifeModel& after);

}  // namespace support
