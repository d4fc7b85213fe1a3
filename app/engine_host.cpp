#include "app/engine_host.h"

#include <chrono>
#include <exception>
#include <new>
#include <thread>

#include <sys/resource.h>

#include "app/engine_protocol.h"
#include "app/json_fields.h"
#include "app/kv_bundle.h"
#include "engine/base/log.h"
#include "engine/generator.h"
#include "engine/model_identity.h"
#include "engine/quote_constraint.h"
#include "engine/weights.h"

namespace app {

using base::ErrorCode;
using base::failure;
using base::Result;
using base::Status;
using engine::Json;

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kBusyPatience = std::chrono::seconds(10);

double secondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

Result<engine::EngineOptions> engineOptions(const EngineSettings& settings) {
  engine::EngineOptions options;
  if (settings.backend == "reference")
    options.backend = engine::BackendKind::kReference;
  else if (settings.backend != "cpu")
    return failure(ErrorCode::kUnsupported, "there is no backend \"" + settings.backend + "\"",
                   "Choose cpu or reference.");
  const auto numerics = engine::numericsFromName(settings.numerics);
  if (!numerics)
    return failure(ErrorCode::kUnsupported,
                   "there is no numerics profile \"" + settings.numerics + "\"",
                   "Choose official or none.");
  options.numerics = *numerics;
  options.n_threads = settings.n_threads;
  options.context_max = settings.context_max;
  options.memory_bytes = settings.memory_bytes;
  return options;
}

// "lectern-mini" of ".../models/lectern-mini/".
std::string modelName(const std::filesystem::path& model) {
  const std::filesystem::path normal = model.lexically_normal();
  return (normal.has_filename() ? normal.filename() : normal.parent_path().filename()).string();
}

EnginePlan::Row row(const char* purpose, std::int64_t bytes) { return {purpose, bytes}; }

std::int64_t peakResidentBytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024;
}

