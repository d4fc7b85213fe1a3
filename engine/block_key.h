// block_key.h: the names of stored KV. A name covers the model, every token before it and its own,
// so that whoever has the tokens can compute it and nobody needs to be believed.
#pragma once

#include <span>

#include "engine/base/hash.h"
#include "engine/base/ids.h"

namespace engine {

// What the first block continues.
base::Hash128 rootKey(const base::Hash128& fingerprint);
base::Hash128 blockKey(const base::Hash128& fingerprint, const base::Hash128& parent,
                       std::span<const base::TokenId> ids);
// Of the position `tail` tokens behind the block's end. Another name space than blocks: a boundary
// at a block's end must not share the block's key.
base::Hash128 boundaryKey(const base::Hash128& fingerprint, const base::Hash128& block,
                          std::span<const base::TokenId> tail);

}  // namespace engine
