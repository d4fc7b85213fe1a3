#include "engine/engine.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "engine/backend.h"
#include "engine/forward.h"
#include "engine/gguf.h"
#include "engine/gguf_config.h"
#include "engine/kv_layout.h"
#include "engine/sequence.h"
#include "engine/weights.h"

namespace engine {

using base::ErrorCode;
using base::Result;

struct Engine::Parts {
  ModelConfig config;
  EngineOptions options;
  std::unique_ptr<Weights> weights;
  std::unique_ptr<Backend> backend;
  std::unique_ptr<KvLayout> layout;
  std::unique_ptr<Forward> forward;
  base::Hash128 fingerprint;
  BlockStore* store = nullptr;
  std::vector<float> logits_scratch;
};

namespace {

// Of a folder; a GGUF file's vocabulary is part of its manifest.
base::Hash128 tokenizerHash(const std::filesystem::path& model) {
  std::ifstream file(model / "tokenizer.json", std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return base::hashText(text.str());
}

}  // namespace

Engine::Engine(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::open(const std::filesystem::path& model,
                                             const EngineOptions& options, BlockStore* store) {
  std::error_code error;
  const bool is_folder = std::filesystem::is_directory(model, error);
  if (!is_folder && !std::filesystem::exists(model, error))
    return base::failure(ErrorCode::kNotFound, "there is no model at " + model.string(),
                         "Choose the folder of a DeepSeek-V4 checkpoint, or a GGUF file, with "
                         "--model.");
  auto parts = std::make_unique<Parts>();
  parts->options = options;
  parts->store = store;
  if (is_folder) {
    TRY_ASSIGN(parts->config, ModelConfig::read(model / "config.json"));
    TRY_ASSIGN(parts->weights, Weights::open(model, parts->config));
  } else {
    TRY_ASSIGN(GgufFile file, GgufFile::open(model));
    TRY_ASSIGN(parts->config, readGgufConfig(file));
    TRY_ASSIGN(parts->weights, Weights::open(std::move(file), parts->config));
  }
  parts->backend = options.backend == BackendKind::kReference ? makeReferenceBackend()
                                                              : makeCpuBackend(options.n_threads);
  if (options.stage_times != nullptr)
    parts->backend = makeTimedBackend(std::move(parts->backend), *options.stage_times);
  parts->layout = std::make_unique<KvLayout>(parts->config, options.numerics);
  parts->forward = std::make_unique<Forward>(parts->config, *parts->weights, *parts->layout,
                                             options.numerics, *parts->backend);
  // The backend is part of the identity: another summation order gives other last bits.
  parts->fingerprint = base::Hasher()
                           .add(parts->weights->manifest())
                           .add(parts->config.canonical())
                           .add(tokenizerHash(model))
                           .add(std::int64_t{kKvLayoutVersion})
                           .add(numericsName(options.numerics))
                           .add(options.backend == BackendKind::kReference ? "reference" : "cpu")
                           .digest();
  return std::unique_ptr<Engine>(new Engine(std::move(parts)));
}

const ModelConfig& Engine::config() const { return parts_->config; }
const Weights& Engine::weights() const { return *parts_->weights; }
const base::Hash128& Engine::fingerprint() const { return parts_->fingerprint; }
const Forward& Engine::forward() const { return *parts_->forward; }
const KvLayout& Engine::layout() const { return *parts_->layout; }
BlockStore* Engine::store() const { return parts_->store; }

std::int64_t Engine::contextMax() const {
  const std::int64_t wanted = parts_->options.context_max;
  return wanted > 0 ? std::min(wanted, parts_->config.context_max) : parts_->config.context_max;
}

std::vector<float>& Engine::logitsScratch() const { return parts_->logits_scratch; }

std::int64_t Engine::superChunkTokens() const {
  const std::int64_t wanted = parts_->options.super_chunk_tokens;
  return wanted > 0 ? wanted : kBlockTokens;
}

std::int64_t Engine::chunkTokens() const {
  const std::int64_t wanted = parts_->options.chunk_tokens;
  return wanted > 0 ? wanted : kChunkTokens;
}

MemoryPlan Engine::plan(std::int64_t n_context) const {
  return planMemory(parts_->config, parts_->options.numerics, parts_->weights->fileBytes(),
                    n_context, availableMemory());
}

Result<std::unique_ptr<Sequence>> Engine::newSequence() const {
  return std::make_unique<Sequence>(*this);
}

Result<std::vector<float>> Engine::allLogits(std::span<const base::TokenId> tokens,
                                             std::int64_t split, Taps* taps,
                                             std::stop_token stop) const {
  SequenceState state = emptyState(*parts_->layout);
  std::vector<float> all, chunk;
  const auto n = static_cast<std::int64_t>(tokens.size());
  for (std::int64_t done = 0; done < n;) {
    if (stop.stop_requested()) return base::failure(ErrorCode::kCancelled, "logits stopped");
    const std::int64_t count = done < split ? std::min(superChunkTokens(), split - done) : 1;
    RunOptions run;
    run.rows = LogitRows::kAll;
    run.n_together = chunkTokens();
    run.taps = taps;
    run.go_on = [&](double) { return !stop.stop_requested(); };
    TRY(parts_->forward->run(
        tokens.subspan(static_cast<std::size_t>(done), static_cast<std::size_t>(count)), state,
        run, chunk));
    all.insert(all.end(), chunk.begin(), chunk.end());
    done += count;
    while (state.open_ids.size() >= kBlockTokens) closeBlock({}, state);
  }
  return all;
}

}  // namespace engine
