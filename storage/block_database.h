// block_database.h: snapshots.db, owned by lectern-engine: KV blocks and boundary states by key.
//
// A block is the KV of 2,048 tokens; its key names the exact tokens before and in it and the model
// that made it, so a key is never reused for other bytes. Blocks form chains by their parent's
// key; the parent of a first block is the root key, which is no block. A boundary state makes a
// position resumable. Payloads are bytes to this room; each is cut into parts with a hash of their
// own, which can be read alone, and a part whose hash does not hold is never handed out.
//
// A rollback journal instead of a write-ahead log: payloads are written once and not twice.
// Everything here can be rebuilt from the documents, so nothing of it is ever backed up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/base/hash.h"
#include "engine/base/result.h"
#include "storage/open_mode.h"
#include "storage/payload_table.h"

namespace storage {

class BlockFile;

// How long a boundary state is worth keeping.
enum class Keep {
  kNewest,  // replaced by the next one further down the same chain
  kTurnEnd,
  kDocumentEnd,
  kInterval,
};

struct BoundaryInfo {
  std::int64_t position = 0;  // tokens before it
  base::Hash128 key;
};

struct BoundaryWrite {
  base::Hash128 key;
  base::Hash128 block_key;  // last whole block before it, or the root key
  std::int64_t position = 0;
  Keep keep = Keep::kNewest;
  std::span<const std::byte> payload;
};

struct BlockWrite {
  base::Hash128 key;
  base::Hash128 parent;           // key of the block before, or the root key
  std::int64_t position_end = 0;  // tokens up to the end of this block
  std::span<const std::byte> payload;
  std::span<const PayloadCut> cuts = {};  // empty: cut anyhow; else they add up to the payload
};

// A piece of a block, for reading many at once.
struct BlockRead {
  base::Hash128 key;
  std::int64_t begin = 0;   // byte of the payload; a part begins there
  std::span<std::byte> to;  // whole parts
  base::Status done;        // set by reading: as readBlock; kUnsupported: version 1 wrote it whole
};

// What happens to the blocks of a session when its pin is taken away.
enum class Unpinned {
  kCached,     // stay until the budget needs the room
  kForgotten,  // blocks no other pin holds disappear now, with everything that continues them
};

// A saved session: its newest boundary state and its blocks stay whatever the budget.
struct Pin {
  std::string session_key;
  base::Hash128 boundary_key;
  std::int64_t n_tokens = 0;  // position of the boundary
  std::int64_t n_blocks = 0;
  std::int64_t logical_bytes = 0;  // all its payloads
  std::int64_t unique_bytes = 0;   // those no other pin holds
  bool complete = true;  // false if a damaged payload was dropped from it: resume reads again
};

struct BlockStats {
  std::int64_t n_blocks = 0, n_boundaries = 0;
  std::int64_t payload_bytes = 0;  // every payload counted once
  std::int64_t pinned_bytes = 0;   // payloads some pin holds, counted once
  std::int64_t logical_bytes = 0;  // sum over the pins, shared payloads counted each time
  std::int64_t file_bytes = 0;     // size of snapshots.db
  std::int64_t n_dropped = 0;  // payloads found damaged and dropped since the database was opened
};

struct BlockDatabaseOptions {
  OpenMode mode = OpenMode::kReadWrite;
  // A damaged file is renamed to snapshots.db.damaged and a fresh one begun; otherwise kCorrupt.
  bool replace_damaged_file = false;
  // Writing stops with kDiskFull before the file system has less than this left: the rest of the
  // disk belongs to the user's text.
  std::int64_t free_bytes_min = std::int64_t{64} << 20;
  std::int64_t block_tokens = 2048;  // a chain of n blocks ends at position n * block_tokens
};

class BlockDatabase {
 public:
  // Opens or creates snapshots.db below `folder`, checks and migrates it, and removes what a crash
  // or a forgotten session left behind. Errors as SessionDatabase::open.
  static base::Result<std::unique_ptr<BlockDatabase>> open(
      const std::filesystem::path& folder, const BlockDatabaseOptions& options = {});
  ~BlockDatabase();
  BlockDatabase(const BlockDatabase&) = delete;
  BlockDatabase& operator=(const BlockDatabase&) = delete;

  base::Result<bool> hasBlock(const base::Hash128& key);
  // kNotFound; kCorrupt: the block was damaged and is now gone, with every block and boundary state
  // that continues it.
  base::Result<std::vector<std::byte>> readBlock(const base::Hash128& key);
  // Whether version 1 wrote the block, which knew no parts. kNotFound.
  base::Result<bool> isOfVersion1(const base::Hash128& key);
  // Pieces of blocks, fastest in the order they were written; each has its own outcome.
  void readPieces(std::span<BlockRead> reads);
  // Boundary states whose last whole block is `block_key`; nearest position first.
  base::Result<std::vector<BoundaryInfo>> boundariesAfter(const base::Hash128& block_key);
  base::Result<std::vector<std::byte>> readBoundary(const base::Hash128& key);  // as readBlock

  // One transaction: the block and, if given, the boundary state at its end. Writing a key that is
  // there already changes nothing. kDiskFull, with the numbers, before anything is written.
  base::Status writeBlock(const BlockWrite& block, const BoundaryWrite* boundary = nullptr);
  // A boundary state kept as newest replaces older ones of that kind at the blocks before it.
  base::Status writeBoundary(const BoundaryWrite& boundary);

  // Keeps the boundary state and all blocks before it for this session. Blocks of an earlier pin of
  // the session stay pinned (its other branches); its earlier boundary states may be evicted.
  // kNotFound if the boundary state or a block of its chain is not there.
  base::Status pin(const std::string& session_key, const base::Hash128& boundary_key);
  base::Status unpin(const std::string& session_key,
                     Unpinned then);  // unknown sessions are no error
  base::Result<std::vector<Pin>> pins();

  // Frees the bytes of what was forgotten or evicted, in transactions of at most ~64 MiB;
  // kCancelled leaves the rest for the next call or the next open.
  base::Status sweep(std::stop_token stop);
  // Drops payloads no pin holds, least recently used first and never a block before those that
  // continue it, until all payloads together fit. Pinned payloads stay even if they do not fit.
  base::Status evictTo(std::int64_t payload_bytes_max, std::stop_token stop);

  base::Result<BlockStats> stats();

 private:
  explicit BlockDatabase(std::unique_ptr<BlockFile> file);
  base::Status insertBlock(const BlockWrite& block, const BoundaryWrite* boundary);
  base::Status insertOrPromote(const BoundaryWrite& boundary);
  base::Status promote(std::int64_t boundary_id, Keep keep);

  std::unique_ptr<BlockFile> file_;
};

}  // namespace storage
