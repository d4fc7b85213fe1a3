#include "engine/sequence.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "engine/base/log.h"
#include "engine/block_key.h"
#include "engine/engine.h"
#include "engine/forward.h"
#include "engine/row_cache.h"
#include "engine/stored_block.h"

namespace engine {

using base::ErrorCode;
using base::failure;
using base::Hash128;
using base::Result;
using base::Status;
using base::TokenId;

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kIntervalTokens = 32768;
// Distances from the last block end, in blocks.
constexpr std::int64_t kTailBlocks[] = {1, 4};
// Damaged blocks that one call reads again before it gives up on the disk.
constexpr int kMostLost = 16;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// A range that narrows as the work proceeds; a whole first second is needed to say anything.
base::Progress progressOf(std::int64_t n_done, std::int64_t n_total, std::int64_t n_safe,
                          double elapsed) {
  base::Progress p;
  p.n_done = n_done;
  p.n_total = n_total;
  p.n_safe = n_safe;
  p.elapsed_s = elapsed;
  if (n_done == 0 || elapsed <= 0) return p;
  p.tokens_per_s = static_cast<double>(n_done) / elapsed;
  const double left = static_cast<double>(n_total - n_done) / p.tokens_per_s;
  const double share = static_cast<double>(n_done) / static_cast<double>(n_total);
  p.eta_low_s = left * (1.0 - 0.2 * (1.0 - share));
  p.eta_high_s = left * (1.0 + 0.5 * (1.0 - share));
  return p;
}

std::int64_t blockEndBefore(std::int64_t position) { return position - position % kBlockTokens; }

}  // namespace

std::int64_t resumablePosition(std::int64_t n_common, std::int64_t end) {
  if (n_common >= end) return end;
  std::int64_t best = n_common - n_common % kIntervalTokens;
  for (const std::int64_t n_blocks : kTailBlocks) {
    const std::int64_t at = blockEndBefore(end) - n_blocks * kBlockTokens;
    if (at <= n_common) best = std::max(best, at);
  }
  return best;
}

Sequence::Sequence(const Engine& engine) : engine_(&engine), state_(emptyState(engine.layout())) {}

Hash128 Sequence::lastBlockKey() const {
  return state_.blocks.empty() ? rootKey(engine_->fingerprint()) : state_.blocks.back()->key;
}

std::vector<TokenId> Sequence::firstTokens(std::int64_t n) const {
  std::vector<TokenId> ids;
  ids.reserve(static_cast<std::size_t>(n));
  const auto append = [&](const std::vector<TokenId>& more) {
    const auto n_missing = static_cast<std::size_t>(n) - ids.size();
    const auto end = more.begin() + static_cast<std::ptrdiff_t>(std::min(n_missing, more.size()));
    ids.insert(ids.end(), more.begin(), end);
  };
  for (const auto& block : state_.blocks) append(block->ids);
  append(state_.open_ids);
  return ids;
}

std::int64_t Sequence::commonPrefix(std::span<const TokenId> wanted) const {
  std::int64_t n = 0;
  const auto extend = [&](const std::vector<TokenId>& ids) {
    const auto rest = wanted.subspan(static_cast<std::size_t>(n));
    const auto n_same = std::mismatch(ids.begin(), ids.end(), rest.begin(), rest.end()).first -
                        ids.begin();
    n += n_same;
    return n_same == static_cast<std::ptrdiff_t>(ids.size());
  };
  for (const auto& block : state_.blocks)
    if (!extend(block->ids)) return n;
  extend(state_.open_ids);
  return n;
}

