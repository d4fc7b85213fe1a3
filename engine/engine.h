// engine.h: the model, ready to run. Front door of the room.
//
// An Engine is immutable after opening; Sequences are what changes. Knows checkpoints, tokens and
// KV; does not know files of the user, databases or windows. One thread owns an Engine and all
// its sequences (the backend spreads work over threads of its own).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "engine/base/hash.h"
#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/block_store.h"
#include "engine/memory_plan.h"
#include "engine/model_config.h"
#include "engine/numerics.h"

namespace engine {

class Backend;
class Forward;
class ModelIdentity;
class RowCache;
class Sequence;
class Weights;
struct KvLayout;
struct StageTimes;
struct Taps;

enum class BackendKind { kReference, kCpu };

struct EngineOptions {
  BackendKind backend = BackendKind::kCpu;
  Numerics numerics = Numerics::kOfficial;
  int n_threads = 0;                // 0: one per core
  std::int64_t context_max = 0;     // 0: what the model and the memory allow
  std::int64_t memory_bytes = 0;    // this process may use; 0: what the machine has to spare
  StageTimes* stage_times = nullptr;  // measures every operation; must outlive the engine
  // Tokens that go through a layer before the next layer is touched; 0: chosen by the engine.
  std::int64_t super_chunk_tokens = 0;
  std::int64_t chunk_tokens = 0;    // of them at a time; 0: chosen by the engine
  // Memory for selectable rows of blocks that are in the store; 0: all of them, or as many as the
  // plan has room for.
  std::int64_t row_cache_bytes = 0;
  // Instead of what the plan would choose, whether it fits or not: for tests and measurements.
  std::optional<WeightPlacement> placement = std::nullopt;
};

class Engine {
 public:
  // `model`: folder of a safetensors checkpoint, or a GGUF file. `store` may be null (nothing
  // outlives the process) and must outlive the engine. Typed errors name the file or tensor that
  // is wrong; kOutOfMemory: the memory allowed does not do, with what would.
  static base::Result<std::unique_ptr<Engine>> open(const std::filesystem::path& model,
                                                    const EngineOptions& options,
                                                    BlockStore* store = nullptr);
  ~Engine();

  // What opening with these options and a store would plan, without reading or allocating the
  // weights.
  static base::Result<MemoryPlan> planFor(const std::filesystem::path& model,
                                          const EngineOptions& options, std::int64_t n_context);

  const ModelConfig& config() const;
  const Weights& weights() const;
  // Identity of weights, configuration, tokenizer, layout and numerics: part of every block key.
  const base::Hash128& fingerprint() const;
  const ModelIdentity& identity() const;  // the same in parts, to say what differs
  std::int64_t contextMax() const;
  MemoryPlan plan(std::int64_t n_context) const;
  // How prefill is cut; no result depends on it.
  std::int64_t superChunkTokens() const;
  std::int64_t chunkTokens() const;

  // An empty sequence. kOutOfMemory when not even one block fits.
  base::Result<std::unique_ptr<Sequence>> newSequence() const;

  // Logits of every position [tokens.size(), vocab]: prefill of the first `split` tokens, then one
  // by one. split = tokens.size(): prefill only. `taps` may be null.
  base::Result<std::vector<float>> allLogits(std::span<const base::TokenId> tokens,
                                             std::int64_t split, Taps* taps,
                                             std::stop_token stop) const;

  // For sequences.
  RowCache& rows() const;
  const Forward& forward() const;
  const KvLayout& layout() const;
  BlockStore* store() const;
  std::vector<float>& logitsScratch() const;

 private:
  struct Parts;
  static base::Result<std::unique_ptr<Parts>> openFiles(const std::filesystem::path& model,
                                                        const EngineOptions& options);
  explicit Engine(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace engine
