// What the disk changed is told to the user, with what it costs.
#include <QTest>

#include "tests/app/lectern_run.h"
#include "tests/support/test_main.h"

using engine::Json;
using support::Desk;
using support::RunResult;

namespace {

constexpr const char* kQuestion = "What is the serial number of the copper lantern?";

// A desk whose session "s" was read and asked once.
void prepare(const Desk& desk) {
  desk.write("lantern.txt", "The serial number of the copper lantern is 58213.\n");
  desk.write("code.c", support::madeUpCode(100));
  EXIT(desk.ingest("s"), 0);
  EXIT(desk.ask("s", kQuestion), 0);
}

void overwrite(const std::filesystem::path& file, std::size_t at, std::size_t n_bytes) {
  std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
  bytes.seekp(static_cast<std::streamoff>(at));
  bytes << std::string(n_bytes, '\x5a');
}

// Bytes in the middle of every page but the first: what lies there is a payload or nothing. Rows
// stay whole, hashes do not hold.
void damagePayloads(const std::filesystem::path& file) {
  constexpr std::size_t kPageBytes = 16384;
  const std::size_t n_bytes = std::filesystem::file_size(file);
  for (std::size_t page = 1; page < n_bytes / kPageBytes; ++page)
    overwrite(file, page * kPageBytes + kPageBytes / 2, 8);
}

}  // namespace

class DamageTest : public QObject {
  Q_OBJECT
 private slots:
  void droppedPartsAreToldOnceWithWhatIsReadAgain() {
    const Desk desk;
    prepare(desk);
    damagePayloads(desk.data() / "snapshots.db");
    const RunResult asked = desk.ask("s", kQuestion);
    EXIT(asked, 0);
    const Json damage = asked.json()["damage"];
    QVERIFY2(damage["dropped"].get<int>() > 0, asked.out.c_str());
    QVERIFY(damage["tokens_read_again"].get<int>() > 1000);
    QVERIFY(asked.json()["citations"][0]["verified"].get<bool>());
    // What only a later question looks at is told by that one; then there is nothing left to tell.
    Json next;
    for (int question = 0; question < 5; ++question) {
      next = desk.ask("s", kQuestion).json()["damage"];
      if (next["dropped"] == 0) break;
    }
    QCOMPARE(next["dropped"].get<int>(), 0);
    QCOMPARE(next["tokens_read_again"].get<int>(), 0);
  }

  void aReadingTellsDamageToo() {
    const Desk desk;
    prepare(desk);
    damagePayloads(desk.data() / "snapshots.db");
    const RunResult read = desk.ingest("s");
    EXIT(read, 0);
    QVERIFY2(read.json()["damage"]["dropped"].get<int>() > 0, read.out.c_str());
    QVERIFY(read.json()["damage"]["tokens_read_again"].get<int>() > 1000);
    const RunResult words = support::lectern({"sessions", "--data", desk.data().string()});
    EXIT(words, 0);
  }

  void aFileNobodyCanReadIsNotCalledNone() {
    const Desk desk;
    prepare(desk);
    overwrite(desk.data() / "snapshots.db", 0, 4096);
    const Json list = desk.run({"sessions"}).json();
    QCOMPARE(list["sessions"][0]["snapshot"].get<std::string>(), std::string("unknown"));
    QCOMPARE(list["snapshots"]["error"]["code"].get<std::string>(), std::string("corrupt"));
    QVERIFY(!list["snapshots"]["error"]["hint"].get<std::string>().empty());
    const RunResult words =
        support::lectern({"ask", "--data", desk.data().string(), "--session", "s", kQuestion});
    EXIT(words, 0);
    QVERIFY2(words.err.find("snapshots.db.damaged") != std::string::npos, words.err.c_str());
    QVERIFY2(words.err.find("were read again") != std::string::npos, words.err.c_str());
    QVERIFY(std::filesystem::exists(desk.data() / "snapshots.db.damaged"));
    QCOMPARE(desk.run({"sessions", "s"}).json()["snapshot"].get<std::string>(),
             std::string("whole"));
  }

  void damagedPagesOfTheTextAreCounted() {
    const Desk desk;
    prepare(desk);
    QCOMPARE(desk.run({"sessions"}).json()["damaged_pages"].get<int>(), 0);
    // The text of the code, where it lies in the file.
    const auto file = desk.data() / "session.db";
    const std::size_t at = support::readFile(file).find("measure_60");
    QVERIFY(at != std::string::npos);
    overwrite(file, at, 1);
    const RunResult list = desk.run({"sessions"});
    EXIT(list, 0);
    QCOMPARE(list.json()["damaged_pages"].get<int>(), 1);
    QVERIFY2(list.err.find("changed 1 page") != std::string::npos, list.err.c_str());
  }
};

LECTERN_TEST(DamageTest)
#include "damage_test.moc"
