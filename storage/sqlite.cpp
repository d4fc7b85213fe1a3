#include "storage/sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "engine/base/check.h"
#include "storage/data_folder.h"
#include "storage/page_checks.h"

namespace storage {
namespace {

using base::Error;
using base::ErrorCode;
using base::failure;
using base::Result;
using base::Status;

// Largest text or blob we store or accept from a file; a payload row has at most 8 MiB.
constexpr int kValueBytesMax = 64 << 20;
constexpr int kBusyTimeoutMs = 500;

bool isFileSystemFull(int system_error) {
  return system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG;
}

// Only ENOSPC makes SQLite say SQLITE_FULL; a quota or a limit of the file's size is an I/O error to
// it, whose cause the file knows. A rollback has been through errno since.
bool isAnyFileFull(sqlite3* connection) {
  int system_error = 0;
  if (sqlite3_file_control(connection, "main", SQLITE_FCNTL_LAST_ERRNO, &system_error) ==
          SQLITE_OK &&
      isFileSystemFull(system_error))
    return true;
  sqlite3_file* journal = nullptr;
  sqlite3_file_control(connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &journal);
  return journal && journal->pMethods &&
         journal->pMethods->xFileControl(journal, SQLITE_FCNTL_LAST_ERRNO, &system_error) ==
             SQLITE_OK &&
         isFileSystemFull(system_error);
}

Error errorOf(sqlite3* connection, int code) {
  const int extended = connection ? sqlite3_extended_errcode(connection) : code;
  const int system_error = connection ? sqlite3_system_errno(connection) : 0;
  const std::string message =
      "sqlite error " + std::to_string(extended) + ": " + sqlite3_errstr(extended);
  const int primary = code & 0xff;
  const bool touches_files = primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN;
  if (primary == SQLITE_FULL ||
      (touches_files &&
       (isFileSystemFull(system_error) || (connection && isAnyFileFull(connection)))))
    return {ErrorCode::kDiskFull, message, "Make room on the disk and try again."};
  switch (primary) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {ErrorCode::kBusy, message, "Another Lectern uses this data folder: close it first."};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {ErrorCode::kCorrupt, message,
              "The file is damaged: restore a backup of it or move it away."};
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return {ErrorCode::kIo, message, "Check that the data folder may be written."};
    case SQLITE_CANTOPEN:
      return {ErrorCode::kIo, message, "Check that the data folder exists and may be written."};
    case SQLITE_TOOBIG:
      return {ErrorCode::kTooLarge, message, ""};
    case SQLITE_NOMEM:
      return {ErrorCode::kOutOfMemory, message, "Close other programs and try again."};
    case SQLITE_INTERRUPT:
      return {ErrorCode::kCancelled, message, ""};
    case SQLITE_CONSTRAINT:
      return {ErrorCode::kInvalidInput, message, ""};
    case SQLITE_IOERR:
      return {ErrorCode::kIo, message, "Check the disk that holds the data folder."};
    default:
      return {ErrorCode::kInternal, message, ""};
  }
}

tl::unexpected<Error> failed(sqlite3* connection, int code) {
  return tl::unexpected<Error>(errorOf(connection, code));
}

// SQLite would create the file with the process' umask; documents are nobody else's business.
// Nothing of SQLite is open yet: closing a descriptor of an open database would drop its locks.
Status createPrivately(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (descriptor >= 0) {
    ::close(descriptor);
    return syncFolder(file.parent_path());
  }
  if (errno == EEXIST) return {};
  const ErrorCode code = isFileSystemFull(errno) ? ErrorCode::kDiskFull : ErrorCode::kIo;
  return failure(code, "cannot create a database: errno " + std::to_string(errno),
                 "Check that the data folder exists, has room and may be written.");
}

std::string_view journalName(Journal journal) {
  return journal == Journal::kWriteAheadLog ? "wal" : "delete";
}

}  // namespace

void SqliteClose::operator()(sqlite3* connection) const noexcept { sqlite3_close_v2(connection); }
void SqliteFinalize::operator()(sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}

void SqliteCloseBlob::operator()(sqlite3_blob* blob) const noexcept { sqlite3_blob_close(blob); }

