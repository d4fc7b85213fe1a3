// One bit of a file changes while nobody looks: it is noticed, or it does not matter.
#include <map>

#include "tests/storage/fault_count.h"
#include "tests/storage/life.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/test_main.h"

using namespace support;
using base::ErrorCode;

namespace {

constexpr std::size_t kBlockBytes = 60'000;
constexpr int kSteps = 120;

// A folder that lived for a while and was closed.
void live(const DataFolder& folder, Topic topic, LifeModel& model, std::mt19937_64& random) {
  Stores stores(folder.path(), topic, kBlockBytes);
  MUST(stores.open());
  for (int n = 0; n < kSteps; ++n) {
    const Step step = nextStep(model, topic, random);
    MUST(stores.run(step));
    model.apply(step);
  }
  model.reopen();
}

// Chains that stay, so that most of the file is payloads.
void keepChains(const DataFolder& folder, LifeModel& model) {
  Stores stores(folder.path(), Topic::kBlocks, kBlockBytes);
  MUST(stores.open());
  for (const char* name : {"x", "y", "z"}) {
    for (int n = 0; n < 4; ++n) {
      const Step step{StepKind::kWriteBlock, name, "", n, storage::Keep::kInterval};
      MUST(stores.run(step));
      model.apply(step);
    }
    const Step pin{StepKind::kPin, name, "", 3};
    MUST(stores.run(pin));
    model.apply(pin);
  }
}

bool isDamage(const base::Error& error) {
  return error.code == ErrorCode::kCorrupt || error.code == ErrorCode::kNotFound;
}

}  // namespace

class BitFlipTest : public QObject {
  Q_OBJECT

  // Whatever can still be read is what was written; the number of payloads that cannot.
  static base::Result<int> readBlocks(storage::BlockDatabase& blocks, const LifeModel& model) {
    int n_lost = 0;
    for (const auto& [name, chain] : model.chains) {
      for (int n = 0; n < static_cast<int>(chain.items.size()); ++n) {
        const auto key = blockKey(name, n), state = boundaryKey(name, n);
        const auto& item = chain.items[static_cast<std::size_t>(n)];
        const auto block = blocks.readBlock(key), boundary = blocks.readBoundary(state);
        const auto wanted = payloadOf(key, kBlockBytes / 2 + key.bytes[0] * kBlockBytes / 256);
        const auto wanted_state = payloadOf(state, kBlockBytes / 4 + 1);
        if ((block && *block != wanted) || (boundary && *boundary != wanted_state))
          return base::failure(ErrorCode::kInternal, "a wrong payload was handed out");
        if ((!block && !isDamage(block.error())) || (!boundary && !isDamage(boundary.error())))
          return base::failure(ErrorCode::kInternal, "an error that does not say damage");
        n_lost += !block && item.block == Presence::kPresent;
        n_lost += !boundary && item.boundary == Presence::kPresent;
      }
    }
    return n_lost;
  }

 private slots:
  void aDamagedBlockIsNeverHandedOut() {
    std::mt19937_64 random(testSeed("bit flips in snapshots.db"));
    const int n_flips = faultCount(500, 60);
    DataFolder original(Medium::kMemory);
    LifeModel model;
    live(original, Topic::kBlocks, model, random);
    keepChains(original, model);
    const std::string bytes = fileBytes(original.file("snapshots.db"));
    int n_refused = 0, n_dropped = 0, n_harmless = 0;
    for (int flip = 0; flip < n_flips; ++flip) {
      DataFolder folder(Medium::kMemory);
      std::ofstream(folder.file("snapshots.db"), std::ios::binary) << bytes;
      // Every third in the header and the first pages, where the schema and the indexes begin.
      const std::uint64_t n_bits =
          flip % 3 == 0 ? std::min<std::uint64_t>(bytes.size(), 1 << 20) : bytes.size();
      flipBit(folder.file("snapshots.db"), random() % (n_bits * 8));
      storage::BlockDatabaseOptions options;
      options.free_bytes_min = 0;
      auto opened = storage::BlockDatabase::open(folder.path(), options);
      if (!opened) {
        QVERIFY2(opened.error().code == ErrorCode::kCorrupt ||
                     opened.error().code == ErrorCode::kMismatch ||
                     opened.error().code == ErrorCode::kUnsupported,
                 opened.error().message.c_str());
        ++n_refused;
        continue;
      }
      MUST_ASSIGN(const int n_lost, readBlocks(**opened, model));
      ++(n_lost > 0 ? n_dropped : n_harmless);
    }
    std::printf(
        "%d bits flipped in snapshots.db: %d files refused, %d with payloads dropped,"
        " %d harmless, 0 wrong payloads\n",
        n_flips, n_refused, n_dropped, n_harmless);
    QVERIFY(n_dropped > 0 && n_harmless > 0);
  }

  void damagedTextIsNeverTakenForWhole() {
    std::mt19937_64 random(testSeed("bit flips in session.db"));
    const int n_flips = faultCount(500, 60);
    DataFolder original(Medium::kMemory);
    LifeModel model;
    live(original, Topic::kSessions, model, random);
    const std::string bytes = fileBytes(original.file("session.db"));
    int n_refused = 0, n_found = 0, n_harmless = 0;
    std::map<std::string, int> wrong;
    for (int flip = 0; flip < n_flips; ++flip) {
      DataFolder folder(Medium::kMemory);
      std::ofstream(folder.file("session.db"), std::ios::binary) << bytes;
      std::ofstream(folder.file("session.db.reserve")).flush();
      std::filesystem::resize_file(folder.file("session.db.reserve"), 16 << 20);
      flipBit(folder.file("session.db"), random() % (bytes.size() * 8));
      Stores stores(folder.path(), Topic::kSessions, kBlockBytes);
      const auto opened = stores.open();
      if (!opened) {
        ++n_refused;
        continue;
      }
      const auto same = stores.compare(model);
      if (stores.sessions().nDamagedPages() > 0)
        ++n_found;
      else if (same)
        ++n_harmless;
      else
        ++wrong[same.error().message];
    }
    std::printf(
        "%d bits flipped in session.db: %d files refused, %d told as damaged, %d harmless\n",
        n_flips, n_refused, n_found, n_harmless);
    for (const auto& [what, n] : wrong) std::printf("  %d wrong: %s\n", n, what.c_str());
    QVERIFY(wrong.empty());
  }
};

LECTERN_TEST(BitFlipTest)
#include "bit_flip_test.moc"
