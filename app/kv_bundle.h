// kv_bundle.h: the stored KV of a context, out of snapshots.db into a bundle and back.
//
// A bundle is not asked which tokens its blocks belong to or what they are called: keys are
// computed from the tokens of the context and the fingerprint of the model at hand. What cannot be
// checked is whether the bytes are what the model would have computed; that is why taking KV from a
// bundle is a wish of its own.
#pragma once

#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "app/engine_client.h"
#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/engine.h"
#include "storage/block_database.h"
#include "storage/bundle_file.h"

namespace app {

// Adds what is stored of the context: its blocks, and the boundary states nearest to each of
// `ends`.
base::Result<KvTransfer> packKv(storage::BlockDatabase& blocks, const engine::Engine& engine,
                                std::span<const base::TokenId> tokens,
                                std::span<const std::int64_t> ends, storage::BundleFile& bundle,
                                std::stop_token stop);
// Stores what belongs to the context and keeps it for the session. kMismatch: made by another
// model; kInvalidInput, kCorrupt, kTooLarge: nothing behind the first thing that is not right.
base::Result<KvTransfer> unpackKv(storage::BlockDatabase& blocks, const engine::Engine& engine,
                                  std::span<const base::TokenId> tokens,
                                  storage::BundleFile& bundle, const std::string& session_key,
                                  std::stop_token stop);

}  // namespace app
