// engine_host.h: what the methods of lectern-engine do: one loaded model, its sequences, and
// snapshots.db behind the engine's BlockStore. Lives on one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>

#include "app/block_store_adapter.h"
#include "app/engine_client.h"
#include "app/write_behind_store.h"
#include "engine/base/hash.h"
#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/engine.h"
#include "engine/json.h"
#include "engine/quote_index.h"
#include "engine/sequence.h"
#include "engine/tokenizer.h"
#include "storage/block_database.h"

namespace app {

class EngineHost {
 public:
  using Notify = std::function<void(const engine::Json&)>;

  explicit EngineHost(Notify notify);
  ~EngineHost();
  EngineHost(const EngineHost&) = delete;
  EngineHost& operator=(const EngineHost&) = delete;

  // Runs one method of engine_protocol.h. kUnsupported for unknown ones; whatever the parameters
  // hold, the host stays usable.
  base::Result<engine::Json> call(std::int64_t request, const std::string& method,
                                  const engine::Json& params, std::stop_token stop);
  // The model's files changed: the process should end with kModelFaultExit and be started anew.
  bool finished() const { return finished_; }

 private:
  using Reply = base::Result<engine::Json>;

  Reply dispatch(std::int64_t request, const std::string& method, const engine::Json& params,
                 std::stop_token stop);
  Reply outOfMemory(const std::string& method) const;
  Reply load(const engine::Json& params, std::stop_token stop);
  Reply plan(const engine::Json& params);
  Reply open();
  Reply sync(std::int64_t request, const engine::Json& params, std::stop_token stop);
  Reply decode(std::int64_t request, const engine::Json& params, std::stop_token stop);
  Reply save(const engine::Json& params, std::stop_token stop);
  Reply fork(const engine::Json& params);
  Reply rewind(const engine::Json& params);
  Reply close(const engine::Json& params);
  Reply release(const engine::Json& params, std::stop_token stop);
  Reply pack(const engine::Json& params, std::stop_token stop);
  Reply unpack(const engine::Json& params, std::stop_token stop);
  Reply pins();
  Reply stats();

  // The sequence a request names; kNotFound.
  base::Result<engine::Sequence*> sequenceOf(const engine::Json& params);
  // The database while nothing is on its way to it; null: nothing is kept.
  storage::BlockDatabase* idleBlocks();
  base::Status openStore(const EngineSettings& settings, std::stop_token stop);
  // Stores the sequence's present end and keeps it and its blocks for the session.
  base::Status keepEnd(engine::Sequence& sequence, const std::string& session_key,
                       engine::Keep keep, std::stop_token stop);
  base::Result<std::shared_ptr<const engine::QuoteIndex>> quoteIndex(
      const engine::Sequence& sequence, const std::vector<base::TokenRange>& quotable);
  std::int64_t addSequence(std::unique_ptr<engine::Sequence> sequence);

  Notify notify_;
  EngineSettings settings_;
  std::unique_ptr<storage::BlockDatabase> blocks_;  // null: nothing is kept
  std::unique_ptr<BlockStoreAdapter> store_;
  std::unique_ptr<WriteBehindStore> behind_;
  bool file_replaced_ = false;  // snapshots.db was damaged when it was opened
  std::shared_ptr<const engine::Tokenizer> tokenizer_;
  std::unique_ptr<engine::Engine> engine_;  // null before load
  std::map<std::int64_t, std::unique_ptr<engine::Sequence>> sequences_;
  std::int64_t next_sequence_ = 1;
  bool finished_ = false;
  // Of the last answer: the next question mostly quotes from the same documents.
  base::Hash128 quote_key_;
  std::shared_ptr<const engine::QuoteIndex> quote_index_;
};

}  // namespace app
