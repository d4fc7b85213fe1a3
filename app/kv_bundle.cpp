#include "app/kv_bundle.h"

#include <algorithm>
#include <set>

#include "app/block_store_adapter.h"
#include "app/export_file.h"
#include "app/json_fields.h"
#include "engine/block_key.h"
#include "engine/json.h"
#include "engine/sequence_state.h"
#include "engine/stored_block.h"

namespace app {

using base::ErrorCode;
using base::failure;
using base::Hash128;
using base::Result;
using base::Status;
using base::TokenId;
using engine::Json;
using engine::kBlockTokens;

namespace {

// Of the rows in a block; bundles that do not say so were written before it changed.
constexpr std::int64_t kRowOrder = 2;

constexpr std::int64_t kManifestBytesMax = 1 << 20, kStateBytesMax = std::int64_t{64} << 20;

std::string blockPart(std::size_t n) { return "kv/block/" + std::to_string(n); }
std::string statePart(std::int64_t position) { return "kv/state/" + std::to_string(position); }

// Keys of the whole blocks of a context, behind the root key.
std::vector<Hash128> keysOf(const Hash128& fingerprint, std::span<const TokenId> tokens) {
  std::vector<Hash128> keys{engine::rootKey(fingerprint)};
  for (; tokens.size() >= kBlockTokens; tokens = tokens.subspan(kBlockTokens))
    keys.push_back(engine::blockKey(fingerprint, keys.back(), tokens.first(kBlockTokens)));
  return keys;
}

// Key of the boundary state at a position whose last whole block is `block`.
Hash128 stateKey(const Hash128& fingerprint, const std::vector<Hash128>& keys,
                 std::span<const TokenId> tokens, std::int64_t position) {
  const auto n_blocks = static_cast<std::size_t>(position / kBlockTokens);
  const auto tail =
      tokens.subspan(n_blocks * kBlockTokens, static_cast<std::size_t>(position % kBlockTokens));
  return engine::boundaryKey(fingerprint, keys[n_blocks], tail);
}

// The last position up to `end` that a boundary state is stored for; 0: none.
Result<std::int64_t> lastState(storage::BlockDatabase& blocks, const Hash128& fingerprint,
                               const std::vector<Hash128>& keys, std::size_t n_blocks,
                               std::span<const TokenId> tokens, std::int64_t end) {
  for (std::size_t at = std::min(n_blocks, static_cast<std::size_t>(end / kBlockTokens)) + 1;
       at-- > 0;) {
    TRY_ASSIGN(const auto states, blocks.boundariesAfter(keys[at]));
    std::int64_t best = 0;
    for (const storage::BoundaryInfo& state : states)
      if (state.position <= end && state.position > best &&
          state.key == stateKey(fingerprint, keys, tokens, state.position))
        best = state.position;
    if (best > 0) return best;
  }
  return 0;
}

Status stopped() { return failure(ErrorCode::kCancelled, "copying the KV was stopped"); }

}  // namespace

Result<KvTransfer> packKv(storage::BlockDatabase& blocks, const engine::Engine& engine,
                          std::span<const TokenId> tokens, std::span<const std::int64_t> ends,
                          storage::BundleFile& bundle, std::stop_token stop) {
  const Hash128& fingerprint = engine.fingerprint();
  const auto keys = keysOf(fingerprint, tokens);
  std::size_t n_stored = 0;
  for (; n_stored + 1 < keys.size(); ++n_stored) {
    TRY_ASSIGN(const bool there, blocks.hasBlock(keys[n_stored + 1]));
    if (!there) break;
  }
  std::set<std::int64_t> positions;
  for (const std::int64_t end : ends) {
    TRY_ASSIGN(const std::int64_t position,
               lastState(blocks, fingerprint, keys, n_stored, tokens, end));
    if (position > 0) positions.insert(position);
  }
  KvTransfer packed;
  if (positions.empty()) return packed;  // blocks that nothing can go on from are of no use
  packed.n_tokens = *positions.rbegin();
  const auto n_blocks = static_cast<std::size_t>(packed.n_tokens / kBlockTokens);
  BlockStoreAdapter store(blocks);
  for (std::size_t n = 0; n < n_blocks; ++n) {
    if (stop.stop_requested()) return tl::make_unexpected(stopped().error());
    TRY_ASSIGN(const auto payload,
               engine::readWholeBlock(store, engine.layout(), keys[n + 1]));
    TRY(bundle.add(blockPart(n), payload));
    packed.n_bytes += static_cast<std::int64_t>(payload.size());
    ++packed.n_blocks;
  }
  for (const std::int64_t position : positions) {
    TRY_ASSIGN(const auto payload,
               blocks.readBoundary(stateKey(fingerprint, keys, tokens, position)));
    TRY(bundle.add(statePart(position), payload));
    packed.n_bytes += static_cast<std::int64_t>(payload.size());
    ++packed.n_states;
  }
  // Last: a bundle that has it is whole.
  const std::string manifest = dumpJson({{"fingerprint", fingerprint.hex()},
                                         {"order", kRowOrder},
                                         {"blocks", packed.n_blocks},
                                         {"states", positions}});
  TRY(bundle.add(kKvPart, std::as_bytes(std::span(manifest))));
  return packed;
}

namespace {

struct Manifest {
  Hash128 fingerprint;
  std::int64_t order = 1;  // of the rows in a block
  std::int64_t n_blocks = 0;
  std::vector<std::int64_t> positions;  // of the boundary states
};

Result<Manifest> readManifest(storage::BundleFile& bundle) {
  TRY_ASSIGN(const auto bytes, bundle.part(kKvPart, kManifestBytesMax));
  TRY_ASSIGN(const Json json,
             engine::parseJson({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                               "the bundle's list of KV"));
  Manifest manifest;
  JsonFields fields(json);
  fields.need("fingerprint", manifest.fingerprint);
  fields.maybe("order", manifest.order);
  fields.need("blocks", manifest.n_blocks);
  fields.need("states", manifest.positions);
  TRY(fields.status());
  return manifest;
}

Status requireFits(const Manifest& manifest, const engine::Engine& engine,
                   std::span<const TokenId> tokens) {
  if (manifest.fingerprint != engine.fingerprint() || manifest.order < 1 ||
      manifest.order > kRowOrder)
    return failure(ErrorCode::kMismatch, "the KV was made by another model or another version",
                   "The text can be read again with the model at hand.");
  const auto n_tokens = static_cast<std::int64_t>(tokens.size());
  std::int64_t last = 0;
  for (const std::int64_t position : manifest.positions) {
    if (position <= last || position > n_tokens)
      return failure(ErrorCode::kInvalidInput, "the bundle's list of KV contradicts itself");
    last = position;
  }
  if (manifest.positions.empty() || manifest.n_blocks != last / kBlockTokens)
    return failure(ErrorCode::kInvalidInput, "the bundle's list of KV contradicts itself");
  return {};
}

tl::unexpected<base::Error> foreign() {
  return failure(ErrorCode::kCorrupt, "the KV in the bundle is not as this model lays it out",
                 "The text can be read again with the model at hand.");
}

}  // namespace

Result<KvTransfer> unpackKv(storage::BlockDatabase& blocks, const engine::Engine& engine,
                            std::span<const TokenId> tokens, storage::BundleFile& bundle,
                            const std::string& session_key, std::stop_token stop) {
  TRY_ASSIGN(const Manifest manifest, readManifest(bundle));
  TRY(requireFits(manifest, engine, tokens));
  const Hash128& fingerprint = engine.fingerprint();
  const auto keys = keysOf(fingerprint, tokens);
  KvTransfer unpacked;
  BlockStoreAdapter store(blocks);
  for (std::int64_t n = 0; n < manifest.n_blocks; ++n) {
    if (stop.stop_requested()) return tl::make_unexpected(stopped().error());
    const auto at = static_cast<std::size_t>(n);
    TRY_ASSIGN(auto payload, bundle.part(blockPart(at), engine.layout().block_bytes));
    if (static_cast<std::int64_t>(payload.size()) != engine.layout().block_bytes) return foreign();
    if (manifest.order == 1) payload = engine::inNewOrder(engine.layout(), payload);
    TRY(store.writeBlock({.key = keys[at + 1],
                          .parent = keys[at],
                          .position_end = (n + 1) * kBlockTokens,
                          .payload = payload,
                          .cuts = engine.layout().cuts},
                         nullptr));
    unpacked.n_bytes += static_cast<std::int64_t>(payload.size());
    ++unpacked.n_blocks;
  }
  for (const std::int64_t position : manifest.positions) {
    TRY_ASSIGN(const auto payload, bundle.part(statePart(position), kStateBytesMax));
    engine::SequenceState state = engine::emptyState(engine.layout());
    std::vector<float> logits;
    if (!engine::loadSnapshot(engine.layout(), engine.config().vocab, payload, position, state,
                              logits))
      return foreign();
    const auto n_before = static_cast<std::size_t>(position / kBlockTokens);
    const Hash128 key = stateKey(fingerprint, keys, tokens, position);
    TRY(blocks.writeBoundary({.key = key,
                              .block_key = keys[n_before],
                              .position = position,
                              .keep = storage::Keep::kTurnEnd,
                              .payload = payload}));
    if (!session_key.empty()) TRY(blocks.pin(session_key, key));
    unpacked.n_bytes += static_cast<std::int64_t>(payload.size());
    unpacked.n_tokens = position;
    ++unpacked.n_states;
  }
  return unpacked;
}

}  // namespace app
