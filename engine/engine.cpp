#include "engine/engine.h"

#include <malloc.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "engine/backend.h"
#include "engine/forward.h"
#include "engine/gguf.h"
#include "engine/gguf_config.h"
#include "engine/json.h"
#include "engine/kv_layout.h"
#include "engine/model_identity.h"
#include "engine/row_cache.h"
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
  std::shared_ptr<RowCache> rows;
  std::unique_ptr<Forward> forward;
  base::Hash128 fingerprint;
  ModelIdentity identity;
  BlockStore* store = nullptr;
  PlanBasis basis;
  WeightPlacement placement;
  std::int64_t context_max = 0;
  std::vector<float> logits_scratch;
};

namespace {

// Of a folder; empty for a GGUF file, whose vocabulary is part of its manifest.
std::string tokenizerText(const std::filesystem::path& model) {
  std::ifstream file(model / "tokenizer.json", std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

void addTokenizer(const std::string& text, ModelIdentity::Sources& sources) {
  auto json = parseJson(text);
  if (!json || !json->is_object()) return;  // whoever needs the tokenizer says what is wrong
  sources.control_tokens = base::hashText((*json)["added_tokens"].dump()).hex();
  json->erase("added_tokens");
  sources.vocabulary = base::hashText(json->dump()).hex();
}

// The longest context up to `n_wanted` that some placement of the weights has room for; with
// `exactly` nothing shorter will do.
Result<MemoryPlan> choosePlan(const ModelConfig& config, const PlanBasis& basis,
                              std::int64_t n_wanted, bool exactly) {
  MemoryPlan plan = planMemory(config, basis, n_wanted);
  if (!plan.fits && !exactly && plan.n_context_fits >= kBlockTokens)
    plan = planMemory(config, basis, plan.n_context_fits);
  if (plan.fits) return plan;
  return base::failure(ErrorCode::kOutOfMemory,
                       "the model needs " + std::to_string(plan.total_bytes) + " bytes for " +
                           std::to_string(plan.n_context) + " tokens of context, " +
                           std::to_string(basis.memory_bytes) + " are allowed",
                       plan.advice);
}

}  // namespace

Engine::Engine(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Engine::~Engine() = default;

Result<std::unique_ptr<Engine::Parts>> Engine::openFiles(const std::filesystem::path& model,
                                                         const EngineOptions& options) {
  std::error_code error;
  const bool is_folder = std::filesystem::is_directory(model, error);
  if (!is_folder && !std::filesystem::exists(model, error))
    return base::failure(ErrorCode::kNotFound, "there is no model at " + model.string(),
                         "Choose the folder of a DeepSeek-V4 checkpoint, or a GGUF file, with "
                         "--model.");
  // Blocks and buffers get pages of their own and give them back: in the heap, between short-lived
  // neighbours, those of a million tokens came to 16 % more than they hold.
  ::mallopt(M_MMAP_THRESHOLD, 64 << 10);
  auto parts = std::make_unique<Parts>();
  parts->options = options;
  const ProcessMemory before = processMemory();
  if (is_folder) {
    TRY_ASSIGN(parts->config, ModelConfig::read(model / "config.json"));
    TRY_ASSIGN(parts->weights, Weights::open(model, parts->config));
  } else {
    TRY_ASSIGN(GgufFile file, GgufFile::open(model));
    TRY_ASSIGN(parts->config, readGgufConfig(file));
    TRY_ASSIGN(parts->weights, Weights::open(std::move(file), parts->config));
  }
  ::malloc_trim(0);  // headers of large checkpoints are long texts
  PlanBasis& basis = parts->basis;
  basis.numerics = options.numerics;
  basis.n_threads = backendThreads(options.n_threads);
  basis.n_chunk = options.chunk_tokens > 0 ? options.chunk_tokens : kChunkTokens;
  basis.n_super = options.super_chunk_tokens;
  basis.weights = parts->weights->measure(parts->config.top_k);
  basis.program_bytes = before.resident;
  basis.copied_bytes = std::max<std::int64_t>(0, processMemory().anonymous - before.anonymous);
  basis.memory_bytes = options.memory_bytes > 0 ? options.memory_bytes : defaultMemory();
  return parts;
}

Result<MemoryPlan> Engine::planFor(const std::filesystem::path& model,
                                   const EngineOptions& options, std::int64_t n_context) {
  TRY_ASSIGN(const std::unique_ptr<Parts> parts, openFiles(model, options));
  if (n_context > parts->config.context_max)
    return base::failure(ErrorCode::kTooLarge,
                         "the model takes " + std::to_string(parts->config.context_max) +
                             " tokens, not " + std::to_string(n_context),
                         "Ask for a shorter context.");
  parts->basis.pages_rows = true;
  return planMemory(parts->config, parts->basis, n_context);
}

Result<std::unique_ptr<Engine>> Engine::open(const std::filesystem::path& model,
                                             const EngineOptions& options, BlockStore* store) {
  TRY_ASSIGN(std::unique_ptr<Parts> parts, openFiles(model, options));
  parts->store = store;
  const std::int64_t n_model = parts->config.context_max;
  const bool exactly = options.context_max > 0;
  parts->context_max = exactly ? std::min(options.context_max, n_model) : n_model;
  parts->basis.pages_rows = store != nullptr;
  parts->basis.row_cache_bytes_max = options.row_cache_bytes;
  if (options.placement) {
    parts->placement = *options.placement;
  } else {
    TRY_ASSIGN(const MemoryPlan plan,
               choosePlan(parts->config, parts->basis, parts->context_max, exactly));
    parts->context_max = plan.n_context;
    parts->placement = {plan.residency, plan.n_slots};
    parts->basis.n_super = plan.n_super;
    if (plan.row_cache_bytes < plan.selectable_bytes)
      parts->basis.row_cache_bytes_max = plan.row_cache_bytes;
  }
  TRY(parts->weights->place(parts->placement));
  parts->backend = options.backend == BackendKind::kReference ? makeReferenceBackend()
                                                              : makeCpuBackend(options.n_threads);
  if (options.stage_times != nullptr)
    parts->backend = makeTimedBackend(std::move(parts->backend), *options.stage_times);
  parts->layout = std::make_unique<KvLayout>(parts->config, options.numerics);
  parts->rows = std::make_shared<RowCache>(*parts->layout, parts->config.index_topk, store,
                                           parts->basis.row_cache_bytes_max);
  parts->forward = std::make_unique<Forward>(parts->config, *parts->weights, *parts->layout,
                                             options.numerics, *parts->backend, *parts->rows);
  // The backend is part of the identity: another summation order gives other last bits.
  const std::string tokenizer = tokenizerText(model);
  ModelIdentity::Sources sources{
      .weights = parts->weights->manifest(),
      .vocabulary = "",
      .control_tokens = "",
      .layout_version = kKvLayoutVersion,
      .numerics = options.numerics,
      .backend = options.backend == BackendKind::kReference ? "reference" : "cpu"};
  addTokenizer(tokenizer, sources);
  parts->identity = ModelIdentity(parts->config, sources);
  parts->fingerprint = base::Hasher()
                           .add(sources.weights)
                           .add(parts->config.canonical())
                           .add(base::hashText(tokenizer))
                           .add(std::int64_t{sources.layout_version})
                           .add(numericsName(sources.numerics))
                           .add(sources.backend)
                           .digest();
  return std::unique_ptr<Engine>(new Engine(std::move(parts)));
}

const ModelConfig& Engine::config() const { return parts_->config; }
const Weights& Engine::weights() const { return *parts_->weights; }
const base::Hash128& Engine::fingerprint() const { return parts_->fingerprint; }
const ModelIdentity& Engine::identity() const { return parts_->identity; }
const Forward& Engine::forward() const { return *parts_->forward; }
RowCache& Engine::rows() const { return *parts_->rows; }
const KvLayout& Engine::layout() const { return *parts_->layout; }
BlockStore* Engine::store() const { return parts_->store; }

std::int64_t Engine::contextMax() const { return parts_->context_max; }

std::vector<float>& Engine::logitsScratch() const { return parts_->logits_scratch; }

std::int64_t Engine::superChunkTokens() const {
  return parts_->basis.n_super > 0 ? parts_->basis.n_super : kBlockTokens;
}

std::int64_t Engine::chunkTokens() const {
  const std::int64_t wanted = parts_->options.chunk_tokens;
  return wanted > 0 ? wanted : kChunkTokens;
}

MemoryPlan Engine::plan(std::int64_t n_context) const {
  return planPlaced(parts_->config, parts_->basis, parts_->placement, n_context);
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