Result<SyncReport> Sequence::sync(std::span<const TokenId> wanted,
                                  const std::function<void(const base::Progress&)>& on_progress,
                                  std::stop_token stop) {
  const auto n = static_cast<std::int64_t>(wanted.size());
  if (n == 0) return failure(ErrorCode::kInvalidInput, "a context needs at least one token");
  if (n > engine_->contextMax())
    return failure(
        ErrorCode::kTooLarge,
        "the context has " + std::to_string(n) + " tokens, the model takes " +
            std::to_string(engine_->contextMax()),
        "Leave out " + std::to_string(n - engine_->contextMax()) + " tokens of the sources.");
  for (const TokenId id : wanted)
    if (id < 0 || id >= engine_->config().vocab)
      return failure(ErrorCode::kInvalidInput,
                     "token id " + std::to_string(id) + " is outside the vocabulary");

  not_stored_.reset();
  aim_ = n;
  (void)settle();  // an earlier call's failure
  TRY(reachPrefix(wanted, n));
  SyncReport report;
  report.n_context = n;
  report.n_reused = size();
  const auto start = Clock::now();
  int n_lost = 0;
  std::int64_t n_total = n - size();
  const auto n_safe = [&] {
    if (not_stored_ || engine_->store() == nullptr) return std::int64_t{0};
    const auto n_behind = std::count_if(behind_.begin(), behind_.end(), [&](const auto& block) {
      return engine_->store()->isBehind(block->key);
    });
    return std::max<std::int64_t>(0, state_.blocksEnd() - n_behind * kBlockTokens);
  };
  while (size() < n) {
    const std::int64_t begin = size(), end = superChunkEnd(n), n_before = n_total - (n - begin);
    // Every layer has its share of each token.
    const auto show = [&](double share) {
      const auto n_done =
          n_before + static_cast<std::int64_t>(share * static_cast<double>(end - begin));
      if (on_progress) on_progress(progressOf(n_done, n_total, n_safe(), secondsSince(start)));
      return !stop.stop_requested();
    };
    if (stop.stop_requested()) return failure(ErrorCode::kCancelled, "reading was stopped");
    const Status done = evaluate(wanted.subspan(static_cast<std::size_t>(begin),
                                                static_cast<std::size_t>(end - begin)),
                                 show);
    if (done) {
      show(1.0);
      continue;
    }
    const auto lost_at = lostAt(done.error());
    if (!lost_at || ++n_lost > kMostLost) return tl::make_unexpected(done.error());
    TRY(reachPrefix(wanted, *lost_at));
    report.n_reused = std::min(report.n_reused, size());
    n_total = std::max(n_total, n - size());
  }
  remember(CheckpointKind::kTurnEnd, snapshotHere());
  report.n_prefilled = n_total;
  report.prefill_s = secondsSince(start);
  report.not_stored = not_stored_;
  return report;
}

// Super-chunks of a block and more end at block ends, so that their snapshots are block ends too.
std::int64_t Sequence::superChunkEnd(std::int64_t n_wanted) const {
  const std::int64_t end = size() + engine_->superChunkTokens();
  const std::int64_t block_end = end - end % kBlockTokens;
  return std::min(block_end > size() ? block_end : end, n_wanted);
}

Status Sequence::canAppend(TokenId token, std::stop_token stop) const {
  if (stop.stop_requested()) return failure(ErrorCode::kCancelled, "decoding was stopped");
  if (size() >= engine_->contextMax())
    return failure(ErrorCode::kTooLarge,
                   "the context is full at " + std::to_string(size()) + " tokens",
                   "Start a new session or leave out sources.");
  if (token < 0 || token >= engine_->config().vocab)
    return failure(ErrorCode::kInvalidInput,
                   "token id " + std::to_string(token) + " is outside the vocabulary");
  return {};
}

Status Sequence::decode(TokenId token, std::stop_token stop) {
  TRY(canAppend(token, stop));
  Status done = evaluate(std::span(&token, 1), nullptr);
  for (int n_lost = 0; !done && n_lost < kMostLost; ++n_lost) {
    const auto lost_at = lostAt(done.error());
    if (!lost_at) break;
    TRY(readAgain(*lost_at, stop));
    done = evaluate(std::span(&token, 1), nullptr);
  }
  return done;
}

