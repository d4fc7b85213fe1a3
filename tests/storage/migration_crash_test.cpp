// kill -9 while a database is brought to a newer schema: it is old or new, and its backup is whole.
#include "storage/migrations.h"
#include "tests/storage/child.h"
#include "tests/storage/fault_count.h"
#include "tests/storage/fault_vfs.h"
#include "tests/storage/power_cut.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/test_main.h"

using namespace support;
using storage::BeforeMigration;
using storage::Migration;
using storage::OpenMode;

namespace {

constexpr int kMessages = 400;

std::string textOf(int n) { return "message " + std::to_string(n) + std::string(1500, 'm'); }

// This version's schema and two made-up ones after it, which touch every message.
std::vector<Migration> newerMigrations() {
  const auto ours = storage::sessionMigrations();
  std::vector<Migration> migrations(ours.begin(), ours.end());
  const int newest = migrations.back().version;
  migrations.push_back({newest + 1,
                        "ALTER TABLE message ADD COLUMN rank INTEGER NOT NULL DEFAULT 0;"
                        "UPDATE message SET rank = length(text) + id;"
                        "CREATE TABLE copied AS SELECT id, text FROM message;"
                        "CREATE INDEX copied_by_text ON copied (text);"});
  migrations.push_back({newest + 2,
                        "CREATE TABLE kept (id INTEGER PRIMARY KEY, text TEXT NOT NULL);"
                        "INSERT INTO kept SELECT id, text FROM copied;"
                        "DROP TABLE copied;"});
  return migrations;
}

base::Status migrateFile(const std::filesystem::path& file) {
  TRY_ASSIGN(auto database, storage::Database::open(file, OpenMode::kReadWrite, {}));
  return storage::migrate(database, newerMigrations(), BeforeMigration::kBackup, file);
}

// The version the file is at; an error if it does not hold what such a file holds.
base::Result<std::int64_t> checkFile(const std::filesystem::path& file, OpenMode mode) {
  TRY_ASSIGN(auto database, storage::Database::open(file, mode, {}));
  TRY_ASSIGN(const std::int64_t version, database.integer("PRAGMA user_version"));
  TRY_ASSIGN(auto query, database.prepare("SELECT text FROM message ORDER BY id"));
  for (int n = 0; n < kMessages; ++n) {
    TRY_ASSIGN(const bool has_row, query.step());
    if (!has_row || query.text(0) != textOf(n))
      return base::failure(base::ErrorCode::kCorrupt, "message " + std::to_string(n));
  }
  query.reset();
  const std::int64_t n_newer = version - storage::sessionMigrations().back().version;
  TRY_ASSIGN(const std::int64_t n_tables,
             database.integer("SELECT count(*) FROM sqlite_schema WHERE name IN"
                              " ('copied', 'copied_by_text') OR name = 'kept'"));
  const std::int64_t wanted[] = {0, 2, 1};
  if (n_newer < 0 || n_newer > 2 || n_tables != wanted[n_newer])
    return base::failure(base::ErrorCode::kCorrupt, "half a migration is visible");
  if (n_newer > 0) {
    TRY_ASSIGN(const std::int64_t n_wrong,
               database.integer("SELECT count(*) FROM message WHERE rank <> length(text) + id"));
    if (n_wrong != 0) return base::failure(base::ErrorCode::kCorrupt, "ranks");
  }
  return n_newer;
}

void fill(const DataFolder& folder) {
  MUST_ASSIGN(const auto database, storage::SessionDatabase::open(folder.path()));
  MUST_ASSIGN(
      const auto session,
      database->sessions().create(
          {.name = "s", .title = "", .model_name = "", .model_fingerprint = {}, .workspace = {}}));
  for (int n = 0; n < kMessages; ++n)
    MUST(database->messages().append(session.branch, {.text = textOf(n), .tokens = {}}));
}

void copyFile(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
}

}  // namespace

class MigrationCrashTest : public QObject {
  Q_OBJECT

