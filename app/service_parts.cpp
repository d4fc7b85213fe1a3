#include "app/service_parts.h"

#include "app/progress_line.h"

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

base::Status checkContextFits(std::int64_t n_tokens, std::int64_t n_context_max) {
  if (n_tokens <= n_context_max) return {};
  return failure(ErrorCode::kTooLarge,
                 "the context has " + countWords(n_tokens) + " tokens, the model takes " +
                     countWords(n_context_max),
                 "Leave out " + countWords(n_tokens - n_context_max) +
                     " tokens of sources, or choose a model with a longer context.");
}

}  // namespace app