int Statement::indexOf(const char* name) const {
  const int index = sqlite3_bind_parameter_index(statement_.get(), name);
  CHECK(index > 0);
  return index;
}

void Statement::keep(int code) {
  if (bind_code_ == SQLITE_OK) bind_code_ = code;
}

Statement& Statement::bind(const char* name, std::int64_t value) {
  keep(sqlite3_bind_int64(statement_.get(), indexOf(name), value));
  return *this;
}

Statement& Statement::bind(const char* name, double value) {
  keep(sqlite3_bind_double(statement_.get(), indexOf(name), value));
  return *this;
}

Statement& Statement::bind(const char* name, std::string_view text) {
  const char* data = text.data() ? text.data() : "";
  keep(sqlite3_bind_text64(statement_.get(), indexOf(name), data, text.size(), SQLITE_TRANSIENT,
                           SQLITE_UTF8));
  return *this;
}

Statement& Statement::bind(const char* name, std::span<const std::byte> blob) {
  const int index = indexOf(name);
  keep(blob.empty() ? sqlite3_bind_zeroblob(statement_.get(), index, 0)
                    : sqlite3_bind_blob64(statement_.get(), index, blob.data(), blob.size(),
                                          SQLITE_TRANSIENT));
  return *this;
}

Statement& Statement::bind(const char* name, const base::Hash128& hash) {
  keep(sqlite3_bind_blob64(statement_.get(), indexOf(name), hash.bytes.data(), hash.bytes.size(),
                           SQLITE_TRANSIENT));
  return *this;
}

Statement& Statement::bindNull(const char* name) {
  keep(sqlite3_bind_null(statement_.get(), indexOf(name)));
  return *this;
}

Statement& Statement::bindId(const char* name, std::int64_t id) {
  return id == 0 ? bindNull(name) : bind(name, id);
}

Result<bool> Statement::step() {
  if (bind_code_ != SQLITE_OK) return failed(nullptr, bind_code_);
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return failed(sqlite3_db_handle(statement_.get()), code);
}

Status Statement::run() {
  auto row = step();
  reset();
  if (!row) return tl::make_unexpected(std::move(row).error());
  return {};
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
  bind_code_ = SQLITE_OK;
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

double Statement::real(int column) const { return sqlite3_column_double(statement_.get(), column); }

std::string Statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  if (!data) return {};
  return std::string(data, sqlite3_column_bytes(statement_.get(), column));
}

std::span<const std::byte> Statement::blob(int column) const {
  const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(statement_.get(), column));
  if (!data) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

Result<base::Hash128> Statement::hash(int column) const {
  const auto bytes = blob(column);
  base::Hash128 hash;
  if (bytes.size() != hash.bytes.size())
    return failure(ErrorCode::kCorrupt, "a stored hash does not have 16 bytes");
  for (std::size_t i = 0; i < bytes.size(); ++i)
    hash.bytes[i] = std::to_integer<std::uint8_t>(bytes[i]);
  return hash;
}

std::int64_t BlobReader::size() const { return sqlite3_blob_bytes(blob_.get()); }

Status BlobReader::read(std::int64_t offset, std::span<std::byte> to) const {
  const int code = sqlite3_blob_read(blob_.get(), to.data(), static_cast<int>(to.size()),
                                     static_cast<int>(offset));
  if (code != SQLITE_OK) return failed(connection_, code);
  return {};
}

Result<Database> Database::open(const std::filesystem::path& file, OpenMode mode,
                                const DatabaseSettings& settings) {
  const bool writable = mode == OpenMode::kReadWrite;
  std::error_code error;
  const auto folder = std::filesystem::canonical(file.parent_path(), error);
  if (error) return failure(ErrorCode::kNotFound, "the data folder does not exist");
  const auto path = folder / file.filename();
  if (writable) TRY(createPrivately(path));
  // NOFOLLOW: a link to a database elsewhere would have its journal beside the wrong file. Links
  // in the folder's own path are fine and are resolved above.
  const int flags = (writable ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) |
                    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE |
                    SQLITE_OPEN_NOFOLLOW;
  sqlite3* connection = nullptr;
  const char* vfs = settings.page_checks ? pageChecksVfs() : nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &connection, flags, vfs);
  Database database(connection);
  database.vfs_ = vfs;
  if (code != SQLITE_OK) return failed(connection, code);
  TRY(database.configure(mode, settings));
  return database;
}

