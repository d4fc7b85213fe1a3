#include "engine/sequence.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "engine/base/log.h"
#include "engine/engine.h"
#include "engine/forward.h"

namespace engine {

using base::ErrorCode;
using base::failure;
using base::Hash128;
using base::Result;
using base::Status;
using base::TokenId;

namespace {

using Clock = std::chrono::steady_clock;

// States kept in memory for rewinding: about half a megabyte each for the bundled model.
constexpr std::size_t kCheckpointsMax = 16;
constexpr std::int64_t kIntervalTokens = 32768;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::span<const std::byte> bytesOf(std::span<const TokenId> tokens) {
  return std::as_bytes(tokens);
}

Hash128 rootKey(const Hash128& fingerprint) { return base::Hasher().add(fingerprint).digest(); }

Hash128 blockKey(const Hash128& fingerprint, const Hash128& parent, std::span<const TokenId> ids) {
  return base::Hasher().add(fingerprint).add(parent).add(bytesOf(ids)).digest();
}

// Another name space than blocks: a boundary at a block's end must not share the block's key.
Hash128 boundaryKeyOf(const Hash128& fingerprint, const Hash128& block,
                      std::span<const TokenId> tail) {
  return base::Hasher().add("boundary").add(fingerprint).add(block).add(bytesOf(tail)).digest();
}

std::int64_t commonPrefix(std::span<const TokenId> a, std::span<const TokenId> b) {
  const auto n = std::min(a.size(), b.size());
  return std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(n), b.begin()).first -
         a.begin();
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

}  // namespace

Sequence::Sequence(const Engine& engine) : engine_(&engine), state_(emptyState(engine.layout())) {}

Hash128 Sequence::boundaryKey() const {
  const Hash128 block =
      state_.blocks.empty() ? rootKey(engine_->fingerprint()) : state_.blocks.back()->key;
  return boundaryKeyOf(engine_->fingerprint(), block,
                       tokens().subspan(state_.blocks.size() * kBlockTokens));
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
  TRY(reachPrefix(wanted, n));
  SyncReport report;
  report.n_context = n;
  report.n_reused = size();
  const auto start = Clock::now();
  const std::int64_t n_total = n - size();
  while (size() < n) {
    if (stop.stop_requested()) return failure(ErrorCode::kCancelled, "reading was stopped");
    const std::int64_t count =
        std::min({kChunkTokens, n - size(), kBlockTokens - size() % kBlockTokens});
    TRY(evaluate(wanted.subspan(static_cast<std::size_t>(size()), static_cast<std::size_t>(count)),
                 stop));
    if (on_progress) {
      const auto n_safe = not_stored_ || engine_->store() == nullptr
                              ? 0 : static_cast<std::int64_t>(state_.blocks.size()) * kBlockTokens;
      on_progress(progressOf(n_total - (n - size()), n_total, n_safe, secondsSince(start)));
    }
  }
  remember();
  report.n_prefilled = n_total;
  report.prefill_s = secondsSince(start);
  report.not_stored = not_stored_;
  return report;
}

Status Sequence::decode(TokenId token, std::stop_token stop) {
  if (stop.stop_requested()) return failure(ErrorCode::kCancelled, "decoding was stopped");
  if (size() >= engine_->contextMax())
    return failure(ErrorCode::kTooLarge,
                   "the context is full at " + std::to_string(size()) + " tokens",
                   "Start a new session or leave out sources.");
  if (token < 0 || token >= engine_->config().vocab)
    return failure(ErrorCode::kInvalidInput,
                   "token id " + std::to_string(token) + " is outside the vocabulary");
  return evaluate(std::span(&token, 1), stop);
}

// One chunk. A numeric failure leaves an empty sequence: nothing of the chunk can be trusted.
Status Sequence::evaluate(std::span<const TokenId> ids, std::stop_token) {
  Status done = engine_->forward().run(ids, state_, LogitRows::kLast, logits_, nullptr);
  if (done && size() % kBlockTokens == 0) done = finishBlock();
  if (done) return done;
  state_ = emptyState(engine_->layout());
  logits_.clear();
  return done;
}

// The tail becomes a block, stored with the state at its end.
Status Sequence::finishBlock() {
  auto block = std::make_shared<KvBlock>();
  const Hash128 parent =
      state_.blocks.empty() ? rootKey(engine_->fingerprint()) : state_.blocks.back()->key;
  block->key = blockKey(engine_->fingerprint(), parent, tokens().last(kBlockTokens));
  block->payload = std::move(state_.tail);
  state_.tail.assign(static_cast<std::size_t>(engine_->layout().block_bytes), std::byte{0});
  state_.blocks.push_back(block);
  remember();
  if (engine_->store() == nullptr || not_stored_) return {};

  BoundaryWrite boundary;
  boundary.key = boundaryKey();
  boundary.block_key = block->key;
  boundary.position = size();
  boundary.keep = size() % kIntervalTokens == 0 ? Keep::kInterval : Keep::kNewest;
  boundary.payload = *checkpoints_.at(size()).state;
  const Status written =
      engine_->store()->writeBlock(block->key, parent, size(), block->payload, &boundary);
  // A store that cannot take the block costs a later resume, not the answer.
  if (!written) {
    not_stored_ = written.error();
    base::logWarn("engine", "block not stored position=" + std::to_string(size()) + " code=" +
                  std::string(base::errorCodeName(written.error().code)));
  }
  return {};
}

void Sequence::remember() {
  auto state =
      std::make_shared<const std::vector<std::byte>>(saveState(engine_->layout(), state_, logits_));
  checkpoints_[size()] = {std::move(state)};
  if (checkpoints_.size() > kCheckpointsMax) checkpoints_.erase(checkpoints_.begin());
}

bool Sequence::restoreCheckpoint(std::int64_t position) {
  const auto found = checkpoints_.find(position);
  if (found == checkpoints_.end()) return false;
  const auto state = found->second.state;
  if (!loadState(engine_->layout(), engine_->config(), *state, position, state_, logits_))
    return false;
  state_.tokens.resize(static_cast<std::size_t>(position));
  state_.blocks.resize(static_cast<std::size_t>(position / kBlockTokens));
  checkpoints_.erase(std::next(found), checkpoints_.end());
  return true;
}

// Leaves the sequence at the longest prefix of tokens[0, n_wanted) that costs nothing to reach.
Status Sequence::reachPrefix(std::span<const TokenId> wanted, std::int64_t n_wanted) {
  const std::int64_t common = std::min(commonPrefix(tokens(), wanted), n_wanted);
  std::int64_t own = common == size() ? size() : 0;
  if (own == 0)
    for (const auto& [position, checkpoint] : checkpoints_)
      if (position <= common) own = position;
  if (own < n_wanted && loadFromStore(wanted.first(static_cast<std::size_t>(n_wanted)), own))
    return {};
  if (own == size()) return {};
  if (own > 0 && restoreCheckpoint(own)) return {};
  state_ = emptyState(engine_->layout());
  logits_.clear();
  checkpoints_.clear();
  return {};
}

// The longest stored prefix beyond `better_than`. Damaged or missing payloads only mean a shorter
// prefix: the tokens are evaluated again.
bool Sequence::loadFromStore(std::span<const TokenId> wanted, std::int64_t better_than) {
  BlockStore* store = engine_->store();
  if (store == nullptr) return false;
  const auto n = static_cast<std::int64_t>(wanted.size());
  std::vector<Hash128> keys{rootKey(engine_->fingerprint())};
  while (static_cast<std::int64_t>(keys.size()) * kBlockTokens <= n) {
    const auto ids = wanted.subspan((keys.size() - 1) * kBlockTokens, kBlockTokens);
    const Hash128 key = blockKey(engine_->fingerprint(), keys.back(), ids);
    if (const auto there = store->hasBlock(key); !there || !*there) break;
    keys.push_back(key);
  }
  for (std::size_t n_blocks = keys.size(); n_blocks-- > 0;) {
    const auto begin = static_cast<std::int64_t>(n_blocks) * kBlockTokens;
    const auto boundaries = store->boundariesAfter(keys[n_blocks]);
    if (!boundaries) continue;
    std::vector<BoundaryInfo> candidates(*boundaries);
    std::sort(candidates.begin(), candidates.end(),
              [](const BoundaryInfo& a, const BoundaryInfo& b) { return a.position > b.position; });
    for (const BoundaryInfo& candidate : candidates) {
      if (candidate.position > n || candidate.position < begin || candidate.position <= better_than)
        continue;
      const auto tail = wanted.subspan(static_cast<std::size_t>(begin),
                                       static_cast<std::size_t>(candidate.position - begin));
      if (boundaryKeyOf(engine_->fingerprint(), keys[n_blocks], tail) != candidate.key) continue;
      const auto payload = store->readBoundary(candidate.key);
      if (!payload) continue;
      SequenceState loaded = emptyState(engine_->layout());
      bool whole = true;
      for (std::size_t i = 1; i <= n_blocks && whole; ++i) {
        auto bytes = store->readBlock(keys[i]);
        whole = bytes && static_cast<std::int64_t>(bytes->size()) == engine_->layout().block_bytes;
        if (whole)
          loaded.blocks.push_back(
              std::make_shared<const KvBlock>(KvBlock{keys[i], std::move(*bytes)}));
      }
      std::vector<float> logits;
      if (!whole || !loadState(engine_->layout(), engine_->config(), *payload, candidate.position,
                               loaded, logits)) {
        base::logWarn("engine", "snapshot unusable position=" + std::to_string(candidate.position));
        continue;
      }
      loaded.tokens.assign(wanted.begin(), wanted.begin() + candidate.position);
      state_ = std::move(loaded);
      logits_ = std::move(logits);
      checkpoints_.clear();
      remember();
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
  const std::vector<TokenId> kept(state_.tokens.begin(), state_.tokens.begin() + n_tokens);
  if (n_tokens == 0) {
    *this = Sequence(*engine_);
    return {};
  }
  TRY(sync(kept, nullptr, stop));
  return {};
}

Result<Hash128> Sequence::saveBoundary(Keep keep, std::stop_token stop) {
  if (engine_->store() == nullptr)
    return failure(ErrorCode::kInvalidInput, "this engine has no block store");
  if (stop.stop_requested()) return failure(ErrorCode::kCancelled, "saving was stopped");
  if (size() == 0)
    return failure(ErrorCode::kInvalidInput, "an empty sequence has nothing to save");
  if (not_stored_) return tl::make_unexpected(*not_stored_);
  remember();
  BoundaryWrite boundary;
  boundary.key = boundaryKey();
  boundary.block_key =
      state_.blocks.empty() ? rootKey(engine_->fingerprint()) : state_.blocks.back()->key;
  boundary.position = size();
  boundary.keep = keep;
  boundary.payload = *checkpoints_.at(size()).state;
  TRY(engine_->store()->writeBoundary(boundary));
  return boundary.key;
}

}  // namespace engine
