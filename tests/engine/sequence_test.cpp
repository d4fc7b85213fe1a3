// Sequences: whatever was synced, rewound, forked, stopped or loaded on the way, the logits are
// the bits of a fresh prefill.
#include <QRandomGenerator>
#include <QTest>

#include <cstring>
#include <optional>
#include <random>
#include <set>
#include <utility>

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

std::vector<TokenId> randomTokens(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<TokenId> tokens(n);
  for (TokenId& token : tokens) token = static_cast<TokenId>(random() % 512);
  return tokens;
}

// Takes a block, and fails to write it afterwards while it is full.
class LateStore : public MemoryBlockStore {
 public:
  void readPieces(std::span<engine::PieceRead> reads) override {
    MemoryBlockStore::readPieces(reads);
    for (const engine::PieceRead& read : reads)
      n_not_found += !read.done && read.done.error().code == ErrorCode::kNotFound;
  }
  base::Status writeBlock(const engine::BlockWrite& block,
                          const engine::BoundaryWrite* boundary) override {
    if (failed_) return tl::make_unexpected(*failed_);
    if (const auto written = MemoryBlockStore::writeBlock(block, boundary); !written) {
      failed_ = written.error();
      not_there_.insert(block.key);
    }
    return {};
  }
  bool isBehind(const base::Hash128& key) const override { return not_there_.contains(key); }
  base::Status settle() override {
    if (!failed_) return {};
    return tl::make_unexpected(*std::exchange(failed_, std::nullopt));
  }

  std::int64_t n_not_found = 0;

 private:
  std::optional<base::Error> failed_;
  std::set<base::Hash128> not_there_;
};

bool sameBits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

class SequenceTest : public QObject {
  Q_OBJECT

 private slots:
  void initTestCase() {
    REQUIRE_GOLDEN(models, "models")
    model_ = models / "tiny-base";
    const auto engine = Engine::open(model_, {.n_threads = 2});
    QVERIFY2(engine, engine ? "" : engine.error().message.c_str());
    engine_ = std::move(const_cast<std::unique_ptr<Engine>&>(*engine));
  }

  void onlyWhatDiffersIsRead() {
    auto tokens = randomTokens(4500, 1);
    const auto sequence = open();
    auto report = sequence->sync(tokens, nullptr, {});
    QVERIFY(report);
    QCOMPARE(report->n_prefilled, 4500);
    QVERIFY(sameBits(sequence->logits(), fresh(tokens)));

    report = sequence->sync(tokens, nullptr, {});
    QCOMPARE(report->n_reused, 4500);
    QCOMPARE(report->n_prefilled, 0);

    tokens.push_back(7);
    report = sequence->sync(tokens, nullptr, {});
    QCOMPARE(report->n_prefilled, 1);
    QVERIFY(sameBits(sequence->logits(), fresh(tokens)));

    tokens[4200] = (tokens[4200] + 1) % 512;  // behind the second block
    report = sequence->sync(tokens, nullptr, {});
    QCOMPARE(report->n_reused, 2 * engine::kBlockTokens);
    QVERIFY(sameBits(sequence->logits(), fresh(tokens)));
  }

  void decodingIsPrefilling() {
    auto tokens = randomTokens(2060, 2);
    const auto sequence = open();
    QVERIFY(sequence->sync(std::span(tokens).first(2030), nullptr, {}));
    for (std::size_t i = 2030; i < tokens.size(); ++i) QVERIFY(sequence->decode(tokens[i], {}));
    QVERIFY(sameBits(sequence->logits(), fresh(tokens)));
  }

  void forksGoTheirOwnWay() {
    const auto tokens = randomTokens(2100, 3);
    const auto sequence = open();
    QVERIFY(sequence->sync(tokens, nullptr, {}));
    const auto branch = sequence->fork();
    auto left = tokens, right = tokens;
    for (const TokenId id : {5, 6, 7}) {
      QVERIFY(branch->decode(id, {}));
      right.push_back(id);
    }
    for (const TokenId id : {9, 8}) {
      QVERIFY(sequence->decode(id, {}));
      left.push_back(id);
    }
    QVERIFY(sameBits(branch->logits(), fresh(right)));
    QVERIFY(sameBits(sequence->logits(), fresh(left)));
  }

