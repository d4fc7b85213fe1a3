// Every call to the disk fails once: nothing crashes, nothing is lost, and the caller is told.
#include <array>
#include <optional>

#include "tests/storage/fault_count.h"
#include "tests/storage/fault_vfs.h"
#include "tests/storage/life.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/test_main.h"

using namespace support;
using base::ErrorCode;
using storage::Keep;

namespace {

constexpr std::size_t kBlockBytes = 40'000;
constexpr int kCallsMax = 20'000;

struct FaultName {
  Fault fault;
  const char* name;
};
constexpr std::array kFaults{
    FaultName{Fault::kIo, "i/o error"},     FaultName{Fault::kShortRead, "short read"},
    FaultName{Fault::kDiskFull, "no room"}, FaultName{Fault::kShortWrite, "short write"},
    FaultName{Fault::kSync, "failed sync"}, FaultName{Fault::kOpen, "failed open"},
    FaultName{Fault::kLock, "failed lock"}};

// Every k-th call; in a sample of them, some.
int nextCall(int k, std::mt19937_64& random) {
  return allFaults() ? k + 1 : k + 1 + static_cast<int>(random() % 12);
}

// The fault's own code and a next step; never a guess about the file's contents.
bool isRightError(Fault fault, const base::Error& error) {
  const bool needs_room = fault == Fault::kDiskFull || fault == Fault::kShortWrite;
  const ErrorCode wanted = needs_room ? ErrorCode::kDiskFull : ErrorCode::kIo;
  return error.code == wanted && !error.message.empty() && !error.hint.empty();
}

std::vector<Step> beginning() {
  const std::string text = std::string(2000, 'x');
  return {{StepKind::kCreate, "s", "title"},
          {StepKind::kAsk, "s", "q1 " + text},
          {StepKind::kBeginAnswer, "s"},
          {StepKind::kEndAnswer, "s", "a1 " + text},
          {StepKind::kSetDocuments, "s", "d1 " + text + text + text},
          {StepKind::kAsk, "s", "q2 " + text},
          {StepKind::kCreate, "t", "other"},
          {StepKind::kAsk, "t", "q3 " + text},
          {StepKind::kWriteBlock, "c", "", 0},
          {StepKind::kWriteBlock, "c", "", 1},
          {StepKind::kPin, "c", "", 1},
          {StepKind::kWriteBlock, "d", "", 0, Keep::kInterval},
          {StepKind::kWriteBlock, "d", "", 1}};
}

struct Operation {
  const char* name;
  Step step;
  std::optional<Step> before = {};  // done while the disk is still well
};
const std::vector<Operation>& operations() {
  static const std::vector<Operation> operations{
      {"open", {StepKind::kReopen}},
      {"append a message", {StepKind::kAsk, "t", "q4 " + std::string(3000, 'y')}},
      {"save a streamed answer",
       {StepKind::kGrowAnswer, "t", "a2 " + std::string(900, 'z')},
       Step{StepKind::kBeginAnswer, "t"}},
      {"finish an answer",
       {StepKind::kEndAnswer, "t", "a2 " + std::string(900, 'z')},
       Step{StepKind::kBeginAnswer, "t"}},
      {"store documents", {StepKind::kSetDocuments, "t", "d2 " + std::string(9000, 'd')}},
      {"rewind", {StepKind::kRewind, "s", "", 1}},
      {"rename", {StepKind::kRename, "s", "another title"}},
      {"delete a session", {StepKind::kDelete, "s"}},
      {"back up", {StepKind::kBackUp, "s"}},
      {"write a block", {StepKind::kWriteBlock, "c", "", 2}},
      {"pin", {StepKind::kPin, "d", "", 1}},
      {"unpin", {StepKind::kUnpin, "c"}},
      {"forget", {StepKind::kForget, "c"}},
      {"evict", {StepKind::kEvict}},
      {"evict to a budget", {StepKind::kEvict, "", "", 100'000}}};
  return operations;
}

void copyDatabases(const std::filesystem::path& from, const std::filesystem::path& to) {
  for (const auto& entry : std::filesystem::directory_iterator(from)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("session.db") || name.starts_with("snapshots.db"))
      std::filesystem::copy_file(entry.path(), to / name,
                                 std::filesystem::copy_options::overwrite_existing);
  }
}

}  // namespace

class FaultSweepTest : public QObject {
  Q_OBJECT

  struct Sum {
    int n_faults = 0, n_refused = 0;
  };

  // Returns what is wrong; nothing when all is well. `reached`: the fault happened.
  static base::Status tryOnce(FaultVfs& disk, const DataFolder& folder, const LifeModel& model,
                              const Operation& operation, Fault fault, int k, bool for_ever,
                              Sum& sum, bool& reached) {
    Stores stores(folder.path(), Topic::kBoth, kBlockBytes);
    LifeModel before = model;
    const Step& step = operation.step;
    if (step.kind != StepKind::kReopen) TRY(stores.open());
    if (operation.before) {
      TRY(stores.run(*operation.before));
      before.apply(*operation.before);
    }
    LifeModel after = before;
    after.apply(step);
    disk.failCall(fault, k, for_ever);
    const base::Status done = stores.run(step);
    reached = disk.hasFailed();
    disk.heal();
    if (!reached) return done;
    ++sum.n_faults;
    sum.n_refused += done ? 0 : 1;
    if (!done && !isRightError(fault, done.error()))
      return base::failure(ErrorCode::kInternal,
                           std::string("told as ") +
                               std::string(base::errorCodeName(done.error().code)) + ", " +
                               done.error().message + ", hint: " + done.error().hint);
    // The disk is well again: nothing needs to be opened anew, and writing goes on.
    if (step.kind == StepKind::kReopen) TRY(stores.open());
    if (done) before = after;  // what was acknowledged has happened
    TRY_ASSIGN(LifeModel now, whichState(stores, before, after));
    for (const Step& next :
         {Step{StepKind::kCreate, "u", "later"}, Step{StepKind::kWriteBlock, "e", "", 0}}) {
      TRY(stores.run(next));
      now.apply(next);
    }
    TRY(stores.open());
    now.reopen();
    return stores.compare(now);
  }

  static void prepare(const DataFolder& folder, LifeModel& model) {
    Stores stores(folder.path(), Topic::kBoth, kBlockBytes);
    MUST(stores.open());
    for (const Step& step : beginning()) {
      MUST(stores.run(step));
      model.apply(step);
    }
  }

 private slots:
  void everyCallFailsOnce_data() {
    QTest::addColumn<int>("operation");
    for (std::size_t i = 0; i < operations().size(); ++i)
      QTest::newRow(operations()[i].name) << static_cast<int>(i);
  }
  void everyCallFailsOnce() {
    QFETCH(int, operation);
    const Operation& tried = operations()[static_cast<std::size_t>(operation)];
    std::mt19937_64 random(testSeed("faults"));
    DataFolder original(Medium::kMemory);
    LifeModel model;
    prepare(original, model);
    Sum sum;
    FaultVfs disk;
    for (const auto& [fault, name] : kFaults) {
      for (const bool for_ever : {false, true}) {
        bool reached = true;
        for (int k = 1; reached && k < kCallsMax; k = nextCall(k, random)) {
          DataFolder folder(Medium::kMemory);
          copyDatabases(original.path(), folder.path());
          const auto status = tryOnce(disk, folder, model, tried, fault, k, for_ever, sum, reached);
          if (!status)
            QFAIL(qPrintable(QString("%1, %2 at call %3%4: %5")
                                 .arg(tried.name, name)
                                 .arg(k)
                                 .arg(for_ever ? " and for ever" : "")
                                 .arg(status.error().message.c_str())));
        }
        QVERIFY(!reached);
      }
    }
    std::printf("%s: %d faults, %d refused with their reason, %d did not matter, 0 lost\n",
                tried.name, sum.n_faults, sum.n_refused, sum.n_faults - sum.n_refused);
    QVERIFY(sum.n_refused > 0);
  }
};

LECTERN_TEST(FaultSweepTest)
#include "fault_sweep_test.moc"
