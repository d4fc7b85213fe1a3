// Opening: settings, locks, versions, foreign files; for both databases.
#include <fcntl.h>
#include <sys/stat.h>

#include "storage/migrations.h"
#include "storage/sqlite.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/test_main.h"

using namespace support;
using base::ErrorCode;
using storage::OpenMode;

class DatabaseFileTest : public QObject {
  Q_OBJECT

  // What a newer or older Lectern left behind: the file's user_version.
  static void setVersion(const std::filesystem::path& file, int version) {
    storage::DatabaseSettings settings;
    if (file.filename() == "snapshots.db")
      settings = {storage::Journal::kRollback, 16384, false, true};
    auto database = storage::Database::open(file, OpenMode::kReadWrite, settings);
    QVERIFY(database && database->execute("PRAGMA user_version = " + std::to_string(version)));
  }
  static std::string pragma(storage::Database& database, const std::string& name) {
    auto query = database.prepare("PRAGMA " + name);
    if (!query || !query->step()) return "nothing";
    return query->text(0);
  }
  static mode_t modeOf(const std::filesystem::path& file) {
    struct stat status {};
    return ::stat(file.c_str(), &status) == 0 ? status.st_mode & 0777 : 0;
  }

 private slots:
  // Counted once however often it is read, and still told when it has been written again.
  void aDamagedPageStaysToldWhenItIsRewritten() {
    DataFolder folder;
    const auto file = folder.file("x.db");
    {
      MUST_ASSIGN(auto database, storage::Database::open(file, OpenMode::kReadWrite, {}));
      MUST(
          database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT);"
                           "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                           " WHERE i < 2000) INSERT INTO t SELECT i, 'some words ' || i FROM n;"));
      QCOMPARE(database.nDamagedPages(), 0);
    }
    const std::string bytes = fileBytes(file);
    const std::size_t at = bytes.find("some words 1000");
    QVERIFY(at != std::string::npos);
    flipBit(file, at * 8);
    {
      MUST_ASSIGN(auto database, storage::Database::open(file, OpenMode::kReadWrite, {}));
      for (int again = 0; again < 3; ++again) {
        MUST(database.execute("PRAGMA shrink_memory"));
        MUST(database.integer("SELECT sum(length(text)) FROM t"));
      }
      QCOMPARE(database.nDamagedPages(), 1);
      MUST(database.execute("UPDATE t SET text = text || '!' WHERE id BETWEEN 990 AND 1010"));
      MUST(database.execute("PRAGMA wal_checkpoint(TRUNCATE)"));
    }
    for (int run = 0; run < 2; ++run) {
      MUST_ASSIGN(auto database, storage::Database::open(file, OpenMode::kReadWrite, {}));
      QCOMPARE(database.nDamagedPages(), 1);
    }
  }

  void settingsAreAsMeasured_data() {
    QTest::addColumn<bool>("is_session");
    QTest::newRow("session.db") << true;
    QTest::newRow("snapshots.db") << false;
  }
  void settingsAreAsMeasured() {
    QFETCH(bool, is_session);
    DataFolder folder;
    const auto file = folder.file("x.db");
    storage::DatabaseSettings settings;
    if (!is_session) settings = {storage::Journal::kRollback, 16384, false, true};
    MUST_ASSIGN(auto database, storage::Database::open(file, OpenMode::kReadWrite, settings));
    QCOMPARE(pragma(database, "journal_mode"), std::string(is_session ? "wal" : "delete"));
    QCOMPARE(pragma(database, "synchronous"), std::string("2"));
    QCOMPARE(pragma(database, "page_size"), std::string(is_session ? "8192" : "16384"));
    QCOMPARE(pragma(database, "secure_delete"), std::string(is_session ? "1" : "0"));
    QCOMPARE(pragma(database, "auto_vacuum"), std::string(is_session ? "0" : "2"));
    QCOMPARE(pragma(database, "mmap_size"), std::string("0"));
    QCOMPARE(pragma(database, "trusted_schema"), std::string("0"));
    QCOMPARE(pragma(database, "cell_size_check"), std::string("1"));
    QCOMPARE(pragma(database, "foreign_keys"), std::string("1"));
    QCOMPARE(pragma(database, "locking_mode"), std::string("exclusive"));
    REFUSED_WITH(database.execute("PRAGMA writable_schema = ON; DELETE FROM sqlite_schema"),
                 ErrorCode::kInternal);
  }

  // The fix of the WAL race of SQLite before 3.51.3 is one connection; an exclusive one makes sure.
  void aSecondConnectionIsLockedOut() {
    DataFolder folder;
    const auto file = folder.file("x.db");
    MUST_ASSIGN(auto first, storage::Database::open(file, OpenMode::kReadWrite, {}));
    MUST(first.execute("CREATE TABLE t (a)"));
    QVERIFY(!std::filesystem::exists(folder.file("x.db-shm")));
    REFUSED_WITH(storage::Database::open(file, OpenMode::kReadWrite, {}), ErrorCode::kBusy);
  }

  void aTransactionWithoutCommitLeavesNothing() {
    DataFolder folder;
    MUST_ASSIGN(auto database,
                storage::Database::open(folder.file("x.db"), OpenMode::kReadWrite, {}));
    MUST(database.execute("CREATE TABLE t (a)"));
    {
      MUST_ASSIGN(auto transaction, storage::Transaction::begin(database));
      MUST(database.execute("INSERT INTO t VALUES (1)"));
    }
    {
      MUST_ASSIGN(auto transaction, storage::Transaction::begin(database));
      MUST(database.execute("INSERT INTO t VALUES (2)"));
      MUST(transaction.commit());
    }
    MUST_ASSIGN(const auto sum, database.integer("SELECT sum(a) FROM t"));
    QCOMPARE(sum, 2);
  }

  void valuesLongerThanTheLimitAreRefused() {
    DataFolder folder;
    MUST_ASSIGN(auto database,
                storage::Database::open(folder.file("x.db"), OpenMode::kReadWrite, {}));
    MUST_ASSIGN(auto query, database.prepare("SELECT length(:blob)"));
    const Bytes blob(std::size_t{65} << 20);
    query.bind(":blob", std::span(blob));
    REFUSED_WITH(query.step(), ErrorCode::kTooLarge);
  }

  void filesArePrivateAndNotInherited() {
    DataFolder parent;
    const auto folder = parent.file("data");
    MUST_ASSIGN(const auto session, storage::SessionDatabase::open(folder));
    MUST_ASSIGN(const auto blocks, storage::BlockDatabase::open(folder));
    MUST(session->sessions().create(
        {.name = "a", .title = "", .model_name = "", .model_fingerprint = {}, .workspace = {}}));
    QCOMPARE(modeOf(folder), mode_t{0700});
    int n_files = 0, n_open = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      QCOMPARE(modeOf(entry.path()), mode_t{0600});
      ++n_files;
    }
    QVERIFY(n_files >= 5);
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code error;
      const auto target = std::filesystem::read_symlink(entry.path(), error);
      if (error || target.string().rfind(folder.string(), 0) != 0) continue;
      ++n_open;
      const int flags = ::fcntl(std::stoi(entry.path().filename().string()), F_GETFD);
      QVERIFY2(flags & FD_CLOEXEC, target.c_str());
    }
    QVERIFY(n_open >= 4);
  }

  void anEmptyFileIsMigratedAndAFolderIsMade() {
    DataFolder parent;
    const auto folder = parent.file("a") / "b";
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "session.db").flush();
    MUST_ASSIGN(const auto session, storage::SessionDatabase::open(folder));
    MUST_ASSIGN(const auto workspaces, session->sessions().workspaces());
    QCOMPARE(workspaces.size(), std::size_t{1});
  }

  void anOlderFileIsCopiedBeforeItIsMigrated() {
    DataFolder folder;
    const auto file = folder.file("x.db");
    const std::vector<storage::Migration> one{{1, "CREATE TABLE t (a); INSERT INTO t VALUES (7)"}};
    auto two = one;
    two.push_back({2, "ALTER TABLE t ADD COLUMN b; UPDATE t SET b = a + 1"});
    MUST_ASSIGN(auto database, storage::Database::open(file, OpenMode::kReadWrite, {}));
    using storage::BeforeMigration;
    MUST(storage::migrate(database, one, BeforeMigration::kBackup, file));
    QVERIFY(!std::filesystem::exists(folder.file("x.db.v1.backup")));
    MUST(storage::migrate(database, two, BeforeMigration::kBackup, file));
    MUST_ASSIGN(const auto b, database.integer("SELECT b FROM t"));
    QCOMPARE(b, 8);
    MUST_ASSIGN(auto copy,
                storage::Database::open(folder.file("x.db.v1.backup"), OpenMode::kReadOnly, {}));
    MUST_ASSIGN(const auto version, copy.integer("PRAGMA user_version"));
    MUST_ASSIGN(const auto a, copy.integer("SELECT a FROM t"));
    QCOMPARE(version, 1);
    QCOMPARE(a, 7);
  }

  void aMigrationThatFailsChangesNothing() {
    DataFolder folder;
    const auto file = folder.file("x.db");
    MUST_ASSIGN(auto database, storage::Database::open(file, OpenMode::kReadWrite, {}));
    const std::vector<storage::Migration> bad{
        {1, "CREATE TABLE t (a); INSERT INTO nowhere VALUES (1)"}};
    QVERIFY(!storage::migrate(database, bad, storage::BeforeMigration::kBackup, file));
    MUST_ASSIGN(const auto n_tables, database.integer("SELECT count(*) FROM sqlite_schema"));
    MUST_ASSIGN(const auto version, database.integer("PRAGMA user_version"));
    QCOMPARE(n_tables, 0);
    QCOMPARE(version, 0);
  }

  void aBackupOfTheOpenDatabaseIsWhole() {
    SessionFixture store;
    const auto session = store.newSession("s");
    MUST(store.messages().append(session.branch, {.text = "hello", .tokens = {}}));
    DataFolder other;
    MUST(store.database().backupTo(other.file("session.db")));
    REFUSED_WITH(store.database().backupTo(other.file("session.db")), ErrorCode::kInvalidInput);
    MUST_ASSIGN(const auto copy, storage::SessionDatabase::open(other.path()));
    MUST_ASSIGN(const auto messages, copy->messages().messagesOf(session.branch));
    QCOMPARE(messages[0].text, std::string("hello"));
  }

  // From here on: every file that is refused.
  void aSecondInstanceIsToldPolitely() {
    SessionFixture session;
    BlockFixture blocks;
    auto second = storage::SessionDatabase::open(session.path());
    REFUSED_WITH(second, ErrorCode::kBusy);
    QVERIFY(!second.error().hint.empty());
    REFUSED_WITH(storage::BlockDatabase::open(blocks.path()), ErrorCode::kBusy);
    session.close();
    MUST(storage::SessionDatabase::open(session.path()));
  }

  void aNewerFileIsRefusedButReadable() {
    SessionFixture session;
    session.newSession("s");
    session.close();
    setVersion(session.file("session.db"), 99);
    const std::string before = fileBytes(session.file("session.db"));
    REFUSED_WITH(storage::SessionDatabase::open(session.path()), ErrorCode::kMismatch);
    {
      MUST_ASSIGN(const auto readable,
                  storage::SessionDatabase::open(session.path(), OpenMode::kReadOnly));
      MUST_ASSIGN(const auto sessions, readable->sessions().list());
      QCOMPARE(sessions.size(), std::size_t{1});
      QVERIFY(!readable->sessions().remove(sessions[0].id));
    }
    QVERIFY(fileBytes(session.file("session.db")) == before);

    BlockFixture blocks;
    blocks.close();
    setVersion(blocks.file("snapshots.db"), 99);
    REFUSED_WITH(blocks.tryReopen(), ErrorCode::kMismatch);
  }

  void whatIsNoDatabaseIsRefused() {
    for (const std::string& bytes :
         {std::string(5000, 'x'),
          std::string("SQLite format 3\0garbage", 23) + std::string(9000, 0)}) {
      DataFolder folder;
      std::ofstream(folder.file("session.db"), std::ios::binary) << bytes;
      std::ofstream(folder.file("snapshots.db"), std::ios::binary) << bytes;
      REFUSED_WITH(storage::SessionDatabase::open(folder.path()), ErrorCode::kCorrupt);
      REFUSED_WITH(storage::BlockDatabase::open(folder.path()), ErrorCode::kCorrupt);
      QVERIFY(fileBytes(folder.file("session.db")) == bytes);
      storage::BlockDatabaseOptions replacing;
      replacing.replace_damaged_file = true;
      MUST(storage::BlockDatabase::open(folder.path(), replacing));
      QVERIFY(fileBytes(folder.file("snapshots.db.damaged")) == bytes);
    }
  }

  void aTruncatedFileIsRefused() {
    SessionFixture store;
    const auto session = store.newSession("s");
    for (int i = 0; i < 50; ++i)
      MUST(store.messages().append(session.branch, {.text = std::string(3000, 'x'), .tokens = {}}));
    store.close();
    std::filesystem::resize_file(store.file("session.db"),
                                 std::filesystem::file_size(store.file("session.db")) / 2);
    REFUSED_WITH(storage::SessionDatabase::open(store.path()), ErrorCode::kCorrupt);
  }

  void aFileInPlaceOfTheFolderIsRefused() {
    DataFolder folder;
    std::ofstream(folder.file("file")).flush();
    REFUSED_WITH(storage::SessionDatabase::open(folder.file("file")), ErrorCode::kInvalidInput);
  }

  void aLinkToADatabaseIsRefused() {
    DataFolder folder, other;
    std::ofstream(other.file("elsewhere.db")).flush();
    std::filesystem::create_symlink(other.file("elsewhere.db"), folder.file("session.db"));
    REFUSED_WITH(storage::SessionDatabase::open(folder.path()), ErrorCode::kIo);
  }
};

LECTERN_TEST(DatabaseFileTest)
#include "database_file_test.moc"
