#include "engine/block_key.h"

namespace engine {

using base::Hash128;

Hash128 rootKey(const Hash128& fingerprint) { return base::Hasher().add(fingerprint).digest(); }

Hash128 blockKey(const Hash128& fingerprint, const Hash128& parent,
                 std::span<const base::TokenId> ids) {
  return base::Hasher().add(fingerprint).add(parent).add(std::as_bytes(ids)).digest();
}

Hash128 boundaryKey(const Hash128& fingerprint, const Hash128& block,
                    std::span<const base::TokenId> tail) {
  return base::Hasher()
      .add("boundary")
      .add(fingerprint)
      .add(block)
      .add(std::as_bytes(tail))
      .digest();
}

}  // namespace engine