Status Database::configure(OpenMode mode, const DatabaseSettings& settings) {
  sqlite3* connection = connection_.get();
  sqlite3_busy_timeout(connection, kBusyTimeoutMs);
  sqlite3_limit(connection, SQLITE_LIMIT_LENGTH, kValueBytesMax);
  int is_defensive = 0;
  sqlite3_db_config(connection, SQLITE_DBCONFIG_DEFENSIVE, 1, &is_defensive);
  CHECK(is_defensive == 1);
  TRY(
      execute("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;"
              "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;"));
  if (mode == OpenMode::kReadOnly) return quickCheck(settings.unchecked_tables);

  // Exclusive: no shared-memory file, and no second connection that could race a checkpoint
  // (SQLite before 3.51.3 can damage a write-ahead log then).
  TRY(execute("PRAGMA locking_mode = EXCLUSIVE"));
  TRY(execute("PRAGMA page_size = " + std::to_string(settings.page_bytes)));  // only for a new file
  int reserved = settings.page_checks ? kPageCheckBytes : 0;  // as well
  if (reserved > 0)
    sqlite3_file_control(connection, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
  TRY(execute(settings.incremental_vacuum ? "PRAGMA auto_vacuum = INCREMENTAL"
                                          : "PRAGMA auto_vacuum = NONE"));
  TRY(execute(settings.secure_delete ? "PRAGMA secure_delete = ON" : "PRAGMA secure_delete = OFF"));
  // A fresh file begins with a rollback journal, which the change to a log deletes. EXTRA syncs the
  // folder then: a journal that came back after a power cut would undo the file's beginning, and
  // with it every commit in the log.
  TRY(execute("PRAGMA synchronous = EXTRA"));
  TRY(execute(settings.journal == Journal::kWriteAheadLog ? "PRAGMA journal_mode = WAL"
                                                          : "PRAGMA journal_mode = DELETE"));
  TRY(execute("PRAGMA synchronous = FULL"));

  TRY(expect("PRAGMA journal_mode", journalName(settings.journal)));
  TRY(expect("PRAGMA synchronous", "2"));
  TRY(expect("PRAGMA secure_delete", settings.secure_delete ? "1" : "0"));
  TRY(expect("PRAGMA foreign_keys", "1"));
  TRY(expect("PRAGMA trusted_schema", "0"));
  TRY(expect("PRAGMA cell_size_check", "1"));
  TRY(expect("PRAGMA locking_mode", "exclusive"));
  return quickCheck(settings.unchecked_tables);
}

// A pragma that is not obeyed says nothing; only reading it back tells.
Status Database::expect(std::string_view pragma, std::string_view wanted) {
  TRY_ASSIGN(auto query, prepare(pragma));
  TRY_ASSIGN(const bool has_row, query.step());
  const std::string found = has_row ? query.text(0) : "nothing";
  if (found == wanted) return {};
  return failure(ErrorCode::kUnsupported, "sqlite answers " + std::string(pragma) + " with " +
                                              found + ", not " + std::string(wanted));
}

Status Database::checkAll() { return quickCheck(""); }

Status Database::quickCheck(std::span<const std::string_view> unchecked_tables) {
  if (unchecked_tables.empty()) return checkAll();
  std::vector<std::string> tables{"sqlite_schema"};
  {
    TRY_ASSIGN(auto query, prepare("SELECT name FROM sqlite_schema WHERE type = 'table'"));
    for (;;) {
      TRY_ASSIGN(const bool has_row, query.step());
      if (!has_row) break;
      const std::string name = query.text(0);
      if (std::ranges::find(unchecked_tables, name) == unchecked_tables.end())
        tables.push_back(name);
    }
  }
  for (const std::string& table : tables) TRY(quickCheck(table));
  return {};
}

Status Database::quickCheck(std::string_view table) {
  const std::string what(table.empty() ? "1" : table);
  TRY_ASSIGN(auto query, prepare("PRAGMA quick_check(" + what + ")"));
  TRY_ASSIGN(const bool has_row, query.step());
  if (has_row && query.text(0) == "ok") return {};
  // A page that could not be read is damage to SQLite; to us it is a disk that may be well tomorrow,
  // and no reason to give the file up.
  int system_error = 0;
  if (sqlite3_file_control(connection_.get(), "main", SQLITE_FCNTL_LAST_ERRNO, &system_error) ==
          SQLITE_OK &&
      system_error != 0)
    return failure(ErrorCode::kIo,
                   "the database cannot be read: errno " + std::to_string(system_error),
                   "Check the disk that holds the data folder.");
  return failure(ErrorCode::kCorrupt, "quick_check found damage in the database",
                 "The file is damaged: restore a backup of it or move it away.");
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(connection_.get(), sql.data(), static_cast<int>(sql.size()),
                                      0, &statement, nullptr);
  if (code != SQLITE_OK) return failed(connection_.get(), code);
  return Statement(statement);
}

Result<BlobReader> Database::openBlob(const char* table, const char* column, std::int64_t row_id) {
  sqlite3_blob* blob = nullptr;
  const int code =
      sqlite3_blob_open(connection_.get(), "main", table, column, row_id, 0, &blob);
  if (code == SQLITE_ERROR)  // what it says when it finds no row, or no blob in it
    return failure(ErrorCode::kCorrupt, "a row that another one names is missing");
  if (code != SQLITE_OK) return failed(connection_.get(), code);
  return BlobReader(connection_.get(), blob);
}

Status Database::execute(std::string_view sql) {
  const std::string terminated(sql);
  const int code = sqlite3_exec(connection_.get(), terminated.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failed(connection_.get(), code);
  return {};
}

Result<std::int64_t> Database::integer(std::string_view sql) {
  TRY_ASSIGN(auto query, prepare(sql));
  TRY_ASSIGN(const bool has_row, query.step());
  return has_row ? query.integer(0) : 0;
}

std::int64_t Database::lastInsertId() const { return sqlite3_last_insert_rowid(connection_.get()); }

std::int64_t Database::rowsChanged() const { return sqlite3_changes64(connection_.get()); }

std::int64_t Database::nDamagedPages() const { return damagedPages(connection_.get()); }

bool Database::inTransaction() const { return sqlite3_get_autocommit(connection_.get()) == 0; }

Status Database::backupTo(const std::filesystem::path& file) {
  if (std::filesystem::exists(file))
    return failure(ErrorCode::kInvalidInput, "the backup file exists already",
                   "Choose another name.");
  TRY(createPrivately(file));
  // Pages are copied as they are: with room for their hashes, or without.
  int reserved = -1;
  sqlite3_file_control(connection_.get(), "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
  const char* vfs = reserved == kPageCheckBytes ? vfs_ : nullptr;
  sqlite3* target = nullptr;
  int code =
      sqlite3_open_v2(file.c_str(), &target, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, vfs);
  const Database owner(target);
  if (code == SQLITE_OK) {
    sqlite3_backup* backup = sqlite3_backup_init(target, "main", connection_.get(), "main");
    if (backup) sqlite3_backup_step(backup, -1);
    code = backup ? sqlite3_backup_finish(backup) : sqlite3_errcode(target);
  }
  if (code == SQLITE_OK) return {};
  auto error = errorOf(target, code);
  std::error_code ignored;
  std::filesystem::remove(file, ignored);
  return tl::unexpected<Error>(std::move(error));
}

Result<Transaction> Transaction::begin(Database& database) {
  TRY(database.execute("BEGIN IMMEDIATE"));
  return Transaction(database);
}

Transaction::Transaction(Transaction&& other) noexcept
    : database_(std::exchange(other.database_, nullptr)) {}

// Some failures (disk full, I/O) have rolled back already; then there is nothing left to do.
Transaction::~Transaction() {
  if (database_ && database_->inTransaction()) (void)database_->execute("ROLLBACK");
}

Status Transaction::commit() {
  CHECK(database_ != nullptr);
  TRY(database_->execute("COMMIT"));
  database_ = nullptr;
  return {};
}

}  // namespace storage
