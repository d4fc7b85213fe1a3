#include "storage/block_database.h"

#include "engine/base/log.h"
#include "storage/block_file.h"
#include "storage/data_folder.h"
#include "storage/migrations.h"

namespace storage {
namespace {

using base::ErrorCode;
using base::failure;
using base::Hash128;
using base::Result;
using base::Status;

constexpr std::string_view kHashedTables[] = {"chunk", "chunk_v1"};

constexpr std::int64_t kVacuumBytes = std::int64_t{64} << 20;

// About half a page of every row is lost, and a block of a small model is two rows of 70 and 240
// KB. Files that exist keep their pages.
constexpr DatabaseSettings kSettings{.journal = Journal::kRollback,
                                     .page_bytes = 16384,
                                     .secure_delete = false,
                                     .incremental_vacuum = true,
                                     .page_checks = false,
                                     .unchecked_tables = kHashedTables};

Result<Database> openAndMigrate(const std::filesystem::path& path) {
  TRY_ASSIGN(auto database, Database::open(path, OpenMode::kReadWrite, kSettings));
  TRY(migrate(database, snapshotMigrations(), BeforeMigration::kNothing, path));
  const std::filesystem::path mark = suspectMark(path.parent_path());
  std::error_code error;
  if (std::filesystem::exists(mark, error)) {
    TRY(database.checkAll());
    std::filesystem::remove(mark, error);
  }
  return database;
}

// The journal belongs to the damaged file: replayed into the fresh one it would damage that too.
Status setAside(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::path damaged = path;
  damaged += ".damaged";
  std::filesystem::rename(path, damaged, error);
  if (error) return failure(ErrorCode::kIo, "cannot rename a damaged snapshots.db");
  std::filesystem::path journal = path, damaged_journal = damaged;
  journal += "-journal";
  damaged_journal += "-journal";
  if (std::filesystem::exists(journal)) std::filesystem::rename(journal, damaged_journal, error);
  if (error) return failure(ErrorCode::kIo, "cannot rename the journal of a damaged snapshots.db");
  std::filesystem::remove(suspectMark(path.parent_path()), error);
  base::logWarn("storage", "snapshots.db is damaged, set aside and begun afresh");
  return {};
}

Result<std::unique_ptr<BlockFile>> openFile(const std::filesystem::path& folder,
                                            const BlockDatabaseOptions& options) {
  const auto path = folder / "snapshots.db";
  const bool was_suspect = std::filesystem::exists(suspectMark(folder));
  if (options.mode == OpenMode::kReadOnly) {
    TRY_ASSIGN(auto database, Database::open(path, options.mode, kSettings));
    return std::make_unique<BlockFile>(folder, std::nullopt, std::move(database), options);
  }
  TRY(makeDataFolder(folder));
  TRY_ASSIGN(auto lock, LockFile::acquire(folder / "snapshots.db.lock"));
  auto database = openAndMigrate(path);
  if (!database && database.error().code == ErrorCode::kCorrupt && options.replace_damaged_file) {
    TRY(setAside(path));
    database = openAndMigrate(path);
  }
  if (!database) return tl::make_unexpected(std::move(database).error());
  auto file = std::make_unique<BlockFile>(folder, std::move(lock), *std::move(database), options);
  const Status removed = file->noting(file->removeForgotten({}));
  if (removed) return file;
  if (removed.error().code != ErrorCode::kCorrupt || was_suspect || !options.replace_damaged_file)
    return tl::make_unexpected(removed.error());
  file.reset();
  return openFile(folder, options);  // which checks all of it now
}

std::int64_t sizeOf(std::span<const std::byte> payload) {
  return static_cast<std::int64_t>(payload.size());
}

Status insertBoundary(BlockFile& file, const BoundaryWrite& boundary) {
  const StoredRow row{
      .key = boundary.key, .before = boundary.block_key, .position = boundary.position};
  const PayloadCut cut{sizeOf(boundary.payload), std::int64_t{kChunkBytes}, Packing::kZstd};
  TRY(file.insert(StoredKind::kBoundary, row, boundary.payload, {&cut, 1}, boundary.keep));
  if (boundary.keep != Keep::kNewest) return {};
  return file.forgetOlderNewest(boundary.block_key);
}

}  // namespace

Result<std::unique_ptr<BlockDatabase>> BlockDatabase::open(const std::filesystem::path& folder,
                                                           const BlockDatabaseOptions& options) {
  TRY_ASSIGN(auto file, openFile(folder, options));
  return std::unique_ptr<BlockDatabase>(new BlockDatabase(std::move(file)));
}

BlockDatabase::BlockDatabase(std::unique_ptr<BlockFile> file) : file_(std::move(file)) {}

BlockDatabase::~BlockDatabase() = default;

Result<bool> BlockDatabase::hasBlock(const Hash128& key) {
  TRY_ASSIGN(const auto row, file_->find(StoredKind::kBlock, key));
  if (row) file_->use(StoredKind::kBlock, row->id);
  return row.has_value();
}

Result<std::vector<std::byte>> BlockDatabase::readBlock(const Hash128& key) {
  return file_->read(StoredKind::kBlock, key);
}

Result<bool> BlockDatabase::isOfVersion1(const Hash128& key) { return file_->isOfVersion1(key); }

void BlockDatabase::readPieces(std::span<BlockRead> reads) {
  for (BlockRead& read : reads) read.done = file_->readPiece(read.key, read.begin, read.to);
}

Result<std::vector<std::byte>> BlockDatabase::readBoundary(const Hash128& key) {
  return file_->read(StoredKind::kBoundary, key);
}

Result<std::vector<BoundaryInfo>> BlockDatabase::boundariesAfter(const Hash128& block_key) {
  TRY_ASSIGN(const auto rows, file_->boundariesAt(block_key));
  std::vector<BoundaryInfo> boundaries;
  for (const StoredRow& row : rows) boundaries.push_back({row.position, row.key});
  return boundaries;
}

Status BlockDatabase::writeBlock(const BlockWrite& block, const BoundaryWrite* boundary) {
  return file_->noting(insertBlock(block, boundary));
}

Status BlockDatabase::insertBlock(const BlockWrite& block, const BoundaryWrite* boundary) {
  TRY_ASSIGN(const auto stored_block, file_->find(StoredKind::kBlock, block.key));
  bool needs_boundary = false;
  if (boundary) {
    TRY_ASSIGN(const auto stored, file_->find(StoredKind::kBoundary, boundary->key));
    needs_boundary = !stored;
  }
  if (stored_block && !needs_boundary) return {};
  TRY(file_->requireRoom((stored_block ? 0 : sizeOf(block.payload)) +
                         (needs_boundary ? sizeOf(boundary->payload) : 0)));

  TRY_ASSIGN(auto transaction, Transaction::begin(file_->database()));
  if (!stored_block) {
    const StoredRow row{.key = block.key, .before = block.parent, .position = block.position_end};
    TRY(file_->insert(StoredKind::kBlock, row, block.payload, block.cuts, Keep::kNewest));
  }
  if (needs_boundary) TRY(insertBoundary(*file_, *boundary));
  return transaction.commit();
}

Status BlockDatabase::writeBoundary(const BoundaryWrite& boundary) {
  return file_->noting(insertOrPromote(boundary));
}

Status BlockDatabase::insertOrPromote(const BoundaryWrite& boundary) {
  TRY_ASSIGN(const auto stored, file_->find(StoredKind::kBoundary, boundary.key));
  if (stored) return promote(stored->id, boundary.keep);
  TRY(file_->requireRoom(sizeOf(boundary.payload)));
  TRY_ASSIGN(auto transaction, Transaction::begin(file_->database()));
  TRY(insertBoundary(*file_, boundary));
  return transaction.commit();
}

// The newest state may turn out to be the end of a turn; that must not make it replaceable later.
Status BlockDatabase::promote(std::int64_t boundary_id, Keep keep) {
  if (keep == Keep::kNewest) return {};
  TRY_ASSIGN(auto transaction, Transaction::begin(file_->database()));
  TRY_ASSIGN(auto update, file_->database().prepare("UPDATE boundary SET keep = 'turn_end'"
                                                    " WHERE id = :id AND keep = 'newest'"));
  TRY(update.bind(":id", boundary_id).run());
  return transaction.commit();
}

Status BlockDatabase::sweep(std::stop_token stop) {
  TRY(file_->noting(file_->removeForgotten(stop)));
  // Gives free pages back to the file system, some at a time.
  TRY_ASSIGN(const std::int64_t page_bytes, file_->database().integer("PRAGMA page_size"));
  const std::string vacuum =
      "PRAGMA incremental_vacuum(" + std::to_string(kVacuumBytes / page_bytes) + ")";
  for (;;) {
    if (stop.stop_requested())
      return failure(ErrorCode::kCancelled, "sweeping snapshots.db was stopped");
    TRY_ASSIGN(const std::int64_t n_free_pages, file_->database().integer("PRAGMA freelist_count"));
    if (n_free_pages == 0) return {};
    TRY(file_->noting(file_->database().execute(vacuum)));
  }
}

Result<BlockStats> BlockDatabase::stats() {
  TRY_ASSIGN(auto query,
             file_->database().prepare(
                 "SELECT (SELECT count(*) FROM block WHERE complete = 1),"
                 " (SELECT count(*) FROM boundary WHERE complete = 1),"
                 " (SELECT coalesce(sum(n_bytes), 0) FROM block WHERE complete = 1)"
                 " + (SELECT coalesce(sum(n_bytes), 0) FROM boundary WHERE complete = 1),"
                 " (SELECT coalesce(sum(n_bytes), 0) FROM block WHERE complete = 1"
                 "  AND id IN (SELECT block_id FROM pin_block))"
                 " + (SELECT coalesce(sum(n_bytes), 0) FROM boundary WHERE complete = 1"
                 "  AND id IN (SELECT boundary_id FROM pin)),"
                 " (SELECT coalesce(sum(n_bytes), 0) FROM pin_block JOIN block ON id = block_id"
                 "  WHERE complete = 1)"
                 " + (SELECT coalesce(sum(n_bytes), 0) FROM pin"
                 "  JOIN boundary b ON b.id = boundary_id WHERE complete = 1)"));
  TRY(query.step());
  return BlockStats{.n_blocks = query.integer(0),
                    .n_boundaries = query.integer(1),
                    .payload_bytes = query.integer(2),
                    .pinned_bytes = query.integer(3),
                    .logical_bytes = query.integer(4),
                    .file_bytes = file_->fileBytes(),
                    .n_dropped = file_->nDropped()};
}

}  // namespace storage
