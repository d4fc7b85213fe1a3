// service_parts.h: what the jobs of ReadingService share. Lives on the thread of the service.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>

#include "app/engine_client.h"
#include "app/reading_service.h"
#include "app/session_text.h"
#include "engine/context_builder.h"
#include "engine/tokenizer.h"
#include "storage/storage.h"

namespace app {

// The documents of the session used last, ready for the next question: a follow-up reads neither
// the database nor the tokenizer again.
struct Corpus {
  base::SessionId session;
  SessionText text;
  engine::ContextBuilder builder;
};

struct ServiceParts {
  explicit ServiceParts(const ServiceOptions& options);

  base::Result<storage::Session> sessionNamed(const std::string& name);  // kNotFound
  base::Result<std::shared_ptr<const engine::Tokenizer>> openTokenizer();
  // Of the session; kept until another session's is asked for or the documents change.
  base::Result<const Corpus*> corpusOf(base::SessionId session);
  // The one live sequence: every question and every reading moves it where it is needed.
  base::Result<base::SequenceId> liveSequence(std::stop_token stop);
  // Gives up blocks that no session holds, then snapshots of sessions that are not pinned, each
  // time the one used longest ago, until the budget is kept. The session just used stays.
  base::Status keepWithinBudget(base::SessionId used, std::stop_token stop);
  // What the engine gave up as damaged since this was asked last. `n_stored`: tokens of the context
  // that had been read before, `n_reused`: those that were still there.
  SnapshotDamage newDamage(std::int64_t n_stored, std::int64_t n_reused);

  ServiceOptions options;
  std::unique_ptr<storage::SessionDatabase> database;
  EngineClient engine;
  std::shared_ptr<const engine::Tokenizer> tokenizer;  // null until needed
  std::unique_ptr<Corpus> corpus;
  std::optional<base::SequenceId> sequence;
  // Already told, of the engine process that was the n-th to start.
  SnapshotDamage told_damage;
  int told_of_start = 0;
};

// kTooLarge with the numbers when `n_tokens` do not fit into the model's context.
base::Status checkContextFits(std::int64_t n_tokens, std::int64_t n_context_max);

}  // namespace app
