// Sequences that go on from a store: rows come when they are selected, and the logits are the bits of
// the run that was never interrupted, whatever the store has lost in between.
#include <QRandomGenerator>
#include <QTest>

#include <cstring>
#include <random>

#include "engine/engine.h"
#include "engine/kv_layout.h"
#include "engine/row_cache.h"
#include "engine/sequence.h"
#include "tests/engine/memory_block_store.h"
#include "tests/support/golden.h"
#include "tests/support/test_main.h"

namespace {

using base::ErrorCode;
using base::TokenId;
using engine::Engine;
using engine::Sequence;
using support::MemoryBlockStore;

std::vector<TokenId> randomTokens(std::size_t n, std::mt19937& random) {
  std::vector<TokenId> tokens(n);
  for (TokenId& token : tokens) token = static_cast<TokenId>(random() % 512);
  return tokens;
}

bool sameBits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

unsigned seedOf(const char* what) {
  bool given = false;  // LECTERN_SEED repeats a run
  const unsigned wanted = qEnvironmentVariable("LECTERN_SEED").toUInt(&given);
  const unsigned seed = given ? wanted : QRandomGenerator::global()->generate();
  qInfo("%s: LECTERN_SEED=%u", what, seed);
  return seed;
}

class ResumeTest : public QObject {
  Q_OBJECT

 private slots:
  void initTestCase() {
    REQUIRE_GOLDEN(models, "models")
    model_ = models / "tiny-base";
  }
  void init() {
    store_ = MemoryBlockStore();
    random_.seed(seedOf(QTest::currentTestFunction()));
    tokens_ = randomTokens(6500, random_);
    const auto engine = open(0);
    live_ = std::move(*engine->newSequence());
    QVERIFY(live_->sync(tokens_, nullptr, {}));
    QVERIFY(live_->saveBoundary(engine::Keep::kTurnEnd, {}));
    writer_ = engine;
  }
  void cleanup() {
    live_.reset();
    writer_.reset();
  }