  void anythingInAnyOrder() {
    bool given = false;  // LECTERN_SEED repeats a run
    const unsigned wanted = qEnvironmentVariable("LECTERN_SEED").toUInt(&given);
    const unsigned seed = given ? wanted : QRandomGenerator::global()->generate();
    qInfo("seed %u", seed);
    std::mt19937 random(seed);
    MemoryBlockStore store;
    const auto engine = Engine::open(model_, {.n_threads = 1}, &store);
    QVERIFY(engine);
    auto sequence = *(*engine)->newSequence();
    std::vector<TokenId> tokens = randomTokens(2500, seed);
    QVERIFY(sequence->sync(tokens, nullptr, {}));
    for (int i = 0; i < 25; ++i) {
      switch (random() % 6) {
        case 0: {  // rewind
          const auto n = tokens.size() - random() % std::min<std::size_t>(tokens.size(), 700);
          tokens.resize(n);
          QVERIFY(sequence->rewind(static_cast<std::int64_t>(n), {}));
          break;
        }
        case 1: {  // another ending
          tokens.resize(tokens.size() - random() % std::min<std::size_t>(tokens.size(), 300));
          const auto more = randomTokens(1 + random() % 400, static_cast<unsigned>(random()));
          tokens.insert(tokens.end(), more.begin(), more.end());
          QVERIFY(sequence->sync(tokens, nullptr, {}));
          break;
        }
        case 2:
          for (int k = 0; k < 5; ++k) {
            tokens.push_back(static_cast<TokenId>(random() % 512));
            QVERIFY(sequence->decode(tokens.back(), {}));
          }
          break;
        case 3: QVERIFY(sequence->saveBoundary(engine::Keep::kTurnEnd, {})); break;
        case 4: sequence = sequence->fork(); break;
        case 5: {  // another process
          sequence = *(*engine)->newSequence();
          QVERIFY(sequence->sync(tokens, nullptr, {}));
          break;
        }
      }
      QCOMPARE(sequence->size(), static_cast<std::int64_t>(tokens.size()));
    }
    QVERIFY(sameBits(sequence->logits(), fresh(tokens)));
  }

  void aStoredSequenceIsResumedAtItsBoundary() {
    MemoryBlockStore store;
    const auto tokens = randomTokens(4500, 5);
    {
      const auto engine = Engine::open(model_, {.n_threads = 2}, &store);
      const auto sequence = *(*engine)->newSequence();
      QVERIFY(sequence->sync(tokens, nullptr, {}));
      QVERIFY(sequence->saveBoundary(engine::Keep::kTurnEnd, {}));
    }
    QCOMPARE(store.blocks.size(), std::size_t{2});
    auto longer = tokens;
    longer.push_back(3);
    const auto engine = Engine::open(model_, {.n_threads = 2}, &store);
    const auto sequence = *(*engine)->newSequence();
    const auto report = sequence->sync(longer, nullptr, {});
    QCOMPARE(report->n_reused, 4500);
    QCOMPARE(report->n_prefilled, 1);
    QVERIFY(sameBits(sequence->logits(), fresh(longer)));
  }

  void damagedRowsAreReadAgainFromTheTokens() {
    MemoryBlockStore store;
    const auto tokens = randomTokens(4500, 6);
    const auto engine = Engine::open(model_, {.n_threads = 2}, &store);
    {
      const auto sequence = *(*engine)->newSequence();
      QVERIFY(sequence->sync(tokens, nullptr, {}));
      QVERIFY(sequence->saveBoundary(engine::Keep::kTurnEnd, {}));
    }
    for (auto& [key, payload] : store.payloads)
      if (store.boundaries[key].position == 4500) payload.resize(payload.size() / 2);
    auto sequence = *(*engine)->newSequence();
    auto report = sequence->sync(tokens, nullptr, {});
    QCOMPARE(report->n_reused, 4096);
    QVERIFY(sameBits(sequence->logits(), fresh(tokens)));

    for (auto& [key, payload] : store.blocks) payload.pop_back();
    sequence = *(*engine)->newSequence();
    report = sequence->sync(tokens, nullptr, {});
    QCOMPARE(report->n_reused, 0);
    QVERIFY(sameBits(sequence->logits(), fresh(tokens)));
  }

  void aResumedSequenceReadsTheRowsItSelects() {
    MemoryBlockStore store;
    const auto tokens = randomTokens(9000, 13);
    std::int64_t n_stored = 0;
    {
      const auto engine = Engine::open(model_, {.n_threads = 2}, &store);
      const auto sequence = *(*engine)->newSequence();
      QVERIFY(sequence->sync(tokens, nullptr, {}));
      QVERIFY(sequence->saveBoundary(engine::Keep::kTurnEnd, {}));
      for (const auto& [key, payload] : store.blocks) n_stored += std::ssize(payload);
    }
    const auto engine = Engine::open(model_, {.n_threads = 2}, &store);
    const auto sequence = *(*engine)->newSequence();
    QCOMPARE((*sequence->sync(tokens, nullptr, {})).n_reused, 9000);
    QCOMPARE(store.n_bytes_read, 4 * (*engine)->layout().head_bytes);
    auto longer = tokens;
    longer.push_back(3);
    QVERIFY(sequence->decode(3, {}));
    QVERIFY(store.n_bytes_read < n_stored);
    QVERIFY((*engine)->rows().statistics().n_read > 0);
    QVERIFY(sameBits(sequence->logits(), fresh(longer)));
  }

