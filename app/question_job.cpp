#include "app/question_job.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <optional>

#include "app/engine_restart.h"
#include "app/session_turns.h"
#include "app/speed_record.h"
#include "engine/base/log.h"
#include "engine/citation.h"

namespace app {

using base::ErrorCode;
using base::failure;
using base::Result;
using base::Status;

namespace {

using Clock = std::chrono::steady_clock;
// A crash costs at most this much of an answer's text.
constexpr auto kSaveInterval = std::chrono::milliseconds(300);

class QuestionRun {
 public:
  QuestionRun(ServiceParts& parts, const AskRequest& request, const AskEvents& events,
              std::stop_token stop)
      : parts_(parts), request_(request), events_(events), stop_(stop) {}

  Result<Answer> run() {
    TRY_ASSIGN(session_, parts_.sessionNamed(request_.session));
    TRY(buildContext());
    TRY(beginMessage());
    const Status answered = withRestarts([&] { return answer(); }, events_.on_restart);
    if (!answered) return abandoned(answered.error());
    return std::move(answer_);
  }

 private:
  Status buildContext() {
    TRY_ASSIGN(corpus_, parts_.corpusOf(session_.id));
    if (corpus_->text.documents.empty())
      return failure(ErrorCode::kInvalidInput,
                     "session \"" + session_.name + "\" has no documents",
                     "Read some first: lectern ingest PATH --session " + session_.name);
    if (request_.question.find_first_not_of(" \t\r\n") == std::string::npos)
      return failure(ErrorCode::kInvalidInput, "the question is empty", "Type a question.");
    cited_ = corpus_->text.cited();
    engine::ContextBuilder builder = corpus_->builder;
    TRY_ASSIGN(auto messages, parts_.database->messages().messagesOf(session_.branch));
    TRY(chooseTurn(messages));
    TRY(addTurns(builder, messages));
    builder.addQuestion(request_.question);
    context_ = builder.context();
    TRY_ASSIGN(info_, withRestarts([&] { return parts_.engine.load(stop_); }, events_.on_restart));
    if (request_.other_model == OtherModel::kRefuse)
      TRY(requireSameModel(session_, info_,
                           "lectern ask --session " + session_.name + " --read-again QUESTION"));
    return checkContextFits(static_cast<std::int64_t>(context_.tokens.size()) + 1,
                            info_.context_max);
  }

  // Leaves only the messages the question is asked behind.
  Status chooseTurn(std::vector<storage::Message>& messages) {
    if (!request_.after_turn) return {};
    const auto turns = turnsOf(messages);
    const int after = *request_.after_turn;
    TRY_ASSIGN(fork_point_,
               endOfTurn(turns, after < 0 ? static_cast<int>(turns.size()) + after : after));
    const auto end = std::find_if(messages.begin(), messages.end(),
                                  [&](const auto& m) { return m.id == *fork_point_; });
    messages.erase(fork_point_->value == 0 ? messages.begin() : std::next(end), messages.end());
    return {};
  }

  // From here on the question survives whatever happens; before, there is neither a branch for it
  // nor half a turn.
  Status beginMessage() {
    return parts_.database->asOneStep([&]() -> Status {
      storage::MessageStore& store = parts_.database->messages();
      storage::SessionStore& sessions = parts_.database->sessions();
      if (session_.model_fingerprint != info_.fingerprint)
        TRY(sessions.setModel(session_.id, info_.model_name, info_.fingerprint, info_.identity));
      base::BranchId branch = session_.branch;
      if (fork_point_) {
        TRY_ASSIGN(branch, store.fork(session_.branch, *fork_point_, ""));
        TRY(sessions.setActiveBranch(session_.id, branch));
      }
      TRY(store.append(branch, {.role = storage::MessageRole::kUser,
                                .text = request_.question,
                                .tokens = {},
                                .status = storage::MessageStatus::kComplete}));
      TRY_ASSIGN(answer_.message,
                 store.append(branch, {.role = storage::MessageRole::kAssistant,
                                       .text = "",
                                       .tokens = {},
                                       .status = storage::MessageStatus::kStreaming}));
      return {};
    });
  }