std::vector<Status> Sequence::decodeTogether(std::span<Sequence* const> sequences,
                                             std::span<const TokenId> tokens,
                                             std::stop_token stop) {
  std::vector<Status> done(sequences.size());
  std::vector<std::size_t> rows;  // those that can go on
  std::vector<TokenId> ids;
  std::vector<SequenceState*> states;
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    done[i] = sequences[i]->canAppend(tokens[i], stop);
    if (!done[i]) continue;
    rows.push_back(i);
    ids.push_back(tokens[i]);
    states.push_back(&sequences[i]->state_);
  }
  if (rows.empty()) return done;
  const Engine& engine = *sequences[rows[0]]->engine_;
  std::vector<float>& logits = engine.logitsScratch();
  const std::vector<Status> ran = engine.forward().runTogether(ids, states, logits);
  const auto vocab = static_cast<std::ptrdiff_t>(engine.config().vocab);
  // Asked of all before one of them stores again what they share.
  std::vector<bool> lost;
  for (std::size_t row = 0; row < rows.size(); ++row)
    lost.push_back(!ran[row] && sequences[rows[row]]->lostAt(ran[row].error()));
  for (std::size_t row = 0; row < rows.size(); ++row) {
    Sequence& sequence = *sequences[rows[row]];
    done[rows[row]] = lost[row] ? sequence.decode(ids[row], stop) : ran[row];
    if (!ran[row]) continue;
    const auto first = logits.begin() + static_cast<std::ptrdiff_t>(row) * vocab;
    sequence.logits_.overwrite().assign(first, first + vocab);
    std::vector<Snapshot> none;
    sequence.finishBlocks(none);
  }
  return done;
}

// One super-chunk.
Status Sequence::evaluate(std::span<const TokenId> ids, const std::function<bool(double)>& go_on) {
  const std::int64_t end = size() + static_cast<std::int64_t>(ids.size());
  const std::int64_t last_block_end = end - end % kBlockTokens;
  std::vector<std::int64_t> keep_at;
  for (std::int64_t at = size() - size() % kBlockTokens + kBlockTokens; at < end;
       at += kBlockTokens)
    if (keepAt(at) == Keep::kInterval || at == last_block_end) keep_at.push_back(at);
  std::vector<Snapshot> kept;
  RunOptions options;
  options.n_together = engine_->chunkTokens();
  options.keep_at = keep_at;
  options.kept = &kept;
  options.go_on = go_on;
  std::vector<float>& logits = engine_->logitsScratch();
  TRY(engine_->forward().run(ids, state_, options, logits));
  logits_.overwrite().assign(logits.begin(), logits.end());
  finishBlocks(kept);
  return {};
}

Keep Sequence::keepAt(std::int64_t position) const {
  return position > 0 && resumablePosition(position, std::max(aim_, position + 1)) == position
             ? Keep::kInterval
             : Keep::kNewest;
}

std::optional<std::int64_t> Sequence::lostAt(const base::Error& error) const {
  if (error.code != ErrorCode::kCorrupt && error.code != ErrorCode::kNotFound) return std::nullopt;
  for (std::size_t i = 0; i < state_.blocks.size(); ++i) {
    if (state_.blocks[i]->isWhole()) continue;
    const auto there = engine_->store()->hasBlock(state_.blocks[i]->key);
    if (there && !*there) return static_cast<std::int64_t>(i) * kBlockTokens;
  }
  return std::nullopt;
}

// All or nothing: a stop in between leaves the sequence as it was.
Status Sequence::readAgain(std::int64_t lost_at, std::stop_token stop) {
  base::logWarn("engine", "stored rows lost, read again from=" + std::to_string(lost_at));
  const std::vector<TokenId> ids = tokens();
  Sequence again(*this);
  TRY(again.reachPrefix(ids, lost_at));
  TRY(again.sync(ids, nullptr, stop));
  *this = again;
  return {};
}

// Full blocks leave the open end; those at whose end there is a snapshot can be resumed from.
void Sequence::finishBlocks(std::vector<Snapshot>& kept) {
  std::size_t next = 0;
  while (static_cast<std::int64_t>(state_.open_ids.size()) >= kBlockTokens) {
    const Hash128 parent = lastBlockKey();
    const std::span<const TokenId> ids(state_.open_ids.data(), kBlockTokens);
    closeBlock(blockKey(engine_->fingerprint(), parent, ids), state_);
    const std::int64_t position = state_.blocksEnd();
    std::optional<Snapshot> end;
    if (next < kept.size() && kept[next].position == position) end = std::move(kept[next++]);
    else if (position == size()) end = snapshotHere();
    store(state_.blocks.back(), parent, position, end ? &*end : nullptr);
    if (end) remember(CheckpointKind::kBlockEnd, *std::move(end));
  }
}

