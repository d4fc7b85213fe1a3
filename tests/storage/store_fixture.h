// store_fixture.h: a data folder of its own for every test, and things to put into it.
#pragma once

#include <unistd.h>

#include <QDir>
#include <QTemporaryDir>
#include <QTest>
#include <cstdio>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "storage/sqlite.h"
#include "storage/storage.h"

// Fails the test with the error's text; only in functions that return void.
#define MUST(expr)                                    \
  do {                                                \
    auto&& must_ = (expr);                              \
    if (!must_) QFAIL(must_.error().message.c_str()); \
  } while (false)
#define MUST_ASSIGN(declaration, expr) \
  MUST_ASSIGN_IMPL(LECTERN_CONCAT(must_, __LINE__), declaration, expr)
#define MUST_ASSIGN_IMPL(name, declaration, expr) \
  auto name = (expr);                             \
  if (!name) QFAIL(name.error().message.c_str()); \
  declaration = *std::move(name)
#define REFUSED_WITH(expr, error_code)                                \
  do {                                                                \
    auto&& refused_ = (expr);                                           \
    QVERIFY2(!refused_, "accepted");                                  \
    QCOMPARE(std::string(base::errorCodeName(refused_.error().code)), \
             std::string(base::errorCodeName(error_code)));           \
  } while (false)

namespace support {

using Bytes = std::vector<std::byte>;

inline Bytes randomBytes(std::size_t n_bytes, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Bytes bytes(n_bytes);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

// LECTERN_SEED repeats a run.
inline std::uint64_t testSeed(const char* what) {
  const char* given = std::getenv("LECTERN_SEED");
  const std::uint64_t seed = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::printf("%s: LECTERN_SEED=%llu\n", what, static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  return seed;
}

// Two pages with text, boxes and an imperfection; `word` makes it another document.
inline base::Extracted pagedDocument(const std::string& path, const std::string& word) {
  base::Extracted extracted;
  base::Document& document = extracted.document;
  document.path = path;
  document.kind = base::DocumentKind::kPdf;
  document.text = "first page " + word + "\nsecond page\n";
  document.content_hash = base::hashText(document.text);
  document.file_bytes = 12345;
  const std::size_t middle = document.text.find('\n') + 1, end = document.text.size();
  document.pages = {{1, "i", {0, middle}, 595.276, 841.89},
                    {2, "1", {middle, end}, 595.276, 841.89}};
  document.spans = {{{0, 5}, 1, {{72.1, 70.25, 120.333, 84}}},
                    {{6, middle - 1}, 1, {{72, 90, 300, 104}, {72, 106, 110, 120}}},
                    {{middle, end - 1}, 2, {{72, 70, 130, 84}}}};
  extracted.diagnostics = {{"no_text_layer", "Page 2 has images only.", 2}};
  return extracted;
}

inline base::Extracted textDocument(const std::string& path, const std::string& text) {
  base::Extracted extracted;
  extracted.document.path = path;
  extracted.document.kind = base::DocumentKind::kCode;
  extracted.document.text = text;
  extracted.document.content_hash = base::hashText(text);
  extracted.document.file_bytes = text.size();
  return extracted;
}

inline std::string fileBytes(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void flipBit(const std::filesystem::path& file, std::uint64_t bit) {
  std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
  stream.seekg(static_cast<std::streamoff>(bit / 8));
  char byte = 0;
  stream.get(byte);
  stream.seekp(static_cast<std::streamoff>(bit / 8));
  stream.put(static_cast<char>(byte ^ (1 << (bit % 8))));
}

// Where a test's files lie: in memory, what is synced costs nothing, and a process that dies loses
// as little as on a disk.
enum class Medium { kDisk, kMemory };

inline QString folderTemplate(Medium medium) {
  const bool in_memory = medium == Medium::kMemory && ::access("/dev/shm", W_OK) == 0;
  return (in_memory ? QString("/dev/shm") : QDir::tempPath()) + "/lectern-XXXXXX";
}

// "ok", or the first thing SQLite finds wrong with a database of ours that nobody has open.
inline std::string integrityOf(const std::filesystem::path& file) {
  storage::DatabaseSettings settings;
  if (file.filename() == "snapshots.db")
    settings = {storage::Journal::kRollback, 16384, false, true};
  auto database = storage::Database::open(file, storage::OpenMode::kReadWrite, settings);
  if (!database) return database.error().message;
  auto query = database->prepare("PRAGMA integrity_check");
  if (!query || !query->step()) return "no answer";
  return query->text(0);
}

class DataFolder {
 public:
  explicit DataFolder(Medium medium = Medium::kDisk) : folder_(folderTemplate(medium)) {}
  std::filesystem::path path() const { return folder_.path().toStdString(); }
  std::filesystem::path file(const std::string& name) const { return path() / name; }

 private:
  QTemporaryDir folder_;
};

class SessionFixture : public DataFolder {
 public:
  explicit SessionFixture(Medium medium = Medium::kDisk) : DataFolder(medium) { reopen(); }
  void close() { database_.reset(); }
  void reopen() {
    close();
    auto opened = storage::SessionDatabase::open(path());
    if (!opened) {
      std::printf("open: %s\n", opened.error().message.c_str());
      std::abort();
    }
    database_ = *std::move(opened);
  }
  storage::SessionDatabase& database() { return *database_; }
  storage::LibraryStore& library() { return database_->library(); }
  storage::SessionStore& sessions() { return database_->sessions(); }
  storage::MessageStore& messages() { return database_->messages(); }

  storage::Session newSession(const std::string& name) {
    auto session = sessions().create({.name = name,
                                      .title = "",
                                      .model_name = "mini",
                                      .model_fingerprint = base::hashText("mini"),
                                      .workspace = {}});
    if (!session) std::abort();
    return *session;
  }

 private:
  std::unique_ptr<storage::SessionDatabase> database_;
};

class BlockFixture : public DataFolder {
 public:
  explicit BlockFixture(storage::BlockDatabaseOptions options = {}) : options_(options) {
    reopen();
  }
  void close() { database_.reset(); }
  base::Status tryReopen() {
    close();
    TRY_ASSIGN(database_, storage::BlockDatabase::open(path(), options_));
    return {};
  }
  void reopen() {
    if (auto opened = tryReopen(); !opened) {
      std::printf("open: %s\n", opened.error().message.c_str());
      std::abort();
    }
  }
  storage::BlockDatabase& database() { return *database_; }
  storage::BlockDatabase* operator->() { return database_.get(); }

 private:
  const storage::BlockDatabaseOptions options_;
  std::unique_ptr<storage::BlockDatabase> database_;
};

inline base::Hash128 rootKey() { return base::hashText("root"); }

// The n-th block of the chain called `name`; block 0 begins it. Names and payloads are functions of
// each other, so that a reader can tell whether it got the right bytes.
inline base::Hash128 blockKey(const std::string& name, int n) {
  return n < 0 ? rootKey() : base::hashText(name + "#" + std::to_string(n));
}
inline base::Hash128 boundaryKey(const std::string& name, int n) {
  return base::hashText(name + "@" + std::to_string(n));
}
inline Bytes payloadOf(const base::Hash128& key, std::size_t n_bytes) {
  std::uint64_t seed = 0;
  for (int i = 0; i < 8; ++i) seed = seed << 8 | key.bytes[static_cast<std::size_t>(i)];
  return randomBytes(n_bytes, seed);
}

}  // namespace support