  Status answer() {
    const auto begin = Clock::now();
    const bool fresh = !parts_.sequence;
    answer_.text.clear();
    answer_.reasoning.clear();
    TRY_ASSIGN(const base::SequenceId sequence, parts_.liveSequence(stop_));
    TRY_ASSIGN(const SyncReply synced,
               parts_.engine.sync(sequence, context_.tokens, "", events_.on_progress, stop_));
    const double prefill_s = std::chrono::duration<double>(Clock::now() - begin).count();
    if (fresh)
      SpeedRecord(parts_.options.paths.data)
          .addRestore(info_.fingerprint, synced.n_reused,
                      info_.load_s + prefill_s - synced.prefill_s);

    DecodeRequest decode{.generate = request_.generate, .quotable = context_.quotable};
    const auto room = info_.context_max - static_cast<std::int64_t>(context_.tokens.size());
    decode.generate.n_tokens_max = static_cast<int>(
        std::min<std::int64_t>(decode.generate.n_tokens_max, room));
    saved_ = Clock::now();
    TRY_ASSIGN(const engine::Generated generated,
               parts_.engine.decode(
                   sequence, decode, [&](const base::AnswerDelta& delta) { take(delta); }, stop_));
    finish(synced, prefill_s, generated);
    TRY(save(generated));
    keepTurn(sequence);
    answer_.damage =
        parts_.newDamage(std::min(session_.n_context_tokens, synced.n_context), synced.n_reused);
    return {};
  }

  void take(const base::AnswerDelta& delta) {
    (delta.thinking ? answer_.reasoning : answer_.text) += delta.text;
    if (events_.on_delta) events_.on_delta(delta);
    for (const base::QuoteMatch& match : delta.quotes)
      if (events_.on_citation) events_.on_citation(citationOf(match));
    if (Clock::now() - saved_ < kSaveInterval) return;
    saved_ = Clock::now();
    const Status status = parts_.database->messages().update(
        answer_.message, {.text = answer_.text, .thinking = answer_.reasoning, .tokens = {}});
    if (!status) base::logWarn("app", "streaming save failed code=" + codeName(status.error()));
  }

  base::Citation citationOf(const base::QuoteMatch& match) const {
    return engine::makeCitation(match, answer_.text, context_, *parts_.tokenizer, cited_);
  }

  void finish(const SyncReply& synced, double prefill_s, const engine::Generated& generated) {
    answer_.text = generated.text;
    answer_.reasoning = generated.reasoning;
    answer_.finish = generated.reason;
    for (const base::QuoteMatch& match : generated.quotes)
      answer_.citations.push_back(citationOf(match));
    answer_.usage = {.context_tokens = synced.n_context,
                     .reused_tokens = synced.n_reused,
                     .prefilled_tokens = synced.n_prefilled,
                     .decode_tokens = static_cast<std::int64_t>(generated.ids.size()),
                     .prefill_s = synced.prefill_s,
                     .first_token_s = prefill_s + generated.first_token_s,
                     .decode_tok_s = generated.decodeTokensPerS()};
  }

  Status save(const engine::Generated& generated) {
    TRY(parts_.database->messages().finish(
        answer_.message,
        {.text = answer_.text, .thinking = answer_.reasoning, .tokens = generated.ids},
        {.status = answer_.finish == base::FinishReason::kStopped
                       ? storage::MessageStatus::kStopped
                       : storage::MessageStatus::kComplete,
         .finish = answer_.finish,
         .usage = answer_.usage,
         .citations = answer_.citations}));
    return parts_.database->sessions().setContextTokens(
        session_.id, answer_.usage.context_tokens + answer_.usage.decode_tokens);
  }

  // The answer is saved as text by now; without its snapshot the next question reads it again.
  void keepTurn(base::SequenceId sequence) {
    const Status kept = parts_.engine.save(sequence, session_.key, {});
    if (!kept) return base::logWarn("app", "turn end not kept code=" + codeName(kept.error()));
    const Status within = parts_.keepWithinBudget(session_.id, {});
    if (!within) base::logWarn("app", "budget not kept code=" + codeName(within.error()));
  }

  // Keeps what was said so far, marked as stopped.
  tl::unexpected<base::Error> abandoned(base::Error error) {
    const Status status = parts_.database->messages().finish(
        answer_.message, {.text = answer_.text, .thinking = answer_.reasoning, .tokens = {}},
        {.status = storage::MessageStatus::kStopped,
         .finish = base::FinishReason::kStopped,
         .usage = {},
         .citations = {}});
    if (!status) base::logWarn("app", "stopped message not saved code=" + codeName(status.error()));
    return tl::unexpected<base::Error>(std::move(error));
  }

  static std::string codeName(const base::Error& error) {
    return std::string(base::errorCodeName(error.code));
  }

  ServiceParts& parts_;
  const AskRequest& request_;
  const AskEvents& events_;
  const std::stop_token stop_;

  storage::Session session_;
  std::optional<base::MessageId> fork_point_;  // where the new branch begins; 0: at the start
  EngineInfo info_;
  const Corpus* corpus_ = nullptr;
  std::vector<engine::CitedDocument> cited_;
  engine::Context context_;
  Answer answer_;
  Clock::time_point saved_;
};

}  // namespace

Result<Answer> runQuestion(ServiceParts& parts, const AskRequest& request, const AskEvents& events,
                           std::stop_token stop) {
  return QuestionRun(parts, request, events, stop).run();
}

}  // namespace app
