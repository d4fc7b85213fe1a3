// sequence.h: one timeline of tokens with everything attention needs to go on.
//
// Shared immutable blocks of 2,048 tokens plus a private tail. The same tokens give the same
// logits bit for bit, whatever was prefilled, decoded, forked, rewound or loaded on the way.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "engine/base/answer.h"
#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/block_store.h"
#include "engine/generator.h"
#include "engine/sequence_state.h"

namespace engine {

class Engine;

struct SyncReport {
  std::int64_t n_context = 0, n_reused = 0, n_prefilled = 0;
  double prefill_s = 0;
  // Why blocks could not be stored (full disk); the tokens are evaluated all the same.
  std::optional<base::Error> not_stored;
};

class Sequence : public DecodeTarget {
 public:
  explicit Sequence(const Engine& engine);

  // Makes the sequence hold exactly `tokens`: keeps the longest prefix that it holds itself or
  // that the store holds, evaluates the rest. kCancelled leaves it at the last whole chunk;
  // kTooLarge before any work; kInvalidInput for ids outside the vocabulary.
  base::Result<SyncReport> sync(std::span<const base::TokenId> tokens,
                                const std::function<void(const base::Progress&)>& on_progress,
                                std::stop_token stop);
  // Appends one token.
  base::Status decode(base::TokenId token, std::stop_token stop) override;
  // [vocab] after the last token; empty while the sequence is empty.
  std::span<const float> logits() const override { return logits_; }

  std::span<const base::TokenId> tokens() const { return state_.tokens; }
  std::int64_t size() const { return static_cast<std::int64_t>(state_.tokens.size()); }

  // An independent sequence at the same position; blocks are shared, the tail is copied.
  std::unique_ptr<Sequence> fork() const;
  // Forgets everything from position n_tokens on.
  base::Status rewind(std::int64_t n_tokens, std::stop_token stop);
  // Stores the state at the current position so that a later sequence resumes here. Returns its
  // key; kInvalidInput without a store.
  base::Result<base::Hash128> saveBoundary(Keep keep, std::stop_token stop);

 private:
  Sequence(const Sequence&) = default;

  struct Checkpoint {
    std::shared_ptr<const std::vector<std::byte>> state;
  };

  base::Status evaluate(std::span<const base::TokenId> tokens, std::stop_token stop);
  base::Status finishBlock();
  base::Status reachPrefix(std::span<const base::TokenId> tokens, std::int64_t n_wanted);
  bool restoreCheckpoint(std::int64_t position);
  bool loadFromStore(std::span<const base::TokenId> tokens, std::int64_t better_than);
  void remember();
  base::Hash128 boundaryKey() const;

  const Engine* engine_;
  SequenceState state_;
  std::vector<float> logits_;
  std::map<std::int64_t, Checkpoint> checkpoints_;  // by position; for rewinding without replay
  std::optional<base::Error> not_stored_;
};

}  // namespace engine
