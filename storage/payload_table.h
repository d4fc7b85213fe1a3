// payload_table.h: the bytes of blocks and boundary states, as rows of parts.
//
// A row holds at most 8 MiB, in parts of equal size. Each part has a hash of its own, each row one
// over those, and the payload one over its rows, in order: a flipped bit, a lost row or rows of
// another payload are noticed before a byte is handed out, also when only some parts are read.
// Version 1 wrote chunks that can only be read whole; they stay readable.
#pragma once

#include <optional>

#include "storage/part_codec.h"
#include "storage/sqlite.h"

namespace storage {

// Rows and parts of a payload that nobody cut: large enough that SQLite's cost per row does not
// show.
inline constexpr std::size_t kChunkBytes = std::size_t{2} << 20;
inline constexpr std::int64_t kRowBytesMax = std::int64_t{8} << 20;

enum class Packing { kAsIs, kZstd };

// The next n_bytes of a payload, to be read in parts of part_bytes; the last may be shorter.
struct PayloadCut {
  std::int64_t n_bytes = 0, part_bytes = 0;
  Packing packing = Packing::kAsIs;
};

struct PayloadRef {
  std::int64_t id = 0;
  std::int64_t n_bytes = 0;
  std::int64_t chunks_hash = 0;
};

// Where the parts of a payload lie.
struct PayloadPart {
  std::int64_t hash = 0;      // of its stored bytes
  std::int64_t offset = 0;    // of them in the row
  std::int64_t n_stored = 0;  // fewer than the part has: packed
};
struct PayloadRow {
  std::int64_t id = 0;
  std::int64_t begin = 0, n_bytes = 0;  // of the payload
  std::int64_t part_bytes = 0;
  std::vector<PayloadPart> parts;
};
struct PayloadMap {
  std::vector<PayloadRow> rows;
  bool is_version_1 = false;  // a row is one part
};

class PayloadTable {
 public:
  explicit PayloadTable(Database& database) : database_(database) {}  // must outlive this

  // Cuts that do not cover the payload are a mistake of ours. Call inside a transaction that also
  // writes the row that refers to the payload; so for remove.
  base::Result<PayloadRef> insert(std::span<const std::byte> payload,
                                  std::span<const PayloadCut> cuts = {});
  base::Status remove(std::int64_t payload_id);

  base::Result<PayloadMap> map(const PayloadRef& payload);
  // Whole parts, from the one that begins at byte `begin`. kCorrupt: they are not what was written.
  // kInvalidInput: the bytes are not those of whole parts.
  base::Status readParts(const PayloadMap& map, std::int64_t begin, std::span<std::byte> to);
  base::Result<std::vector<std::byte>> read(const PayloadRef& payload);

 private:
  base::Result<PayloadMap> mapOfVersion1(const PayloadRef& payload);

  Database& database_;
  PartCodec codec_;
  std::vector<std::byte> buffer_;
  std::optional<Statement> find_rows_;
};

}  // namespace storage
