// payload_table.h: the bytes of blocks and boundary states, as rows of at most 2 MiB.
//
// Each row has a hash of its own, and the payload a hash over those, in order: a flipped bit, a
// lost row or rows of another payload are noticed before a byte is handed out. 2 MiB: small enough
// to verify when only a part is wanted, large enough that SQLite's cost per row does not show.
#pragma once

#include "storage/sqlite.h"

namespace storage {

inline constexpr std::size_t kChunkBytes = std::size_t{2} << 20;

struct PayloadRef {
  std::int64_t id = 0;
  std::int64_t n_bytes = 0;
  std::int64_t chunks_hash = 0;
};

// All three: call inside a transaction that also writes or removes the row that refers to it.
base::Result<PayloadRef> insertPayload(Database& database, std::span<const std::byte> payload);
base::Result<std::vector<std::byte>> readPayload(Database& database, const PayloadRef& payload);
base::Status removePayload(Database& database, std::int64_t payload_id);

}  // namespace storage