void Sequence::store(const std::shared_ptr<KvBlock>& shared, const Hash128& parent,
                     std::int64_t position, const Snapshot* end) {
  const KvBlock& block = *shared;
  if (engine_->store() == nullptr || not_stored_) return;
  BoundaryWrite boundary;
  std::vector<std::byte> state;
  if (end != nullptr) {
    state = saveSnapshot(engine_->layout(), *end, nullptr);
    boundary.key = boundaryKey(engine_->fingerprint(), block.key, {});
    boundary.block_key = block.key;
    boundary.position = position;
    boundary.keep = keepAt(position);
    boundary.payload = state;
  }
  const BlockWrite write{block.key, parent, position, block.payload, engine_->layout().cuts};
  const Status written = engine_->store()->writeBlock(write, end != nullptr ? &boundary : nullptr);
  if (written) {
    behind_.push_back(shared);
    return giveUpStored();
  }
  // A store that cannot take the block costs a later resume, not the answer.
  not_stored_ = written.error();
  base::logWarn("engine", "block not stored position=" + std::to_string(position) + " code=" +
                              std::string(base::errorCodeName(written.error().code)));
}

// Rows that are on the disk may go from memory.
void Sequence::giveUpStored() {
  std::erase_if(behind_, [&](const std::shared_ptr<KvBlock>& block) {
    if (engine_->store()->isBehind(block->key)) return false;
    engine_->rows().add(*block);
    return true;
  });
}

// Blocks that could not be written stay whole in memory, as without a store.
Status Sequence::settle() {
  if (engine_->store() == nullptr) return {};
  const Status settled = engine_->store()->settle();
  giveUpStored();
  behind_.clear();
  return settled;
}

// A copy of what is needed here, so that the rows in use stay the sequence's own.
Snapshot Sequence::snapshotHere() const {
  Snapshot here{size(), {}, logits_};
  for (std::size_t i = 0; i < state_.layers.size(); ++i)
    here.layers.push_back(neededRows(engine_->layout(), i, size(), state_.layers));
  return here;
}

// Too many: a block end goes before a turn end, and of its kind the one whose neighbours are
// closest, so that the rest lie where they save most. The newest stays.
void Sequence::remember(CheckpointKind kind, Snapshot snapshot) {
  const std::int64_t position = snapshot.position;
  auto at = std::lower_bound(
      checkpoints_.begin(), checkpoints_.end(), position,
      [](const Checkpoint& c, std::int64_t p) { return c.at->position < p; });
  auto shared = std::make_shared<const Snapshot>(std::move(snapshot));
  if (at != checkpoints_.end() && at->at->position == position) {
    at->kind = std::max(at->kind, kind);
    at->at = std::move(shared);
  } else {
    checkpoints_.insert(at, {kind, std::move(shared)});
  }
  if (checkpoints_.size() <= kMostCheckpoints) return;
  const auto cost = [&](std::size_t i) {
    const std::int64_t before = i == 0 ? 0 : checkpoints_[i - 1].at->position;
    return std::pair(checkpoints_[i].kind, checkpoints_[i + 1].at->position - before);
  };
  std::size_t cheapest = 0;
  for (std::size_t i = 1; i + 1 < checkpoints_.size(); ++i)
    if (cost(i) < cost(cheapest)) cheapest = i;
  checkpoints_.erase(checkpoints_.begin() + static_cast<std::ptrdiff_t>(cheapest));
}

std::int64_t Sequence::checkpointBytes() const {
  std::int64_t sum = 0;
  for (const Checkpoint& checkpoint : checkpoints_) sum += checkpoint.at->bytes();
  return sum;
}

void Sequence::clear() {
  state_ = emptyState(engine_->layout());
  logits_ = {};
  checkpoints_.clear();
}

