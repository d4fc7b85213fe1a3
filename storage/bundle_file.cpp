#include "storage/bundle_file.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>
#include <system_error>

#include "engine/base/hash.h"

namespace storage {
namespace {

using base::ErrorCode;
using base::failure;
using base::Result;
using base::Status;

constexpr std::size_t kPieceBytes = std::size_t{1} << 20;
constexpr DatabaseSettings kSettings{.journal = Journal::kRollback,
                                     .page_bytes = 65536,
                                     .secure_delete = false,
                                     .incremental_vacuum = false};
constexpr std::string_view kMagic("SQLite format 3\0", 16);
// "LctB": says in SQLite's header whose file this is.
constexpr std::int64_t kApplicationId = 0x4c637442, kVersion = 1;
constexpr const char* kTable =
    "CREATE TABLE piece (name TEXT NOT NULL, position INTEGER NOT NULL, n_pieces INTEGER NOT NULL,"
    " hash INTEGER NOT NULL, bytes BLOB NOT NULL, UNIQUE (name, position)) STRICT";

Status refused() {
  return failure(ErrorCode::kInvalidInput, "the file is no bundle of Lectern",
                 "`lectern export SESSION --with-kv --out FILE` writes such files.");
}

Status makeTable(Database& database) {
  TRY_ASSIGN(const std::int64_t n_objects, database.integer("SELECT count(*) FROM sqlite_schema"));
  if (n_objects > 0) return {};
  TRY_ASSIGN(auto transaction, Transaction::begin(database));
  TRY(database.execute(kTable));
  TRY(database.execute("PRAGMA application_id = " + std::to_string(kApplicationId)));
  TRY(database.execute("PRAGMA user_version = " + std::to_string(kVersion)));
  return transaction.commit();
}

// Our table, its automatic index, nothing else: no view, no trigger, no other way to be clever.
Status requireOurSchema(Database& database) {
  TRY_ASSIGN(const std::int64_t id, database.integer("PRAGMA application_id"));
  TRY_ASSIGN(const std::int64_t version, database.integer("PRAGMA user_version"));
  if (id != kApplicationId) return refused();
  if (version != kVersion)
    return failure(ErrorCode::kMismatch, "the bundle has another version",
                   "Install the Lectern that wrote it.");
  TRY_ASSIGN(auto query, database.prepare("SELECT type, name, sql FROM sqlite_schema"));
  int n_tables = 0, n_indexes = 0;
  for (;;) {
    TRY_ASSIGN(const bool has_row, query.step());
    if (!has_row) break;
    const bool table =
        query.text(0) == "table" && query.text(1) == "piece" && query.text(2) == kTable;
    const bool index = query.text(0) == "index" && query.text(1) == "sqlite_autoindex_piece_1" &&
                       query.text(2).empty();
    if (!table && !index) return refused();
    ++(table ? n_tables : n_indexes);
  }
  return n_tables == 1 && n_indexes == 1 ? Status() : refused();
}

std::int64_t hashOf(const std::string& name, std::int64_t position, std::int64_t n_pieces,
                    std::span<const std::byte> bytes) {
  base::Hasher hasher;
  const auto digest = hasher.add(name).add(position).add(n_pieces).add(bytes).digest();
  return static_cast<std::int64_t>(base::payloadHash(std::as_bytes(std::span(digest.bytes))));
}

tl::unexpected<base::Error> damaged(const std::string& file) {
  return failure(ErrorCode::kCorrupt, file + " is cut short or damaged",
                 "Get a complete copy of the file, or export the session again.");
}

// SQLite speaks of a database; what the user has is a file that somebody sent.
base::Error asOfBundle(base::Error error, const std::string& file) {
  if (error.code != ErrorCode::kCorrupt) return error;
  return damaged(file).value();
}

}  // namespace

// SQLite's header: magic at 0; at 18 and 19 a 1 unless there is a write-ahead log; at 68 the
// application id, big-endian.
bool BundleFile::isOne(const std::filesystem::path& file) {
  std::array<char, 72> header{};
  std::ifstream in(file, std::ios::binary);
  in.read(header.data(), header.size());
  if (!in || std::string_view(header.data(), kMagic.size()) != kMagic) return false;
  std::int64_t id = 0;
  for (std::size_t i = 68; i < 72; ++i) id = id << 8 | static_cast<unsigned char>(header[i]);
  return header[18] == 1 && header[19] == 1 && id == kApplicationId;
}

Result<BundleFile> BundleFile::write(const std::filesystem::path& file) {
  TRY_ASSIGN(auto database,
             Database::open(std::filesystem::absolute(file), OpenMode::kReadWrite, kSettings));
  TRY(makeTable(database));
  TRY(requireOurSchema(database));
  return BundleFile(std::move(database), file.string());
}

Result<BundleFile> BundleFile::read(const std::filesystem::path& file) {
  std::error_code error;
  const auto path = std::filesystem::canonical(file, error);  // links to it are fine
  if (error)
    return failure(ErrorCode::kNotFound, "cannot read " + file.string(), "Check the path.");
  if (!isOne(path)) return tl::make_unexpected(refused().error());
  auto database = Database::open(path, OpenMode::kReadOnly, kSettings);
  if (!database) return tl::make_unexpected(asOfBundle(database.error(), file.string()));
  if (const Status ours = requireOurSchema(*database); !ours)
    return tl::make_unexpected(asOfBundle(ours.error(), file.string()));
  return BundleFile(*std::move(database), file.string());
}

Status BundleFile::add(const std::string& name, std::span<const std::byte> bytes) {
  const auto n_pieces = static_cast<std::int64_t>(
      std::max<std::size_t>(1, (bytes.size() + kPieceBytes - 1) / kPieceBytes));
  TRY_ASSIGN(auto transaction, Transaction::begin(database_));
  TRY_ASSIGN(auto insert,
             database_.prepare("INSERT INTO piece (name, position, n_pieces, hash, bytes)"
                               " VALUES (:name, :position, :n_pieces, :hash, :bytes)"));
  for (std::int64_t position = 0; position < n_pieces; ++position) {
    const auto piece = bytes.first(std::min(kPieceBytes, bytes.size()));
    bytes = bytes.subspan(piece.size());
    insert.bind(":name", name).bind(":position", position).bind(":n_pieces", n_pieces);
    insert.bind(":hash", hashOf(name, position, n_pieces, piece)).bind(":bytes", piece);
    TRY(insert.run());
  }
  return transaction.commit();
}

Result<bool> BundleFile::has(const std::string& name) {
  TRY_ASSIGN(auto query, database_.prepare("SELECT 1 FROM piece WHERE name = :name"));
  return query.bind(":name", name).step();
}

Result<std::vector<std::byte>> BundleFile::part(const std::string& name, std::int64_t n_bytes_max) {
  TRY_ASSIGN(auto query, database_.prepare("SELECT position, n_pieces, hash, bytes FROM piece"
                                           " WHERE name = :name ORDER BY position"));
  query.bind(":name", name);
  std::vector<std::byte> bytes;
  std::int64_t n_read = 0, n_pieces = 0;
  for (;; ++n_read) {
    const auto has_row = query.step();
    if (!has_row) return tl::make_unexpected(asOfBundle(has_row.error(), file_));
    if (!*has_row) break;
    const auto piece = query.blob(3);
    n_pieces = query.integer(1);
    if (query.integer(0) != n_read || piece.size() > kPieceBytes ||
        query.integer(2) != hashOf(name, n_read, n_pieces, piece))
      return damaged(file_);
    if (static_cast<std::int64_t>(bytes.size() + piece.size()) > n_bytes_max)
      return failure(ErrorCode::kTooLarge, "a part of the bundle is larger than it may be",
                     "Ask for another export.");
    bytes.insert(bytes.end(), piece.begin(), piece.end());
  }
  if (n_read == 0) return failure(ErrorCode::kNotFound, "the bundle has no part \"" + name + "\"");
  if (n_read != n_pieces) return damaged(file_);
  return bytes;
}

}  // namespace storage
