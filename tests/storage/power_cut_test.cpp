// The power goes away while the databases are written: what was acknowledged is there afterwards.
#include "tests/storage/power_cut.h"

#include <algorithm>

#include "tests/storage/fault_count.h"
#include "tests/storage/life.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/test_main.h"

using namespace support;

namespace {

constexpr std::size_t kBlockBytes = 30'000;
constexpr int kStepsPerLife = 60, kCutsPerLife = 100;
// One cut in so many is followed by another while the first one is recovered from.
constexpr int kCutsPerDoubleCut = 8;

struct RecordedLife {
  std::vector<DiskEvent> events;
  std::vector<LifeModel> states;  // [n]: after n steps
};

// As large as the one that would be made; making it anew for every cut would cost most of the time.
void putReserve(const std::filesystem::path& folder) {
  std::ofstream(folder / "session.db.reserve").flush();
  std::filesystem::resize_file(folder / "session.db.reserve", 16 << 20);
}

base::Status recordLife(FaultVfs& disk, Topic topic, std::mt19937_64& random, RecordedLife& life) {
  DataFolder folder(Medium::kMemory);
  Stores stores(folder.path(), topic, kBlockBytes);
  LifeModel model;
  disk.record(&life.events);
  base::Status status = stores.open();
  for (int n = 0; status && n < kStepsPerLife; ++n) {
    life.states.push_back(model);
    disk.mark(n);
    const Step step = nextStep(model, topic, random);
    status = stores.run(step);
    model.apply(step);
  }
  stores.close();
  disk.record(nullptr);
  life.states.push_back(model);
  return status;
}

// Where the power goes away: anywhere, and often just after something was acknowledged.
std::vector<std::size_t> chooseCuts(const RecordedLife& life, int n_cuts, std::mt19937_64& random) {
  std::vector<std::size_t> marks, cuts;
  for (std::size_t i = 0; i < life.events.size(); ++i)
    if (life.events[i].kind == DiskEvent::Kind::kMark) marks.push_back(i + 1);
  for (int i = 0; i < n_cuts; ++i)
    cuts.push_back(i % 4 == 0 ? marks[random() % marks.size()] : random() % life.events.size());
  std::sort(cuts.begin(), cuts.end());
  return cuts;
}

// Opens what is left, while the power goes away again, into another folder.
base::Status cutRecovery(FaultVfs& disk, const std::filesystem::path& from, Topic topic,
                         const std::filesystem::path& to, std::mt19937_64& random) {
  PoweredDisk powered(from);
  std::vector<DiskEvent> events;
  Stores stores(from, topic, kBlockBytes);
  disk.record(&events);
  const base::Status opened = stores.open();
  disk.record(nullptr);
  TRY(opened);
  const std::size_t n_events = random() % (events.size() + 1);
  for (std::size_t i = 0; i < n_events; ++i) powered.play(events[i]);
  powered.cut(to, random);
  return {};
}

}  // namespace

class PowerCutTest : public QObject {
  Q_OBJECT

  // The databases in `folder` hold what was acknowledged, and at most the step after it.
  static base::Status check(const std::filesystem::path& folder, Topic topic,
                            const RecordedLife& life, std::int64_t n_steps, bool thoroughly) {
    Stores stores(folder, topic, kBlockBytes);
    TRY(stores.open());
    // Before the first mark the databases were not yet open, and nothing was acknowledged.
    const std::size_t n = static_cast<std::size_t>(std::max<std::int64_t>(n_steps, 0));
    LifeModel before = life.states[n];
    LifeModel after = n_steps < 0 ? before : life.states[std::min(n + 1, life.states.size() - 1)];
    before.reopen();
    after.reopen();
    TRY(whichState(stores, before, after));
    stores.close();
    if (!thoroughly) return {};
    for (const char* file : {"session.db", "snapshots.db"}) {
      if (!std::filesystem::exists(folder / file)) continue;
      const std::string integrity = integrityOf(folder / file);
      if (integrity != "ok") return base::failure(base::ErrorCode::kCorrupt, integrity);
    }
    return {};
  }

 private slots:
  void nothingAcknowledgedIsLost() {
    std::mt19937_64 random(testSeed("power cuts"));
    const int n_cuts_wanted = faultCount(5000, 400);
    int n_cuts = 0, n_double = 0, n_lives = 0;
    std::size_t n_events = 0;
    FaultVfs disk;
    for (; n_cuts < n_cuts_wanted; ++n_lives) {
      const auto topic = static_cast<Topic>(n_lives % 3);
      RecordedLife life;
      MUST(recordLife(disk, topic, random, life));
      PoweredDisk powered;
      std::size_t at = 0;
      std::int64_t n_steps = -1;
      for (const std::size_t cut : chooseCuts(life, kCutsPerLife, random)) {
        for (; at < cut; ++at) {
          powered.play(life.events[at]);
          if (life.events[at].kind == DiskEvent::Kind::kMark) n_steps = life.events[at].offset;
        }
        DataFolder first(Medium::kMemory), second(Medium::kMemory);
        powered.cut(first.path(), random);
        putReserve(first.path());
        const DataFolder* left = &first;
        if (n_cuts % kCutsPerDoubleCut == 0) {
          MUST(cutRecovery(disk, first.path(), topic, second.path(), random));
          putReserve(second.path());
          left = &second;
          ++n_double;
        }
        const auto status = check(left->path(), topic, life, n_steps, n_cuts % 10 == 0);
        if (!status)
          QFAIL(qPrintable(QString("life %1, event %2, step %3: %4")
                               .arg(n_lives)
                               .arg(cut)
                               .arg(n_steps)
                               .arg(status.error().message.c_str())));
        ++n_cuts;
      }
      n_events += life.events.size();
    }
    std::printf(
        "%d power cuts in %d lives of %d steps (%zu disk events), %d of them followed by"
        " another during recovery: 0 acknowledged commits lost, 0 corrupt\n",
        n_cuts, n_lives, kStepsPerLife, n_events, n_double);
  }
};

LECTERN_TEST(PowerCutTest)
#include "power_cut_test.moc"
