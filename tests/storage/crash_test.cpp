// kill -9 of the process that writes: nothing acknowledged is lost, nothing half done is visible.
#include <chrono>
#include <thread>

#include "tests/storage/child.h"
#include "tests/storage/fault_count.h"
#include "tests/storage/life.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/test_main.h"

using namespace support;
using base::ErrorCode;

namespace {

constexpr std::size_t kBlockBytes = 200'000;

void sleepMicroseconds(std::uint64_t n) {
  std::this_thread::sleep_for(std::chrono::microseconds(n));
}

// Most kills hit the writing, every fourth the opening and what it recovers.
void killSomewhere(Child& child, std::mt19937_64& random, int kill) {
  if (kill % 4 == 3) {
    sleepMicroseconds(random() % 8'000);
  } else {
    child.waitForLine();
    sleepMicroseconds(random() % 100'000);
  }
  child.kill();
}

// Lives until it is killed; a line for the opening and for every finished step.
int live(const std::filesystem::path& folder, LifeModel model, Topic topic, std::uint64_t seed,
         const Report& report) {
  Stores stores(folder, topic, kBlockBytes);
  std::mt19937_64 random(seed);
  base::Status done = stores.open();
  Step step{StepKind::kReopen};
  while (done) {
    report("done");
    step = nextStep(model, topic, random);
    done = stores.run(step);
    model.apply(step);
  }
  report("step of kind " + std::to_string(static_cast<int>(step.kind)) + " with " + step.name +
         ": " + done.error().message);
  return 1;
}

// What must be there after the first `n_steps`, and what one step more would make of it.
struct InDoubt {
  LifeModel before, after;
};
InDoubt replay(const LifeModel& start, Topic topic, std::uint64_t seed, std::size_t n_steps) {
  InDoubt states{start, {}};
  std::mt19937_64 random(seed);
  for (std::size_t i = 0; i < n_steps; ++i)
    states.before.apply(nextStep(states.before, topic, random));
  states.after = states.before;
  states.after.apply(nextStep(states.before, topic, random));
  states.before.reopen();
  states.after.reopen();
  return states;
}

}  // namespace

class CrashTest : public QObject {
  Q_OBJECT
 private slots:
  void nothingAcknowledgedIsLost_data() {
    QTest::addColumn<int>("topic");
    QTest::newRow("text") << static_cast<int>(Topic::kSessions);
    QTest::newRow("blocks") << static_cast<int>(Topic::kBlocks);
    QTest::newRow("both") << static_cast<int>(Topic::kBoth);
  }
  void nothingAcknowledgedIsLost() {
    QFETCH(int, topic);
    const auto about = static_cast<Topic>(topic);
    std::mt19937_64 random(testSeed("kills"));
    DataFolder folder(Medium::kMemory);
    Stores stores(folder.path(), about, kBlockBytes);
    LifeModel model;
    const int n_kills = about == Topic::kBoth ? faultCount(400, 30) : faultCount(300, 25);
    std::size_t n_steps = 0;
    for (int kill = 0; kill < n_kills; ++kill) {
      stores.close();
      const std::uint64_t seed = random();
      Child child(
          [&](const Report& report) { return live(folder.path(), model, about, seed, report); });
      killSomewhere(child, random, kill);
      const auto lines = child.lines();
      if (!lines.empty() && lines.back() != "done") QFAIL(lines.back().c_str());
      n_steps += lines.size();

      // Killed before it had opened anything, it did no step.
      InDoubt states = replay(model, about, seed, lines.empty() ? 0 : lines.size() - 1);
      MUST(stores.open());
      auto found = whichState(stores, states.before, states.after);
      if (!found)
        QFAIL(qPrintable(QString("kill %1: %2").arg(kill).arg(found.error().message.c_str())));
      model = *std::move(found);
      if (kill % 10 != 0) continue;
      stores.close();
      for (const char* file : {"session.db", "snapshots.db"})
        if (std::filesystem::exists(folder.file(file)))
          QCOMPARE(integrityOf(folder.file(file)), std::string("ok"));
    }
    std::printf("%d kills, %zu steps acknowledged, 0 lost, 0 half visible, 0 corrupt\n", n_kills,
                n_steps);
    QVERIFY(n_steps > static_cast<std::size_t>(n_kills));
    if (about == Topic::kBlocks) nothingIsLeftBehind(stores, model);
  }

  void anotherProcessHoldsTheFolderUntilItDies() {
    SessionFixture session;
    BlockFixture blocks;
    session.close();
    blocks.close();
    Child child([&](const Report& report) {
      const auto first = storage::SessionDatabase::open(session.path());
      const auto second = storage::BlockDatabase::open(blocks.path());
      report(first && second ? "open" : "failed");
      ::pause();
      return 0;
    });
    child.waitForLine();
    REFUSED_WITH(storage::SessionDatabase::open(session.path()), ErrorCode::kBusy);
    REFUSED_WITH(storage::BlockDatabase::open(blocks.path()), ErrorCode::kBusy);
    child.kill();
    QCOMPARE(child.lines().at(0), std::string("open"));
    session.reopen();
    MUST(blocks.tryReopen());
  }

 private:
  // All that many crashes left invisible goes away with what was visible.
  void nothingIsLeftBehind(Stores& stores, const LifeModel& model) {
    BlockFixture fresh;
    MUST_ASSIGN(const auto empty, fresh->stats());
    MUST(stores.open());
    for (const auto& [name, chain] : model.chains)
      MUST(stores.blocks().unpin(name, storage::Unpinned::kForgotten));
    MUST(stores.blocks().evictTo(0, {}));
    MUST(stores.blocks().sweep({}));
    MUST_ASSIGN(const auto stats, stores.blocks().stats());
    QCOMPARE(stats.payload_bytes, 0);
    QCOMPARE(stats.file_bytes, empty.file_bytes);
  }
};

LECTERN_TEST(CrashTest)
#include "crash_test.moc"
