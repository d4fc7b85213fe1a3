// sequence.h: one timeline of tokens with everything attention needs to go on.
//
// Shared immutable blocks of 2,048 tokens plus a private tail. The same tokens give the same
// logits bit for bit, whatever was prefilled, decoded, forked, rewound or loaded on the way.
#pragma once

#include <cstdint>
#include <functional>
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

// Snapshots that a sequence keeps in memory for rewinding: about half a megabyte each for the
// bundled model.
inline constexpr std::size_t kMostCheckpoints = 16;

// Block ends at which the store keeps the state of a sequence that was read to `end` tokens, beside
// the end itself: every 32,768 tokens, and 1 and 4 blocks before the last block end, since what
// changes is mostly near the end. A reading that shares `n_common` tokens with it goes on from the
// last of them, or from further on.
std::int64_t resumablePosition(std::int64_t n_common, std::int64_t end);

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
  // that the store holds, evaluates the rest. kCancelled, kNumerics and kOutOfMemory leave it at
  // the end of the last whole super-chunk; kTooLarge before any work; kInvalidInput for ids
  // outside the vocabulary.
  base::Result<SyncReport> sync(std::span<const base::TokenId> tokens,
                                const std::function<void(const base::Progress&)>& on_progress,
                                std::stop_token stop);
  // Appends one token. After an error the sequence is what it was.
  base::Status decode(base::TokenId token, std::stop_token stop) override;
  // Appends tokens[i] to sequences[i], all of one engine and each named once, in one pass that
  // reads every weight once. Each ends up with the bits of decoding alone; one that fails has its
  // error in its row and changes nothing for the others.
  static std::vector<base::Status> decodeTogether(std::span<Sequence* const> sequences,
                                                  std::span<const base::TokenId> tokens,
                                                  std::stop_token stop);
  // [vocab] after the last token; empty while the sequence is empty.
  std::span<const float> logits() const override { return *logits_; }

  std::int64_t size() const { return state_.size(); }
  std::vector<base::TokenId> tokens() const { return firstTokens(size()); }
  // tokens [0, n)
  std::vector<base::TokenId> firstTokens(std::int64_t n) const;

  // An independent sequence at the same position, in microseconds whatever the length: both share
  // everything until one of them goes on.
  std::unique_ptr<Sequence> fork() const;
  // Forgets everything from position n_tokens on. Turn ends cost nothing to go back to while their
  // checkpoints last; other positions are evaluated from the checkpoint before them.
  base::Status rewind(std::int64_t n_tokens, std::stop_token stop);
  // Stores the state at the current position so that a later sequence resumes here. Returns its
  // key; kInvalidInput without a store.
  base::Result<base::Hash128> saveBoundary(Keep keep, std::stop_token stop);

  // Memory of the checkpoints, as if none of it were shared.
  std::int64_t checkpointBytes() const;

 private:
  Sequence(const Sequence&) = default;
  Sequence& operator=(const Sequence&) = default;

  enum class CheckpointKind { kBlockEnd, kTurnEnd };
  struct Checkpoint {
    CheckpointKind kind;
    std::shared_ptr<const Snapshot> at;
  };

  base::Status canAppend(base::TokenId token, std::stop_token stop) const;
  std::int64_t superChunkEnd(std::int64_t n_wanted) const;
  base::Status evaluate(std::span<const base::TokenId> tokens,
                        const std::function<bool(double)>& go_on);
  void finishBlocks(std::vector<Snapshot>& kept);
  void store(const std::shared_ptr<KvBlock>& shared, const base::Hash128& parent,
             std::int64_t position, const Snapshot* end);
  void giveUpStored();
  base::Status settle();
  base::Status reachPrefix(std::span<const base::TokenId> tokens, std::int64_t n_wanted);
  bool restoreCheckpoint(std::int64_t position);
  // Tokens before the first block whose rows are neither in memory nor in the store any more, if
  // that can be what the error is about.
  std::optional<std::int64_t> lostAt(const base::Error& error) const;
  base::Status readAgain(std::int64_t lost_at, std::stop_token stop);
  std::shared_ptr<KvBlock> storedBlock(const base::Hash128& key,
                                       std::span<const base::TokenId> ids) const;
  bool loadFromStore(std::span<const base::TokenId> tokens, std::int64_t n_own,
                     std::int64_t better_than);
  Snapshot snapshotHere() const;
  void remember(CheckpointKind kind, Snapshot snapshot);
  void clear();
  std::int64_t commonPrefix(std::span<const base::TokenId> tokens) const;
  base::Hash128 lastBlockKey() const;
  Keep keepAt(std::int64_t position) const;

  const Engine* engine_;
  SequenceState state_;
  CopyOnWrite<std::vector<float>> logits_;
  std::vector<Checkpoint> checkpoints_;  // by position; for rewinding without replay
  std::int64_t aim_ = 0;                 // end of the sync() under way
  std::optional<base::Error> not_stored_;
  std::vector<std::shared_ptr<KvBlock>> behind_;  // whole until the store has them
};

}  // namespace engine
