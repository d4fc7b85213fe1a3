#include "app/service_parts.h"

#include <algorithm>

#include "app/progress_line.h"
#include "app/settings.h"
#include "app/stored_sessions.h"
#include "engine/base/log.h"

namespace app {

using base::ErrorCode;
using base::failure;
using base::Result;

namespace {

EngineSettings engineSettings(const ServiceOptions& options) {
  EngineSettings settings;
  settings.program = options.paths.engine_program;
  settings.model = options.paths.model;
  settings.data = options.paths.data;
  settings.log_file = options.paths.log / "lectern-engine.log";
  settings.backend = options.backend;
  settings.numerics = options.numerics;
  settings.n_threads = options.n_threads;
  settings.context_max = options.context_max;
  settings.memory_bytes = options.memory_bytes;
  settings.cache_bytes_max = snapshotBudget(options.paths.data);
  return settings;
}

}  // namespace

ServiceParts::ServiceParts(const ServiceOptions& service_options)
    : options(service_options), engine(engineSettings(service_options)) {}

Result<storage::Session> ServiceParts::sessionNamed(const std::string& name) {
  auto session = database->sessions().byName(name);
  if (!session && session.error().code == ErrorCode::kNotFound)
    return failure(
        ErrorCode::kNotFound, "there is no session \"" + name + "\"",
        "`lectern sessions` lists them; `lectern ingest PATH --session NAME` makes one.");
  return session;
}

Result<std::shared_ptr<const engine::Tokenizer>> ServiceParts::openTokenizer() {
  if (!tokenizer) {
    TRY_ASSIGN(tokenizer, engine::Tokenizer::open(options.paths.model));
  }
  return tokenizer;
}

Result<const Corpus*> ServiceParts::corpusOf(base::SessionId session) {
  if (corpus && corpus->session == session) return corpus.get();
  corpus.reset();
  TRY_ASSIGN(auto opened, openTokenizer());
  TRY_ASSIGN(auto text, loadSessionText(*database, session));
  TRY_ASSIGN(auto builder, corpusContext(std::move(opened), text));
  corpus = std::make_unique<Corpus>(Corpus{session, std::move(text), std::move(builder)});
  return corpus.get();
}

Result<base::SequenceId> ServiceParts::liveSequence(std::stop_token stop) {
  if (!sequence) {
    TRY_ASSIGN(sequence, engine.openSequence(stop));
  }
  return *sequence;
}

base::Status ServiceParts::keepWithinBudget(base::SessionId used, std::stop_token stop) {
  TRY(engine.release("", false, stop));
  TRY_ASSIGN(EngineStats stats, engine.stats(stop));
  const std::int64_t n_bytes_max = snapshotBudget(options.paths.data);
  if (stats.payload_bytes <= n_bytes_max) return {};
  TRY_ASSIGN(const auto pins, engine.pins(stop));
  TRY_ASSIGN(const auto sessions, database->sessions().list());
  for (auto session = sessions.rbegin(); session != sessions.rend(); ++session) {
    if (pinOf(pins, *session) == nullptr || session->pinned || session->id == used) continue;
    TRY(engine.release(session->key, false, stop));
    base::logInfo("app", "snapshot given up for the budget session=" + session->key);
    TRY_ASSIGN(stats, engine.stats(stop));
    if (stats.payload_bytes <= n_bytes_max) return {};
  }
  return {};
}

SnapshotDamage ServiceParts::newDamage(std::int64_t n_stored, std::int64_t n_reused) {
  const auto stats = engine.stats({});
  if (!stats) return {};  // what is stored now is another question's business
  if (told_of_start != engine.nStarts()) told_damage = {};
  told_of_start = engine.nStarts();
  SnapshotDamage damage{.n_dropped = stats->n_dropped - told_damage.n_dropped,
                        .file_replaced = stats->file_replaced && !told_damage.file_replaced};
  told_damage = {.n_dropped = stats->n_dropped, .file_replaced = stats->file_replaced};
  if (damage.any()) damage.n_read_again = std::max<std::int64_t>(0, n_stored - n_reused);
  return damage;
}

base::Status checkContextFits(std::int64_t n_tokens, std::int64_t n_context_max) {
  if (n_tokens <= n_context_max) return {};
  return failure(ErrorCode::kTooLarge,
                 "the context has " + countWords(n_tokens) + " tokens, the model takes " +
                     countWords(n_context_max),
                 "Leave out " + countWords(n_tokens - n_context_max) +
                     " tokens of sources, read folders as outlines (--outline PATTERN; `lectern "
                     "files --tokens` says what that saves), or choose a model with a longer "
                     "context.");
}

}  // namespace app
