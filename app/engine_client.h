// engine_client.h: lectern's side of the conversation with lectern-engine.
//
// Starts the process when it is first needed, sends requests, waits for their answers, and turns
// its death in any state into kEngineStopped with a sentence. The next call starts it again and
// brings its sequences back by reading their tokens anew, which costs little because read blocks
// lie in snapshots.db. After two deaths in a row without a finished request in between it stays
// down until restart().
//
// One thread calls; stop tokens may be triggered from any thread. Calls block and run their
// callbacks on the calling thread. A stopped call returns kCancelled (decode: FinishReason
// kStopped) within a step of the engine; an engine that does not react for 10 s is killed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include <sys/types.h>

#include "engine/base/answer.h"
#include "engine/base/hash.h"
#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/generator.h"

namespace app {

struct EngineSettings {
  std::filesystem::path program;   // lectern-engine
  std::filesystem::path model;     // folder or file
  std::filesystem::path data;      // folder of snapshots.db; empty: nothing is kept
  std::filesystem::path log_file;  // empty: stderr only
  std::string backend = "cpu";     // "cpu", "reference"
  std::string numerics = "official";
  int n_threads = 0;               // 0: one per core
  std::int64_t context_max = 0;    // 0: what the model and the memory allow
  std::int64_t memory_bytes = 0;   // the process may use; 0: what the machine has to spare
  std::int64_t cache_bytes_max = std::int64_t{16} << 30;  // blocks of no session go beyond it
};

// What the engine says about itself after loading.
struct EngineInfo {
  std::string model_name;
  base::Hash128 fingerprint;  // weights, tokenizer, layout, numerics: what blocks belong to
  std::string identity;       // the same in parts (engine/model_identity.h)
  std::int64_t vocab_size = 0, n_layers = 0;
  std::int64_t context_max = 0;  // tokens
  std::int64_t weight_bytes = 0;
  std::string backend;
  int n_threads = 0;
  double load_s = 0;
};

// Bytes by purpose, before anything is allocated.
struct EnginePlan {
  struct Row {
    std::string purpose;
    std::int64_t bytes = 0;
  };
  std::int64_t n_context = 0;
  std::vector<Row> rows;
  std::int64_t total_bytes = 0, available_bytes = 0;
  std::int64_t snapshot_bytes = 0;  // on disk, for the whole context
  bool fits = true;
};

struct SyncReply {
  std::int64_t n_context = 0, n_reused = 0, n_prefilled = 0;
  double prefill_s = 0;
};

struct DecodeRequest {
  engine::GenerateOptions generate;
  std::vector<base::TokenRange> quotable;  // of the sequence's tokens, as Context::quotable
  bool thinking = false;                   // the answer begins inside <think>
};

struct EngineStats {
  std::int64_t peak_rss_bytes = 0;
  std::int64_t n_blocks = 0, n_boundaries = 0;
  std::int64_t payload_bytes = 0, pinned_bytes = 0, file_bytes = 0;
  std::int64_t n_dropped = 0;  // damaged payloads found since the engine started
  bool file_replaced = false;  // it found snapshots.db damaged as a whole, and began another
};

// What is stored for one saved session.
struct EnginePin {
  std::string session_key;
  std::int64_t n_tokens = 0;
  std::int64_t logical_bytes = 0, unique_bytes = 0;
  bool complete = true;
};

// What was copied between snapshots.db and a bundle.
struct KvTransfer {
  std::int64_t n_blocks = 0, n_states = 0, n_bytes = 0;
  std::int64_t n_tokens = 0;  // of the context, that need not be read again
};

class EngineClient {
 public:
  explicit EngineClient(EngineSettings settings);
  ~EngineClient();
  EngineClient(const EngineClient&) = delete;
  EngineClient& operator=(const EngineClient&) = delete;

  // Starts the process and loads the model, or returns what it said when it did.
  base::Result<EngineInfo> load(std::stop_token stop);
  base::Result<EnginePlan> plan(std::int64_t n_context, std::stop_token stop);

  base::Result<base::SequenceId> openSequence(std::stop_token stop);
  // Makes the sequence hold exactly `tokens`. Blocks are stored while it goes on. With a
  // `session_key` the end is kept for that session: it can be resumed after a restart.
  base::Result<SyncReply> sync(base::SequenceId sequence, std::span<const base::TokenId> tokens,
                               const std::string& session_key,
                               const std::function<void(const base::Progress&)>& on_progress,
                               std::stop_token stop);
  base::Result<engine::Generated> decode(
      base::SequenceId sequence, const DecodeRequest& request,
      const std::function<void(const base::AnswerDelta&)>& on_delta, std::stop_token stop);
  // Keeps the sequence's present end for the session (the end of a turn).
  base::Status save(base::SequenceId sequence, const std::string& session_key,
                    std::stop_token stop);
  base::Result<base::SequenceId> fork(base::SequenceId sequence, std::stop_token stop);
  base::Status rewind(base::SequenceId sequence, std::int64_t n_tokens, std::stop_token stop);
  void close(base::SequenceId sequence);

  // Takes away what snapshots.db keeps for a session; with `forget` the blocks no other session
  // holds are removed now, without it they stay as cache, as far as the budget goes. An empty key
  // names no session: only the budget is kept.
  base::Status release(const std::string& session_key, bool forget, std::stop_token stop);
  // Adds what is stored of the context to the bundle `file`, or takes what belongs to the context
  // from it and keeps it for the session (app/kv_bundle.h).
  base::Result<KvTransfer> packKv(std::span<const base::TokenId> tokens,
                                  const std::vector<std::int64_t>& ends,
                                  const std::filesystem::path& file, std::stop_token stop);
  base::Result<KvTransfer> unpackKv(std::span<const base::TokenId> tokens,
                                    const std::filesystem::path& file,
                                    const std::string& session_key, std::stop_token stop);
  base::Result<std::vector<EnginePin>> pins(std::stop_token stop);
  base::Result<EngineStats> stats(std::stop_token stop);

  // From now on, also for a process that runs.
  void setCacheBytesMax(std::int64_t n_bytes);

  // Ends the process if it runs; the next call starts a fresh one. Clears the count of deaths.
  void restart();
  bool running() const;
  pid_t pid() const;      // 0 when it does not run
  int nStarts() const;    // processes started so far

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace app