// The rows in blocks only ever grow: those before the position are where they were.
bool Sequence::restoreCheckpoint(std::int64_t position) {
  const auto found =
      std::find_if(checkpoints_.begin(), checkpoints_.end(),
                   [&](const Checkpoint& c) { return c.at->position == position; });
  if (found == checkpoints_.end()) return false;
  const auto n_blocks = static_cast<std::size_t>(position / kBlockTokens);
  const auto n_open = static_cast<std::size_t>(position % kBlockTokens);
  if (n_blocks < state_.blocks.size()) {
    const KvBlock& cut = *state_.blocks[n_blocks];
    std::vector<std::byte> payload;
    if (n_open > 0) {
      auto whole = engine_->rows().wholePayload(cut);
      if (!whole) return false;
      payload = *std::move(whole);
    }
    state_.open.clear();
    if (n_open > 0) state_.open.emplace_back(std::move(payload));
    state_.open_ids = cut.ids;
    state_.blocks.resize(n_blocks);
  } else if (n_open == 0) {
    state_.open.clear();
  }
  state_.open_ids.resize(n_open);
  state_.layers = found->at->layers;
  logits_ = found->at->logits;
  checkpoints_.erase(std::next(found), checkpoints_.end());
  return true;
}

// Leaves the sequence at the longest prefix of tokens[0, n_wanted) that costs nothing to reach.
Status Sequence::reachPrefix(std::span<const TokenId> wanted, std::int64_t n_wanted) {
  const std::int64_t common = std::min(commonPrefix(wanted), n_wanted);
  std::int64_t own = common == size() ? size() : 0;
  if (own == 0)
    for (const Checkpoint& checkpoint : checkpoints_)
      if (checkpoint.at->position <= common) own = checkpoint.at->position;
  if (own < n_wanted &&
      loadFromStore(wanted.first(static_cast<std::size_t>(n_wanted)), common, own))
    return {};
  if (own == size()) return {};
  std::vector<std::int64_t> positions;
  for (const Checkpoint& checkpoint : checkpoints_) positions.push_back(checkpoint.at->position);
  for (auto at = positions.rbegin(); at != positions.rend(); ++at)
    if (*at <= own && restoreCheckpoint(*at)) return {};
  clear();
  return {};
}

// With its head in memory, or whole if version 1 wrote it; null if it cannot be read.
std::shared_ptr<KvBlock> Sequence::storedBlock(const Hash128& key,
                                               std::span<const TokenId> ids) const {
  std::vector<std::byte> head(static_cast<std::size_t>(engine_->layout().head_bytes));
  PieceRead read;
  read.key = key;
  read.to = head;
  engine_->store()->readPieces({&read, 1});
  if (read.done) return engine_->rows().pagedBlock(key, ids, std::move(head));
  if (read.done.error().code != ErrorCode::kUnsupported) return nullptr;
  auto whole = readWholeBlock(*engine_->store(), engine_->layout(), key);
  if (!whole) return nullptr;
  auto block = std::make_shared<KvBlock>();
  block->key = key;
  block->ids.assign(ids.begin(), ids.end());
  block->payload = *std::move(whole);
  engine_->rows().add(*block);
  return block;
}