// Everything in snapshots.db can be read again from the sources: a damaged file is set aside. Busy
// is mostly the engine of a lectern that was just killed, on its way out.
Result<std::unique_ptr<storage::BlockDatabase>> openBlocks(const std::filesystem::path& folder,
                                                           bool& replaced, std::stop_token stop) {
  storage::BlockDatabaseOptions options;
  const auto deadline = Clock::now() + kBusyPatience;
  while (true) {
    auto opened = storage::BlockDatabase::open(folder, options);
    if (!opened && opened.error().code == ErrorCode::kCorrupt && !options.replace_damaged_file) {
      options.replace_damaged_file = replaced = true;
      continue;
    }
    if (opened || opened.error().code != ErrorCode::kBusy || stop.stop_requested() ||
        Clock::now() > deadline)
      return opened;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

Json withRequest(std::int64_t request, Json params) {
  params["request"] = request;
  return params;
}

}  // namespace

EngineHost::EngineHost(Notify notify) : notify_(std::move(notify)) {}
EngineHost::~EngineHost() = default;

// The top of this process's working thread: what a library throws ends here.
EngineHost::Reply EngineHost::call(std::int64_t request, const std::string& method,
                                   const Json& params, std::stop_token stop) {
  try {
    Reply reply = dispatch(request, method, params, stop);
    // Weights that changed under the model cannot be used again by this process.
    if (!reply && reply.error().code == ErrorCode::kCorrupt && engine_ != nullptr)
      finished_ = !engine_->weights().checkFiles();
    return reply;
  } catch (const std::bad_alloc&) {
    return outOfMemory(method);
  } catch (const std::exception& error) {
    return failure(ErrorCode::kInternal, "lectern-engine failed in " + method + ": " + error.what(),
                   "Please report this with the log file.");
  }
}

EngineHost::Reply EngineHost::outOfMemory(const std::string& method) const {
  std::string message = "lectern-engine ran out of memory in " + method;
  if (engine_ != nullptr) {
    const engine::MemoryPlan plan = engine_->plan(engine_->contextMax());
    message += ": a full context of " + std::to_string(plan.n_context) + " tokens takes " +
               std::to_string(plan.total_bytes) + " bytes, " +
               std::to_string(engine::availableMemory()) + " are free on this machine";
  }
  return failure(ErrorCode::kOutOfMemory, message,
                 "Close other programs, leave sources out or set a smaller --memory.");
}

EngineHost::Reply EngineHost::dispatch(std::int64_t request, const std::string& method,
                                       const Json& params, std::stop_token stop) {
  if (stop.stop_requested()) return failure(ErrorCode::kCancelled, "stopped before it began");
  if (method == "load") return load(params, stop);
  if (method == "release") return release(params, stop);
  if (method == "pins") return pins();
  if (method == "stats") return stats();
  if (engine_ == nullptr &&
      (method == "plan" || method == "open" || method == "pack" || method == "unpack"))
    return failure(ErrorCode::kInvalidInput, "no model is loaded");
  if (method == "plan") return plan(params);
  if (method == "pack") return pack(params, stop);
  if (method == "unpack") return unpack(params, stop);
  if (method == "open") return open();
  if (method == "sync") return sync(request, params, stop);
  if (method == "decode") return decode(request, params, stop);
  if (method == "save") return save(params, stop);
  if (method == "fork") return fork(params);
  if (method == "rewind") return rewind(params);
  if (method == "close") return close(params);
  return failure(ErrorCode::kUnsupported, "lectern-engine has no method \"" + method + "\"");
}

// Blocks are opened before the model: what a session kept can be given up without its model.
EngineHost::Reply EngineHost::load(const Json& params, std::stop_token stop) {
  const auto begin = Clock::now();
  EngineSettings settings;
  TRY(fromJson(params, settings));
  sequences_.clear();
  engine_.reset();
  quote_index_.reset();
  TRY(openStore(settings, stop));
  TRY_ASSIGN(const engine::EngineOptions options, engineOptions(settings));
  TRY_ASSIGN(auto opened, engine::Engine::open(settings.model, options, behind_.get()));
  TRY_ASSIGN(tokenizer_, engine::Tokenizer::open(settings.model));
  const engine::ModelConfig& config = opened->config();
  if (tokenizer_->vocabSize() > config.vocab)
    return failure(ErrorCode::kMismatch,
                   "the tokenizer has " + std::to_string(tokenizer_->vocabSize()) +
                       " tokens, the model " + std::to_string(config.vocab),
                   "The model holds parts of two models: fetch it again.");
  engine_ = std::move(opened);
  settings_ = settings;
  const auto n_threads = static_cast<int>(std::thread::hardware_concurrency());
  const EngineInfo info{.model_name = modelName(settings.model),
                        .fingerprint = engine_->fingerprint(),
                        .identity = engine_->identity().text(),
                        .vocab_size = config.vocab,
                        .n_layers = config.n_layers,
                        .context_max = engine_->contextMax(),
                        .weight_bytes = engine_->weights().fileBytes(),
                        .backend = settings.backend,
                        .n_threads = settings.n_threads > 0 ? settings.n_threads : n_threads,
                        .load_s = secondsSince(begin)};
  base::logInfo("app", "model loaded layers=" + std::to_string(info.n_layers) +
                           " weight_bytes=" + std::to_string(info.weight_bytes) +
                           " s=" + std::to_string(info.load_s));
  return toJson(info);
}

Status EngineHost::openStore(const EngineSettings& settings, std::stop_token stop) {
  if (blocks_ != nullptr && settings.data == settings_.data) return {};
  behind_.reset();
  store_.reset();
  blocks_.reset();
  settings_.data = settings.data;
  if (settings.data.empty()) return {};
  file_replaced_ = false;
  TRY_ASSIGN(blocks_, openBlocks(settings.data, file_replaced_, stop));
  store_ = std::make_unique<BlockStoreAdapter>(*blocks_);
  behind_ = std::make_unique<WriteBehindStore>(*store_);
  return {};
}

storage::BlockDatabase* EngineHost::idleBlocks() {
  if (behind_ != nullptr) behind_->wait();
  return blocks_.get();
}

EngineHost::Reply EngineHost::plan(const Json& params) {
  EnginePlan plan;
  JsonFields fields(params);
  fields.need("context", plan.n_context);
  TRY(fields.status());
  if (plan.n_context < 0 || plan.n_context > engine_->contextMax())
    return failure(ErrorCode::kTooLarge,
                   "the model takes up to " + std::to_string(engine_->contextMax()) + " tokens");
  const engine::MemoryPlan memory = engine_->plan(plan.n_context);
  plan.rows = {row("program", memory.program_bytes),
               row("weights", memory.weights_bytes),
               row("streaming", memory.stream_bytes),
               row("context", memory.kv_bytes),
               row("rows", memory.row_cache_bytes),
               row("window", memory.state_bytes),
               row("checkpoints", memory.checkpoint_bytes),
               row("scratch", memory.scratch_bytes)};
  plan.total_bytes = memory.total_bytes;
  plan.available_bytes = memory.available_bytes;
  plan.snapshot_bytes = memory.kv_bytes + memory.selectable_bytes + memory.state_bytes;
  plan.fits = memory.fits;
  return toJson(plan);
}

EngineHost::Reply EngineHost::open() {
  TRY_ASSIGN(auto sequence, engine_->newSequence());
  return Json{{"sequence", addSequence(std::move(sequence))}};
}

std::int64_t EngineHost::addSequence(std::unique_ptr<engine::Sequence> sequence) {
  const std::int64_t id = next_sequence_++;
  sequences_.emplace(id, std::move(sequence));
  return id;
}

Result<engine::Sequence*> EngineHost::sequenceOf(const Json& params) {
  std::int64_t id = 0;
  JsonFields fields(params);
  fields.need("sequence", id);
  TRY(fields.status());
  const auto found = sequences_.find(id);
  if (found == sequences_.end())
    return failure(ErrorCode::kNotFound, "there is no sequence " + std::to_string(id));
  return found->second.get();
}

EngineHost::Reply EngineHost::sync(std::int64_t request, const Json& params, std::stop_token stop) {
  TRY_ASSIGN(engine::Sequence * sequence, sequenceOf(params));
  std::vector<base::TokenId> tokens;
  std::string session_key;
  JsonFields fields(params);
  fields.need("tokens", tokens);
  fields.maybe("session", session_key);
  TRY(fields.status());
  const auto report = sequence->sync(
      tokens,
      [&](const base::Progress& progress) {
        notify_(notificationJson("progress", withRequest(request, toJson(progress))));
      },
      stop);
  if (!report) {
    // A pause keeps what was read, also the part of a block: the next run goes on from there.
    if (report.error().code == ErrorCode::kCancelled && sequence->size() > 0)
      (void)keepEnd(*sequence, session_key, engine::Keep::kNewest, {});
    return tl::make_unexpected(report.error());
  }
  if (!session_key.empty()) TRY(keepEnd(*sequence, session_key, engine::Keep::kDocumentEnd, stop));
  base::logInfo("app", "prefill done n_tokens=" + std::to_string(report->n_prefilled) +
                           " reused=" + std::to_string(report->n_reused) +
                           " s=" + std::to_string(report->prefill_s));
  return toJson(SyncReply{.n_context = report->n_context,
                          .n_reused = report->n_reused,
                          .n_prefilled = report->n_prefilled,
                          .prefill_s = report->prefill_s});
}

Result<std::shared_ptr<const engine::QuoteIndex>> EngineHost::quoteIndex(
    const engine::Sequence& sequence, const std::vector<base::TokenRange>& quotable) {
  std::int64_t end = 0;
  base::Hasher hasher;
  for (const base::TokenRange& range : quotable) {
    if (range.begin < end || range.end < range.begin || range.end > sequence.size())
      return failure(ErrorCode::kInvalidInput, "quotable ranges are not sorted or not held");
    end = range.end;
    hasher.add(range.begin).add(range.end);
  }
  const std::vector<base::TokenId> tokens = sequence.firstTokens(end);
  const base::Hash128 key = hasher.add(std::as_bytes(std::span(tokens))).digest();
  if (quote_index_ == nullptr || key != quote_key_) {
    quote_index_ = std::make_shared<const engine::QuoteIndex>(*tokenizer_, tokens, quotable);
    quote_key_ = key;
  }
  return quote_index_;
}

EngineHost::Reply EngineHost::decode(std::int64_t request, const Json& params,
                                     std::stop_token stop) {
  TRY_ASSIGN(engine::Sequence * sequence, sequenceOf(params));
  DecodeRequest decode;
  TRY(fromJson(params, decode));
  if (sequence->size() == 0)
    return failure(ErrorCode::kInvalidInput, "an empty sequence has nothing to answer to");
  TRY_ASSIGN(auto index, quoteIndex(*sequence, decode.quotable));
  engine::QuoteOptions options;
  options.thinking =
      decode.thinking ? engine::ThinkingMode::kThinking : engine::ThinkingMode::kChat;
  engine::QuoteConstraint constraint(*tokenizer_, std::move(index), options);
  TRY_ASSIGN(const engine::Generated generated,
             engine::generate(
                 *sequence, constraint, decode.generate,
                 [&](const base::AnswerDelta& delta) {
                   notify_(notificationJson("delta", withRequest(request, toJson(delta))));
                 },
                 stop));
  base::logInfo("app", "answer done n_tokens=" + std::to_string(generated.ids.size()) +
                           " tok_s=" + std::to_string(generated.decodeTokensPerS()) +
                           " quotes=" + std::to_string(generated.quotes.size()));
  return toJson(generated);
}

Status EngineHost::keepEnd(engine::Sequence& sequence, const std::string& session_key,
                           engine::Keep keep, std::stop_token stop) {
  if (blocks_ == nullptr || session_key.empty()) return {};
  TRY_ASSIGN(const base::Hash128 key, sequence.saveBoundary(keep, stop));
  TRY(idleBlocks()->pin(session_key, key));
  return idleBlocks()->evictTo(settings_.cache_bytes_max, stop);
}

EngineHost::Reply EngineHost::save(const Json& params, std::stop_token stop) {
  TRY_ASSIGN(engine::Sequence * sequence, sequenceOf(params));
  std::string session_key;
  JsonFields fields(params);
  fields.need("session", session_key);
  TRY(fields.status());
  TRY(keepEnd(*sequence, session_key, engine::Keep::kTurnEnd, stop));
  return Json::object();
}

EngineHost::Reply EngineHost::fork(const Json& params) {
  TRY_ASSIGN(const engine::Sequence* sequence, sequenceOf(params));
  return Json{{"sequence", addSequence(sequence->fork())}};
}

EngineHost::Reply EngineHost::rewind(const Json& params) {
  TRY_ASSIGN(engine::Sequence * sequence, sequenceOf(params));
  std::int64_t n_tokens = 0;
  JsonFields fields(params);
  fields.need("n_tokens", n_tokens);
  TRY(fields.status());
  TRY(sequence->rewind(n_tokens, {}));
  return Json::object();
}

EngineHost::Reply EngineHost::close(const Json& params) {
  TRY(sequenceOf(params));
  std::int64_t id = 0;
  JsonFields(params).need("sequence", id);
  sequences_.erase(id);
  return Json::object();
}

EngineHost::Reply EngineHost::release(const Json& params, std::stop_token stop) {
  std::string session_key;
  bool forget = false;
  JsonFields fields(params);
  fields.need("session", session_key);
  fields.maybe("forget", forget);
  fields.maybe("cache_bytes_max", settings_.cache_bytes_max);
  TRY(fields.status());
  if (blocks_ == nullptr) return Json::object();
  if (!session_key.empty())
    TRY(idleBlocks()->unpin(session_key,
                            forget ? storage::Unpinned::kForgotten : storage::Unpinned::kCached));
  if (!forget) TRY(idleBlocks()->evictTo(settings_.cache_bytes_max, stop));
  TRY(idleBlocks()->sweep(stop));
  return Json::object();
}

EngineHost::Reply EngineHost::pack(const Json& params, std::stop_token stop) {
  std::vector<base::TokenId> tokens;
  std::vector<std::int64_t> ends;
  std::string file;
  JsonFields fields(params);
  fields.need("tokens", tokens);
  fields.need("ends", ends);
  fields.need("file", file);
  TRY(fields.status());
  if (blocks_ == nullptr) return toJson(KvTransfer());
  TRY_ASSIGN(auto bundle, storage::BundleFile::write(file));
  TRY_ASSIGN(const KvTransfer packed, packKv(*idleBlocks(), *engine_, tokens, ends, bundle, stop));
  return toJson(packed);
}

EngineHost::Reply EngineHost::unpack(const Json& params, std::stop_token stop) {
  std::vector<base::TokenId> tokens;
  std::string file, session_key;
  JsonFields fields(params);
  fields.need("tokens", tokens);
  fields.need("file", file);
  fields.need("session", session_key);
  TRY(fields.status());
  if (blocks_ == nullptr) return toJson(KvTransfer());
  TRY_ASSIGN(auto bundle, storage::BundleFile::read(file));
  TRY_ASSIGN(const KvTransfer unpacked,
             unpackKv(*idleBlocks(), *engine_, tokens, bundle, session_key, stop));
  return toJson(unpacked);
}

EngineHost::Reply EngineHost::pins() {
  Json list = Json::array();
  if (blocks_ != nullptr) {
    TRY_ASSIGN(const auto pins, idleBlocks()->pins());
    for (const storage::Pin& pin : pins) list.push_back(toJson(enginePin(pin)));
  }
  return Json{{"pins", std::move(list)}};
}

EngineHost::Reply EngineHost::stats() {
  EngineStats stats;
  if (blocks_ != nullptr) {
    TRY_ASSIGN(const storage::BlockStats blocks, idleBlocks()->stats());
    stats = engineStats(blocks);
  }
  stats.file_replaced = file_replaced_;
  stats.peak_rss_bytes = peakResidentBytes();
  return toJson(stats);
}

}  // namespace app
