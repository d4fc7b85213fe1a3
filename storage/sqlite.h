// sqlite.h: connections, statements and transactions of SQLite; with sqlite.cpp the only place
// that knows its interface.
//
// Every failure becomes a base::Error: SQLITE_FULL and a full file system kDiskFull, BUSY and
// LOCKED kBusy, CORRUPT and NOTADB kCorrupt, the rest kIo. Bound values never appear in errors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/hash.h"
#include "engine/base/result.h"
#include "storage/open_mode.h"

struct sqlite3;
struct sqlite3_stmt;
struct sqlite3_blob;

namespace storage {

struct SqliteClose {
  void operator()(sqlite3* connection) const noexcept;
};
struct SqliteFinalize {
  void operator()(sqlite3_stmt* statement) const noexcept;
};
struct SqliteCloseBlob {
  void operator()(sqlite3_blob* blob) const noexcept;
};

// One prepared statement. Values are bound by name (":name"); a name the statement does not have is
// a mistake of ours and aborts. Columns count from 0. Views are valid until the next step, run or
// reset.
class Statement {
 public:
  Statement& bind(const char* name, std::int64_t value);
  Statement& bind(const char* name, double value);
  Statement& bind(const char* name, std::string_view text);
  Statement& bind(const char* name, std::span<const std::byte> blob);
  Statement& bind(const char* name, const base::Hash128& hash);
  Statement& bindNull(const char* name);
  // 0 stands for "none" in our ids and is stored as NULL.
  Statement& bindId(const char* name, std::int64_t id);

  base::Result<bool> step();  // true: there is a row
  base::Status run();         // for statements without rows; ready to be bound again
  void reset();

  std::int64_t integer(int column) const;  // NULL reads as 0
  double real(int column) const;
  std::string text(int column) const;
  std::span<const std::byte> blob(int column) const;
  base::Result<base::Hash128> hash(int column) const;  // kCorrupt unless 16 bytes

 private:
  friend class Database;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  int indexOf(const char* name) const;
  void keep(int code);

  std::unique_ptr<sqlite3_stmt, SqliteFinalize> statement_;
  int bind_code_ = 0;  // first failure of a bind, reported by the next step
};

// One blob of one row, for reading any piece of it without the rest. Invalid once the row changes.
class BlobReader {
 public:
  std::int64_t size() const;
  base::Status read(std::int64_t offset, std::span<std::byte> to) const;

 private:
  friend class Database;
  BlobReader(sqlite3* connection, sqlite3_blob* blob) : connection_(connection), blob_(blob) {}
  sqlite3* connection_;
  std::unique_ptr<sqlite3_blob, SqliteCloseBlob> blob_;
};

enum class Journal { kWriteAheadLog, kRollback };

// How a file of ours is laid out and written.
struct DatabaseSettings {
  Journal journal = Journal::kWriteAheadLog;
  int page_bytes = 8192;
  bool secure_delete = true;
  bool incremental_vacuum = false;
  bool page_checks = true;  // of files made so: a hash on every page (page_checks.h)
  // Tables that opening does not read: their rows have hashes of their own, and there are many.
  std::span<const std::string_view> unchecked_tables = {};
};

// Invariant: the connection runs with the settings it was opened with, as read back from SQLite,
// has foreign keys on, no memory map, no trust in the file's schema, and has seen quick_check pass,
// of all tables but the unchecked ones.
class Database {
 public:
  // Creates the file with mode 0600. In kReadWrite the connection holds the file exclusively.
  static base::Result<Database> open(const std::filesystem::path& file, OpenMode mode,
                                     const DatabaseSettings& settings);

  base::Result<Statement> prepare(std::string_view sql);
  base::Status execute(std::string_view sql);  // one or more statements without parameters
  base::Result<std::int64_t> integer(std::string_view sql);  // first column of the first row

  // kCorrupt if there is no such row.
  base::Result<BlobReader> openBlob(const char* table, const char* column, std::int64_t row_id);

  std::int64_t lastInsertId() const;
  std::int64_t rowsChanged() const;  // by the last statement
  bool inTransaction() const;

  // All tables and the list of free pages: reads the whole file. kCorrupt; kIo: cannot be read.
  base::Status checkAll();

  // Pages met so far that changed since they were written; quick_check, and so opening, meets all
  // that are in use.
  std::int64_t nDamagedPages() const;

  // Copies the whole database into a new file with mode 0600 and syncs it.
  base::Status backupTo(const std::filesystem::path& file);

 private:
  explicit Database(sqlite3* connection) : connection_(connection) {}
  base::Status configure(OpenMode mode, const DatabaseSettings& settings);
  base::Status expect(std::string_view pragma, std::string_view wanted);
  base::Status quickCheck(std::span<const std::string_view> unchecked_tables);
  base::Status quickCheck(std::string_view table);  // "": all

  std::unique_ptr<sqlite3, SqliteClose> connection_;
  const char* vfs_ = nullptr;
};

// Takes the write lock at once; rolls back when it goes away without a commit.
class Transaction {
 public:
  static base::Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  base::Status commit();  // on the disk when it returns

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;  // null once committed or moved from
};

}  // namespace storage