// The longest stored prefix beyond `better_than`; the first n_own tokens are this sequence's, and
// so are their blocks. Damaged or missing payloads only mean a shorter prefix: the tokens are
// evaluated again.
bool Sequence::loadFromStore(std::span<const TokenId> wanted, std::int64_t n_own,
                             std::int64_t better_than) {
  BlockStore* store = engine_->store();
  if (store == nullptr) return false;
  const auto n = static_cast<std::int64_t>(wanted.size());
  const auto n_own_blocks = static_cast<std::size_t>(n_own / kBlockTokens);
  std::vector<Hash128> keys{rootKey(engine_->fingerprint())};
  while (static_cast<std::int64_t>(keys.size()) * kBlockTokens <= n) {
    if (keys.size() <= n_own_blocks) {
      keys.push_back(state_.blocks[keys.size() - 1]->key);
      continue;
    }
    const auto ids = wanted.subspan((keys.size() - 1) * kBlockTokens, kBlockTokens);
    const Hash128 key = blockKey(engine_->fingerprint(), keys.back(), ids);
    if (const auto there = store->hasBlock(key); !there || !*there) break;
    keys.push_back(key);
  }
  for (std::size_t n_blocks = keys.size(); n_blocks-- > 0;) {
    const auto begin = static_cast<std::int64_t>(n_blocks) * kBlockTokens;
    if (begin + kBlockTokens <= better_than) break;
    const auto boundaries = store->boundariesAfter(keys[n_blocks]);
    if (!boundaries) continue;
    std::vector<BoundaryInfo> candidates(*boundaries);
    std::sort(candidates.begin(), candidates.end(),
              [](const BoundaryInfo& a, const BoundaryInfo& b) { return a.position > b.position; });
    for (const BoundaryInfo& candidate : candidates) {
      if (candidate.position > n || candidate.position < begin || candidate.position <= better_than)
        continue;
      const auto open_ids = wanted.subspan(static_cast<std::size_t>(begin),
                                           static_cast<std::size_t>(candidate.position - begin));
      if (boundaryKey(engine_->fingerprint(), keys[n_blocks], open_ids) != candidate.key)
        continue;
      const auto payload = store->readBoundary(candidate.key);
      if (!payload) continue;
      SequenceState loaded = emptyState(engine_->layout());
      bool whole = true;
      for (std::size_t i = 0; i < n_blocks && whole; ++i) {
        if (i < n_own_blocks) {
          loaded.blocks.push_back(state_.blocks[i]);
          continue;
        }
        auto block = storedBlock(keys[i + 1], wanted.subspan(i * kBlockTokens, kBlockTokens));
        whole = block != nullptr;
        if (whole) loaded.blocks.push_back(std::move(block));
      }
      std::vector<float> logits;
      if (!whole || !loadSnapshot(engine_->layout(), engine_->config().vocab, *payload,
                                  candidate.position, loaded, logits)) {
        base::logWarn("engine", "snapshot unusable position=" + std::to_string(candidate.position));
        continue;
      }
      loaded.open_ids.assign(open_ids.begin(), open_ids.end());
      std::erase_if(checkpoints_, [&](const Checkpoint& c) { return c.at->position > n_own; });
      state_ = std::move(loaded);
      logits_ = CopyOnWrite(std::move(logits));
      remember(CheckpointKind::kTurnEnd, snapshotHere());
      return true;
    }
  }
  return false;
}

std::unique_ptr<Sequence> Sequence::fork() const {
  return std::unique_ptr<Sequence>(new Sequence(*this));
}

Status Sequence::rewind(std::int64_t n_tokens, std::stop_token stop) {
  if (n_tokens < 0 || n_tokens > size())
    return failure(ErrorCode::kInvalidInput, "cannot rewind to " + std::to_string(n_tokens) +
                                                 " of " + std::to_string(size()) + " tokens");
  if (n_tokens == size()) return {};
  if (n_tokens == 0) {
    clear();
    return {};
  }
  if (restoreCheckpoint(n_tokens)) return {};
  const std::vector<TokenId> kept = firstTokens(n_tokens);
  TRY(sync(kept, nullptr, stop));
  return {};
}

Result<Hash128> Sequence::saveBoundary(Keep keep, std::stop_token stop) {
  if (engine_->store() == nullptr)
    return failure(ErrorCode::kInvalidInput, "this engine has no block store");
  if (stop.stop_requested()) return failure(ErrorCode::kCancelled, "saving was stopped");
  if (size() == 0)
    return failure(ErrorCode::kInvalidInput, "an empty sequence has nothing to save");
  if (const Status settled = settle(); !settled) not_stored_ = settled.error();
  if (not_stored_) return tl::make_unexpected(*not_stored_);
  const Snapshot here = snapshotHere();
  const std::vector<std::byte> state = saveSnapshot(
      engine_->layout(), here, state_.open.empty() ? nullptr : state_.open.front()->data());
  remember(CheckpointKind::kTurnEnd, here);
  BoundaryWrite boundary;
  boundary.key = boundaryKey(engine_->fingerprint(), lastBlockKey(), state_.open_ids);
  boundary.block_key = lastBlockKey();
  boundary.position = size();
  boundary.keep = keep;
  boundary.payload = state;
  TRY(engine_->store()->writeBoundary(boundary));
  return boundary.key;
}

}  // namespace engine