  // LECTERN_RESTORES: how many.
  void restoredSequencesGiveTheSameBits() {
    bool given = false;
    const unsigned wanted = qEnvironmentVariable("LECTERN_SEED").toUInt(&given);
    const unsigned seed = given ? wanted : QRandomGenerator::global()->generate();
    const int n_restores = qEnvironmentVariable("LECTERN_RESTORES", "12").toInt();
    std::mt19937 random(seed);
    MemoryBlockStore store;
    const auto tokens = randomTokens(9000, seed);
    std::int64_t n_dropped = 0;
    for (int i = 0; i < n_restores; ++i) {
      // One query's pages, and a little more, of the 8 that a block has: they come and go all the
      // time.
      const std::int64_t page_bytes = engine_->layout().page_bytes;
      const std::int64_t limit = i % 3 == 0 ? 0 : page_bytes * (1 + random() % 8);
      const auto engine =
          Engine::open(model_, {.n_threads = 2, .row_cache_bytes = limit}, &store);
      const auto sequence = *(*engine)->newSequence();
      const auto n = static_cast<std::size_t>(2100 + random() % 6800);
      const auto text = std::span(tokens).first(n);
      QVERIFY(sequence->sync(text, nullptr, {}));
      if (random() % 2 == 0) QVERIFY(sequence->saveBoundary(engine::Keep::kTurnEnd, {}));
      std::vector<TokenId> longer(text.begin(), text.end());
      for (int k = 0; k < 3; ++k) {
        longer.push_back(static_cast<TokenId>(random() % 512));
        QVERIFY(sequence->decode(longer.back(), {}));
      }
      QVERIFY2(sameBits(sequence->logits(), fresh(longer)),
               qPrintable(QString("restore %1 at %2, seed %3").arg(i).arg(n).arg(seed)));
      n_dropped += (*engine)->rows().statistics().n_dropped;
    }
    QVERIFY2(n_dropped > 0, qPrintable(QString("seed %1").arg(seed)));
    qInfo("%d restores, 0 different, %lld pages dropped meanwhile, seed %u", n_restores,
          static_cast<long long>(n_dropped), seed);
  }

  void rowsLostMidwayAreReadAgain() {
    for (const bool by_decoding : {true, false}) {
      MemoryBlockStore store;
      auto tokens = randomTokens(9000, 14);
      {
        const auto engine = Engine::open(model_, {.n_threads = 2}, &store);
        const auto sequence = *(*engine)->newSequence();
        QVERIFY(sequence->sync(tokens, nullptr, {}));
        QVERIFY(sequence->saveBoundary(engine::Keep::kTurnEnd, {}));
      }
      const auto engine = Engine::open(model_, {.n_threads = 2}, &store);
      const auto sequence = *(*engine)->newSequence();
      QVERIFY(sequence->sync(tokens, nullptr, {}));
      const auto branch = sequence->fork();
      for (const auto& [key, payload] : store.blocks)
        for (std::size_t at = payload.size(); at-- > payload.size() - 1;) store.damage[key] = at;
      const auto n_before = store.blocks.size();
      for (int k = 0; k < 40; ++k) tokens.push_back(k);
      if (by_decoding) {
        for (std::size_t i = 9000; i < tokens.size(); ++i) QVERIFY(sequence->decode(tokens[i], {}));
      } else {
        QVERIFY(sequence->sync(tokens, nullptr, {}));
      }
      QCOMPARE(store.blocks.size(), n_before);  // stored again
      QVERIFY(store.damage.size() < n_before);
      QVERIFY(sameBits(sequence->logits(), fresh(tokens)));
      QVERIFY(branch->sync(tokens, nullptr, {}));
      QVERIFY(sameBits(branch->logits(), fresh(tokens)));
    }
  }

  void otherNumericsShareNothing() {
    MemoryBlockStore store;
    const auto tokens = randomTokens(2100, 7);
    const auto first = Engine::open(model_, {.n_threads = 2}, &store);
    QVERIFY((*(*first)->newSequence())->sync(tokens, nullptr, {}));
    const auto other = Engine::open(
        model_, {.numerics = engine::Numerics::kNone, .n_threads = 2}, &store);
    QVERIFY((*first)->fingerprint() != (*other)->fingerprint());
    const auto report = (*(*other)->newSequence())->sync(tokens, nullptr, {});
    QCOMPARE(report->n_reused, 0);
  }