  // LECTERN_RESTORES: how many; each at another place, with another budget, going on another way.
  void everyRestoreGoesOnBitForBit() {
    bool given = false;
    const int wanted = qEnvironmentVariableIntValue("LECTERN_RESTORES", &given);
    const int n_restores = given ? wanted : 12;
    for (int i = 0; i < n_restores; ++i) {
      const std::int64_t budget = i % 3 == 0 ? 0 : 1 + static_cast<std::int64_t>(random_() % 500'000);
      const auto engine = open(budget);
      const auto resumed = std::move(*engine->newSequence());
      const auto report = resumed->sync(tokens_, nullptr, {});
      QVERIFY(report);
      QCOMPARE(report->n_prefilled, 0);
      QVERIFY(sameBits(resumed->logits(), live_->logits()));
      const auto more = randomTokens(20 + random_() % 300, random_);
      tokens_.insert(tokens_.end(), more.begin(), more.end());
      QVERIFY(live_->sync(tokens_, nullptr, {}));
      if (random_() % 2 == 0) {
        QVERIFY(resumed->sync(tokens_, nullptr, {}));
      } else {
        for (const TokenId token : more) QVERIFY(resumed->decode(token, {}));
      }
      QVERIFY(sameBits(resumed->logits(), live_->logits()));
      QVERIFY(engine->rows().statistics().n_read > 0);
      const std::int64_t least = engine->config().index_topk * engine->layout().page_bytes;
      if (budget > 0)
        QVERIFY(engine->rows().statistics().bytes <= std::max(least, budget));
      QVERIFY(live_->saveBoundary(engine::Keep::kTurnEnd, {}));
    }
    qInfo("%d restores, every logit the same", n_restores);
  }

  // Before rows were paged a block lay layer after layer, each with its rows and then its keys.
  void blocksOfVersion1GoOnBitForBit_data() {
    QTest::addColumn<qint64>("row_cache_bytes");
    QTest::newRow("all in memory") << qint64{0};
    QTest::newRow("few in memory") << qint64{200'000};
  }
  void blocksOfVersion1GoOnBitForBit() {
    QFETCH(const qint64, row_cache_bytes);
    const auto engine = open(row_cache_bytes);
    for (auto& [key, block] : store_.blocks) {
      block = inOldOrder(engine->layout(), block);
      store_.version_1.insert(key);
    }
    const auto resumed = std::move(*engine->newSequence());
    const auto report = resumed->sync(tokens_, nullptr, {});
    QVERIFY(report);
    QCOMPARE(report->n_prefilled, 0);
    const auto more = randomTokens(300, random_);
    tokens_.insert(tokens_.end(), more.begin(), more.end());
    QVERIFY(resumed->sync(tokens_, nullptr, {}));
    QVERIFY(live_->sync(tokens_, nullptr, {}));
    QVERIFY(sameBits(resumed->logits(), live_->logits()));
    tokens_.resize(2500);  // into a block of version 1
    QVERIFY(resumed->sync(tokens_, nullptr, {}));
    QVERIFY(live_->sync(tokens_, nullptr, {}));
    QVERIFY(sameBits(resumed->logits(), live_->logits()));
  }

  void theFirstTokenDoesNotWaitForTheRest() {
    const auto engine = open(0);
    const auto resumed = std::move(*engine->newSequence());
    store_.n_bytes_read = 0;
    QVERIFY(resumed->sync(tokens_, nullptr, {}));
    const std::int64_t n_blocks = static_cast<std::int64_t>(store_.blocks.size());
    QCOMPARE(store_.n_bytes_read, n_blocks * engine->layout().head_bytes);
    QVERIFY(resumed->decode(3, {}));
    QVERIFY(live_->decode(3, {}));
    QVERIFY(sameBits(resumed->logits(), live_->logits()));
    QVERIFY(store_.n_bytes_read < n_blocks * engine->layout().block_bytes);
  }

  void forksShareThePagesOfTheirBlocks() {
    const auto engine = open(0);
    const auto resumed = std::move(*engine->newSequence());
    QVERIFY(resumed->sync(tokens_, nullptr, {}));
    const auto branch = resumed->fork();
    QVERIFY(resumed->decode(5, {}));
    const std::int64_t n_read = engine->rows().statistics().n_read;
    QVERIFY(branch->decode(5, {}));
    QVERIFY(sameBits(branch->logits(), resumed->logits()));
    QCOMPARE(engine->rows().statistics().n_read, n_read);
    QVERIFY(branch->decode(6, {}));
    QVERIFY(resumed->decode(7, {}));
    const auto live_branch = live_->fork();
    for (const TokenId token : {5, 6}) QVERIFY(live_branch->decode(token, {}));
    for (const TokenId token : {5, 7}) QVERIFY(live_->decode(token, {}));
    QVERIFY(sameBits(branch->logits(), live_branch->logits()));
    QVERIFY(sameBits(resumed->logits(), live_->logits()));
  }

  void aRewindIntoAStoredBlockBringsItsRows() {
    const auto engine = open(1);
    const auto resumed = std::move(*engine->newSequence());
    QVERIFY(resumed->sync(tokens_, nullptr, {}));
    for (int i = 0; i < 5; ++i) {
      tokens_.resize(tokens_.size() - random_() % 900);
      const auto more = randomTokens(1 + random_() % 200, random_);
      tokens_.insert(tokens_.end(), more.begin(), more.end());
      QVERIFY(resumed->sync(tokens_, nullptr, {}));
      QVERIFY(live_->sync(tokens_, nullptr, {}));
      QVERIFY(sameBits(resumed->logits(), live_->logits()));
    }
  }

  // The block it lies in was filled, stored and went out of memory since.
  void aRewindToATurnEndBringsItsBlockBack() {
    const auto engine = open(1);
    const auto sequence = std::move(*engine->newSequence());
    const std::span<const TokenId> all = tokens_;
    QVERIFY(sequence->sync(all.first(3000), nullptr, {}));
    QVERIFY(sequence->sync(all, nullptr, {}));
    QVERIFY(engine->rows().statistics().n_dropped > 0);
    QVERIFY(sequence->rewind(3000, {}));
    const auto fresh = std::move(*writer_->newSequence());
    QVERIFY(fresh->sync(all.first(3000), nullptr, {}));
    for (const TokenId token : all.subspan(3000, 40)) {
      QVERIFY(sequence->decode(token, {}));
      QVERIFY(fresh->decode(token, {}));
      QVERIFY(sameBits(sequence->logits(), fresh->logits()));
    }
  }

  void damageFoundInMidPassIsReadAgain_data() {
    QTest::addColumn<QString>("way");
    for (const char* way : {"sync", "decode", "together"}) QTest::newRow(way) << QString(way);
  }
  void damageFoundInMidPassIsReadAgain() {
    QFETCH(QString, way);
    const auto engine = open(0);
    const auto resumed = std::move(*engine->newSequence()), other = resumed->fork();
    QVERIFY(resumed->sync(tokens_, nullptr, {}));
    QVERIFY(other->sync(tokens_, nullptr, {}));
    const std::size_t n_blocks = store_.blocks.size();
    auto hit = std::next(store_.blocks.begin(), static_cast<std::ptrdiff_t>(random_() % n_blocks));
    const base::Hash128 key = hit->first;
    hit->second.resize(static_cast<std::size_t>(engine->layout().head_bytes));  // no rows any more
    const auto more = randomTokens(40, random_);
    std::vector<TokenId> longer = tokens_;
    longer.insert(longer.end(), more.begin(), more.end());
    if (way == "sync") QVERIFY(resumed->sync(longer, nullptr, {}));
    for (const TokenId token : more) {
      if (way == "decode") QVERIFY(resumed->decode(token, {}));
      if (way != "together") continue;
      Sequence* const both[] = {resumed.get(), other.get()};
      const TokenId ids[] = {token, token};
      for (const base::Status& done : Sequence::decodeTogether(both, ids, {})) QVERIFY(done);
    }
    QVERIFY(live_->sync(longer, nullptr, {}));
    QCOMPARE(resumed->size(), live_->size());
    QVERIFY(sameBits(resumed->logits(), live_->logits()));
    if (way == "together") QVERIFY(sameBits(other->logits(), live_->logits()));
    // The block was dropped, read again from its tokens and stored again.
    QCOMPARE(static_cast<std::int64_t>(store_.blocks.at(key).size()), engine->layout().block_bytes);
  }

  void aDiskThatDoesNotAnswerChangesNothing() {
    const auto engine = open(0);
    const auto resumed = std::move(*engine->newSequence());
    QVERIFY(resumed->sync(tokens_, nullptr, {}));
    store_.unreadable = true;
    const auto done = resumed->decode(3, {});
    QVERIFY(!done);
    QCOMPARE(done.error().code, ErrorCode::kIo);
    QCOMPARE(resumed->size(), static_cast<std::int64_t>(tokens_.size()));
    QVERIFY(sameBits(resumed->logits(), live_->logits()));
    store_.unreadable = false;
    QVERIFY(resumed->decode(3, {}));
    QVERIFY(live_->decode(3, {}));
    QVERIFY(sameBits(resumed->logits(), live_->logits()));
  }

 private:
  static MemoryBlockStore::Payload inOldOrder(const engine::KvLayout& layout,
                                              const MemoryBlockStore::Payload& block) {
    MemoryBlockStore::Payload old;
    const auto append = [&](std::int64_t offset, std::int64_t bytes) {
      if (offset >= 0) old.insert(old.end(), block.begin() + offset, block.begin() + offset + bytes);
    };
    for (const engine::LayerKvLayout& layer : layout.layers) {
      if (layer.rows_per_block == 0) continue;
      append(layer.rows_offset, layer.rows_per_block * layout.row.rowBytes());
      append(layer.keys_offset, layer.rows_per_block * layout.key.rowBytes());
    }
    return old;
  }
  std::shared_ptr<Engine> open(std::int64_t row_cache_bytes) {
    auto engine =
        Engine::open(model_, {.n_threads = 2, .row_cache_bytes = row_cache_bytes}, &store_);
    if (!engine) qFatal("%s", engine.error().message.c_str());
    return *std::move(engine);
  }

  std::filesystem::path model_;
  MemoryBlockStore store_;
  std::mt19937 random_;
  std::vector<TokenId> tokens_;
  std::shared_ptr<Engine> writer_;
  std::unique_ptr<Sequence> live_;  // made the blocks, has all rows, was never interrupted
};

}  // namespace

LECTERN_TEST(ResumeTest)
#include "resume_test.moc"