  // Old or new, the backup there before anything is new; then the migration goes on by itself.
  static base::Status check(const std::filesystem::path& file, int (&n_at)[3]) {
    const std::filesystem::path backup =
        file.string() + ".v" + std::to_string(storage::sessionMigrations().back().version) +
        ".backup";
    TRY_ASSIGN(const std::int64_t n_newer, checkFile(file, OpenMode::kReadWrite));
    ++n_at[n_newer];
    if (n_newer > 0 && !std::filesystem::exists(backup))
      return base::failure(base::ErrorCode::kNotFound, "migrated without a backup");
    if (std::filesystem::exists(backup)) {
      const std::string before = fileBytes(backup);
      TRY_ASSIGN(const std::int64_t n_backup, checkFile(backup, OpenMode::kReadWrite));
      if (n_backup != 0) return base::failure(base::ErrorCode::kCorrupt, "the backup is newer");
    }
    TRY(migrateFile(file));
    TRY_ASSIGN(const std::int64_t n_last, checkFile(file, OpenMode::kReadWrite));
    return n_last == 2 ? base::Status() : base::failure(base::ErrorCode::kCorrupt, "not migrated");
  }

 private slots:
  void killedWhileMigratingNothingIsLost() {
    std::mt19937_64 random(testSeed("kills while migrating"));
    const int n_kills = faultCount(200, 30);
    DataFolder original(Medium::kMemory);
    fill(original);
    int n_at[3] = {};
    copyFile(original.file("session.db"), original.file("whole.db"));
    FaultVfs disk;
    disk.failCall(Fault::kKill, 0, false);
    MUST(migrateFile(original.file("whole.db")));
    const auto n_calls = static_cast<std::uint64_t>(disk.calls());
    for (int kill = 0; kill < n_kills; ++kill) {
      DataFolder folder(Medium::kMemory);
      const auto file = folder.file("session.db");
      copyFile(original.file("session.db"), file);
      const int at = 1 + static_cast<int>(random() % n_calls);
      Child child([&](const Report&) {
        disk.failCall(Fault::kKill, at, false);
        return migrateFile(file) ? 0 : 1;
      });
      QCOMPARE(child.wait(), -1);
      const auto status = check(file, n_at);
      if (!status)
        QFAIL(qPrintable(QString("call %1: %2").arg(at).arg(status.error().message.c_str())));
    }
    std::printf(
        "%d kills while migrating, at any of %d calls, 0 lost: %d left at the old schema, %d"
        " between the two migrations, %d at the new\n",
        n_kills, static_cast<int>(n_calls), n_at[0], n_at[1], n_at[2]);
    QVERIFY(n_at[0] > 0 && n_at[1] > 0);
  }

  void aPowerCutWhileMigratingLosesNothing() {
    std::mt19937_64 random(testSeed("power cuts while migrating"));
    const int n_cuts = faultCount(200, 30);
    DataFolder original(Medium::kMemory), migrated(Medium::kMemory);
    fill(original);
    copyFile(original.file("session.db"), migrated.file("session.db"));
    FaultVfs disk;
    std::vector<DiskEvent> events;
    disk.record(&events);
    MUST(migrateFile(migrated.file("session.db")));
    disk.record(nullptr);
    int n_at[3] = {};
    for (int cut = 0; cut < n_cuts; ++cut) {
      DataFolder folder(Medium::kMemory);
      copyFile(original.file("session.db"), folder.file("session.db"));
      PoweredDisk powered(folder.path());
      std::filesystem::remove(folder.file("session.db"));
      const std::size_t n_events = random() % (events.size() + 1);
      for (std::size_t i = 0; i < n_events; ++i) {
        // The backup is renamed by hand when it is whole.
        if (events[i].file.find(".backup") == events[i].file.npos) powered.play(events[i]);
      }
      powered.cut(folder.path(), random);
      MUST_ASSIGN(const std::int64_t n_newer,
                  checkFile(folder.file("session.db"), OpenMode::kReadWrite));
      ++n_at[n_newer];
    }
    std::printf("%d power cuts while migrating, 0 lost: %d old, %d between, %d new\n", n_cuts,
                n_at[0], n_at[1], n_at[2]);
  }
};

LECTERN_TEST(MigrationCrashTest)
#include "migration_crash_test.moc"