  void aFullDiskCostsTheSnapshotOnly() {
    MemoryBlockStore store;
    store.full = true;
    const auto tokens = randomTokens(2100, 8);
    const auto engine = Engine::open(model_, {.n_threads = 2}, &store);
    const auto sequence = *(*engine)->newSequence();
    const auto report = sequence->sync(tokens, nullptr, {});
    QVERIFY(report);
    QVERIFY(report->not_stored.has_value());
    QCOMPARE(report->not_stored->code, ErrorCode::kDiskFull);
    QVERIFY(sameBits(sequence->logits(), fresh(tokens)));
    const auto saved = sequence->saveBoundary(engine::Keep::kTurnEnd, {});
    QVERIFY(!saved);
    QCOMPARE(saved.error().code, ErrorCode::kDiskFull);
  }

  // A store that writes behind finds out later; what it does not have is never taken from memory.
  void whatFailedBehindStaysInMemory() {
    LateStore store;
    store.full = true;
    auto tokens = randomTokens(6500, 15);
    const auto engine = Engine::open(model_, {.n_threads = 2, .row_cache_bytes = 1}, &store);
    const auto sequence = *(*engine)->newSequence();
    std::int64_t n_safe = 0;
    const auto report =
        sequence->sync(std::span(tokens).first(4500),
                       [&](const base::Progress& p) { n_safe = std::max(n_safe, p.n_safe); }, {});
    QVERIFY(report && report->not_stored);
    QCOMPARE(n_safe, 0);
    QCOMPARE(sequence->saveBoundary(engine::Keep::kTurnEnd, {}).error().code, ErrorCode::kDiskFull);
    store.full = false;
    QCOMPARE((*sequence->sync(tokens, nullptr, {})).n_reused, 4500);
    QCOMPARE(store.block_ends, (std::vector<std::int64_t>{3 * engine::kBlockTokens}));
    for (int k = 0; k < 3; ++k) {
      tokens.push_back(k);
      QVERIFY(sequence->decode(k, {}));
    }
    QVERIFY((*engine)->rows().statistics().bytes > 0);  // of the third block
    QCOMPARE(store.n_not_found, 0);
    QVERIFY(sameBits(sequence->logits(), fresh(tokens)));
  }

  void stoppingLeavesAValidState() {
    const auto tokens = randomTokens(5000, 9);
    const auto sequence = open();
    std::stop_source stop;
    const auto stopped = sequence->sync(
        tokens, [&](const base::Progress& p) { if (p.n_done >= 2500) stop.request_stop(); },
        stop.get_token());
    QVERIFY(!stopped);
    QCOMPARE(stopped.error().code, ErrorCode::kCancelled);
    QCOMPARE(sequence->size(), engine::kBlockTokens);
    const auto report = sequence->sync(tokens, nullptr, {});
    QCOMPARE(report->n_reused, engine::kBlockTokens);
    QVERIFY(sameBits(sequence->logits(), fresh(tokens)));
  }

  void impossibleWishesChangeNothing() {
    const auto tokens = randomTokens(20, 10);
    const auto sequence = open();
    QVERIFY(sequence->sync(tokens, nullptr, {}));
    auto foreign = tokens;
    foreign.push_back(512);
    QCOMPARE(sequence->sync(foreign, nullptr, {}).error().code, ErrorCode::kInvalidInput);
    QCOMPARE(sequence->sync({}, nullptr, {}).error().code, ErrorCode::kInvalidInput);
    QCOMPARE(sequence->decode(-1, {}).error().code, ErrorCode::kInvalidInput);
    QCOMPARE(sequence->rewind(21, {}).error().code, ErrorCode::kInvalidInput);
    QCOMPARE(sequence->size(), 20);

    const auto small = Engine::open(model_, {.n_threads = 1, .context_max = 32});
    const auto other = *(*small)->newSequence();
    const auto long_text = randomTokens(33, 11);
    QCOMPARE(other->sync(long_text, nullptr, {}).error().code, ErrorCode::kTooLarge);
    QVERIFY(other->sync(std::span(long_text).first(32), nullptr, {}));
    QCOMPARE(other->decode(1, {}).error().code, ErrorCode::kTooLarge);
  }

  void numberOfThreadsChangesNoBit() {
    const auto tokens = randomTokens(300, 12);
    const auto one = Engine::open(model_, {.n_threads = 1});
    const auto three = Engine::open(model_, {.n_threads = 3});
    const auto a = (*one)->allLogits(tokens, 300, nullptr, {});
    const auto b = (*three)->allLogits(tokens, 300, nullptr, {});
    QVERIFY(sameBits(*a, *b));
  }

 private:
  std::unique_ptr<Sequence> open() { return std::move(*engine_->newSequence()); }
  // Logits after the last token, prefilled at once by another sequence without a store.
  std::vector<float> fresh(std::span<const TokenId> tokens) {
    const auto sequence = open();
    if (!sequence->sync(tokens, nullptr, {})) return {};
    return {sequence->logits().begin(), sequence->logits().end()};
  }

  std::filesystem::path model_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace

LECTERN_TEST(SequenceTest)
#include "sequence_test.moc"
