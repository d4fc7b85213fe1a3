// The flow of tokens through the layers: however a text is cut, stopped, branched or batched, the
// logits are the bits of a plain run, and a value that is no number stops it at the right place.
#include <QProcessEnvironment>
#include <QRandomGenerator>
#include <QTemporaryDir>
#include <QTest>

#include <cstring>
#include <fstream>
#include <random>
#include <set>

#include "engine/engine.h"
#include "engine/json.h"
#include "engine/kv_layout.h"
#include "engine/sequence.h"
#include "tests/engine/memory_block_store.h"
#include "tests/support/golden.h"
#include "tests/support/test_main.h"

namespace {

using base::ErrorCode;
using base::TokenId;
using engine::Engine;
using engine::EngineOptions;
using engine::Numerics;
using engine::Sequence;

constexpr std::int64_t kTextTokens = 600;

std::vector<TokenId> randomTokens(std::int64_t n, std::mt19937& random) {
  std::vector<TokenId> tokens(static_cast<std::size_t>(n));
  for (TokenId& token : tokens) token = static_cast<TokenId>(random() % 512);
  return tokens;
}

bool sameBits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

std::int64_t pick(std::mt19937& random, std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(high - low + 1));
}

// Overwrites the bytes of a tensor, from its element `first` on, with ones: NaN in every format.
bool poison(const std::filesystem::path& model, const std::string& tensor, std::size_t first_byte,
            std::size_t n_bytes) {
  for (const auto& entry : std::filesystem::directory_iterator(model)) {
    if (entry.path().extension() != ".safetensors") continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    std::uint64_t size = 0;
    file.read(reinterpret_cast<char*>(&size), sizeof size);
    std::string text(size, ' ');
    file.read(text.data(), static_cast<std::streamsize>(size));
    const auto header = engine::Json::parse(text);
    if (!header.contains(tensor)) continue;
    const auto offset = header[tensor]["data_offsets"][0].get<std::uint64_t>();
    file.seekp(static_cast<std::streamoff>(8 + size + offset + first_byte));
    const std::string ones(n_bytes, '\xff');
    file.write(ones.data(), static_cast<std::streamsize>(n_bytes));
    return file.good();
  }
  return false;
}

class FlowTest : public QObject {
  Q_OBJECT

 private slots:
  void initTestCase() {
    REQUIRE_GOLDEN(models, "models")
    models_ = models;
    const QString given = qEnvironmentVariable("LECTERN_FLOW_SEED");
    seed_ = given.isEmpty() ? QRandomGenerator::global()->generate() : given.toUInt();
    qInfo("LECTERN_FLOW_SEED=%u", seed_);
  }

  // 200 ways to read a text, against logits of every position that were computed at once.
  void anyCutGivesTheSameBits_data() {
    QTest::addColumn<QString>("model");
    QTest::addColumn<bool>("official");
    for (const char* model : {"tiny-base", "tiny-dspark", "tiny-flash", "tiny-pro"})
      for (const bool official : {true, false})
        QTest::addRow("%s %s", model, official ? "official" : "none") << model << official;
  }
  void anyCutGivesTheSameBits() {
    QFETCH(QString, model);
    QFETCH(bool, official);
    std::mt19937 random(seed_);
    const auto tokens = randomTokens(kTextTokens, random);
    EngineOptions options;
    options.numerics = official ? Numerics::kOfficial : Numerics::kNone;
    options.n_threads = 1;
    const auto plain = open(model, options);
    const auto all = plain->allLogits(tokens, kTextTokens, nullptr, {});
    QVERIFY(all);
    const auto vocab = static_cast<std::size_t>(plain->config().vocab);

    for (int i = 0; i < 25; ++i) {
      options.n_threads = static_cast<int>(pick(random, 1, 3));
      options.chunk_tokens = pick(random, 1, 3) == 1 ? pick(random, 1, 16) : pick(random, 17, 300);
      options.super_chunk_tokens = pick(random, 1, 3) == 1 ? pick(random, 1, 40)
                                                           : pick(random, 41, 700);
      const auto n = pick(random, 1, i % 5 == 0 ? kTextTokens : 200), split = pick(random, 1, n);
      const auto n_decoded = std::min<std::int64_t>(n - split, pick(random, 0, 6));
      const auto engine = open(model, options);
      const auto sequence = *engine->newSequence();
      const std::span<const TokenId> text(tokens);
      QVERIFY(sequence->sync(text.first(static_cast<std::size_t>(split)), nullptr, {}));
      for (std::int64_t k = 0; k < n_decoded; ++k)
        QVERIFY(sequence->decode(tokens[static_cast<std::size_t>(split + k)], {}));
      QVERIFY(sequence->sync(text.first(static_cast<std::size_t>(n)), nullptr, {}));
      const std::span<const float> expected(
          all->data() + static_cast<std::size_t>(n - 1) * vocab, vocab);
      QVERIFY2(sameBits(sequence->logits(), expected),
               qPrintable(QString("n %1, split %2, decoded %3, threads %4, chunk %5, super %6")
                              .arg(n).arg(split).arg(n_decoded).arg(options.n_threads)
                              .arg(options.chunk_tokens).arg(options.super_chunk_tokens)));
    }
  }

  void superChunksOfSeveralBlocks() {
    std::mt19937 random(seed_);
    const auto tokens = randomTokens(7000, random);
    const std::vector<float> expected = logitsOf("tiny-base", {.n_threads = 2}, tokens);
    for (const std::int64_t super : {std::int64_t{5000}, std::int64_t{65536}, pick(random, 300, 7000)}) {
      EngineOptions options;
      options.n_threads = 2;
      options.super_chunk_tokens = super;
      options.chunk_tokens = pick(random, 100, 1200);
      QVERIFY2(sameBits(logitsOf("tiny-base", options, tokens), expected),
               qPrintable(QString("super %1, chunk %2").arg(super).arg(options.chunk_tokens)));
    }
  }

  // The store gets every whole block once, in order, and states only where they are wanted.
  void theStoreSeesWholeBlocks() {
    std::mt19937 random(seed_);
    const auto tokens = randomTokens(9000, random);
    support::MemoryBlockStore store;
    EngineOptions options;
    options.n_threads = 2;
    options.super_chunk_tokens = 65536;
    {
      const auto engine = open("tiny-base", options, &store);
      QVERIFY((*engine->newSequence())->sync(tokens, nullptr, {}));
    }
    QCOMPARE(store.block_ends, (std::vector<std::int64_t>{2048, 4096, 6144, 8192}));
    // The last block end, and the one before it, for texts that change near their end.
    std::set<std::int64_t> states;
    for (const auto& [key, boundary] : store.boundaries) states.insert(boundary.position);
    QCOMPARE(states, (std::set<std::int64_t>{6144, 8192}));

    const auto engine = open("tiny-base", options, &store);
    const auto sequence = *engine->newSequence();
    const auto report = sequence->sync(tokens, nullptr, {});
    QVERIFY(report);
    QCOMPARE(report->n_reused, 8192);
    QVERIFY(sameBits(sequence->logits(), logitsOf("tiny-base", {.n_threads = 2}, tokens)));
    const auto shorter = *engine->newSequence();
    QCOMPARE(shorter->sync(std::span(tokens).first(7000), nullptr, {})->n_reused, 6144);
    const auto first = *engine->newSequence();
    QCOMPARE(first->sync(std::span(tokens).first(4096), nullptr, {})->n_reused, 0);
  }

  void stoppedAnywhereItGoesOn() {
    std::mt19937 random(seed_);
    const auto tokens = randomTokens(2600, random);
    const std::vector<float> expected = logitsOf("tiny-base", {.n_threads = 2}, tokens);
    for (int i = 0; i < 8; ++i) {
      EngineOptions options;
      options.n_threads = 2;
      options.super_chunk_tokens = pick(random, 200, 3000);
      support::MemoryBlockStore store;
      const auto engine = open("tiny-base", options, &store);
      const auto sequence = *engine->newSequence();
      std::int64_t n_before = 0, n_calls = 0;
      do {
        std::stop_source stop;
        const auto last_call = pick(random, 1, 20);
        n_calls = 0;
        const auto report = sequence->sync(
            tokens,
            [&](const base::Progress&) { if (++n_calls == last_call) stop.request_stop(); },
            stop.get_token());
        QCOMPARE(report.has_value(), sequence->size() == 2600);
        if (!report) QCOMPARE(report.error().code, ErrorCode::kCancelled);
        QVERIFY(sequence->size() >= n_before);
        QVERIFY(static_cast<std::int64_t>(store.blocks.size()) == sequence->size() / 2048);
        // With nothing finished this time, the next attempt gets to the end.
        if (sequence->size() == n_before) break;
        n_before = sequence->size();
      } while (n_before < 2600);
      QVERIFY(sequence->sync(tokens, nullptr, {}));
      QVERIFY(sameBits(sequence->logits(), expected));
    }
  }

  void turnsAreReachedAgain() {
    std::mt19937 random(seed_);
    const auto engine = open("tiny-base", {.n_threads = 2});
    const auto sequence = *engine->newSequence();
    auto tokens = randomTokens(5000, random);
    std::vector<std::pair<std::int64_t, std::vector<float>>> turns;
    QVERIFY(sequence->sync(tokens, nullptr, {}));
    for (int turn = 0; turn < 5; ++turn) {
      turns.emplace_back(sequence->size(), std::vector<float>(sequence->logits().begin(),
                                                              sequence->logits().end()));
      const auto more = randomTokens(pick(random, 1, 900), random);
      tokens.insert(tokens.end(), more.begin(), more.end());
      QVERIFY(sequence->sync(tokens, nullptr, {}));
    }
    const auto other = sequence->fork();
    for (; !turns.empty(); turns.pop_back()) {
      QVERIFY(sequence->rewind(turns.back().first, {}));
      QCOMPARE(sequence->size(), turns.back().first);
      QVERIFY(sameBits(sequence->logits(), turns.back().second));
    }
    tokens.resize(5000);
    const auto more = randomTokens(300, random);
    tokens.insert(tokens.end(), more.begin(), more.end());
    QVERIFY(sequence->sync(tokens, nullptr, {}));
    QVERIFY(sequence->tokens() == tokens);
    QVERIFY(sameBits(sequence->logits(), logitsOf("tiny-base", {.n_threads = 2}, tokens)));
    QVERIFY(other->size() > 5000);
  }

  void branchesOfABatchAreThemselves_data() {
    QTest::addColumn<QString>("model");
    QTest::addColumn<bool>("official");
    QTest::newRow("tiny-flash official") << "tiny-flash" << true;
    QTest::newRow("tiny-base official") << "tiny-base" << true;
    QTest::newRow("tiny-pro none") << "tiny-pro" << false;
  }
  void branchesOfABatchAreThemselves() {
    QFETCH(QString, model);
    QFETCH(bool, official);
    std::mt19937 random(seed_);
    EngineOptions options;
    options.numerics = official ? Numerics::kOfficial : Numerics::kNone;
    options.n_threads = 2;
    options.context_max = 2070;
    const auto engine = open(model, options);
    const auto root = *engine->newSequence();
    const auto tokens = randomTokens(2042, random);
    QVERIFY(root->sync(tokens, nullptr, {}));
    std::vector<std::unique_ptr<Sequence>> together, alone;
    std::vector<Sequence*> batch;
    for (int i = 0; i < 8; ++i) {
      auto branch = root->fork();
      for (int k = 0; k < i; ++k) QVERIFY(branch->decode(static_cast<TokenId>(random() % 512), {}));
      alone.push_back(branch->fork());
      together.push_back(std::move(branch));
      batch.push_back(together.back().get());
    }
    const auto full = root->fork();
    while (full->size() < 2070) QVERIFY(full->decode(3, {}));
    const std::vector<float> full_logits(full->logits().begin(), full->logits().end());
    batch.insert(batch.begin() + 4, full.get());

    for (int step = 0; step < 12; ++step) {
      auto ids = randomTokens(9, random);
      const auto wrong = static_cast<std::size_t>(step % 4);
      if (step == 5) ids[wrong] = 512;
      const auto done = Sequence::decodeTogether(batch, ids, {});
      QVERIFY(!done[4] && done[4].error().code == ErrorCode::kTooLarge);
      for (std::size_t i = 0; i < 8; ++i) {
        const std::size_t row = i < 4 ? i : i + 1;
        if (step == 5 && row == wrong) {
          QVERIFY(!done[row] && done[row].error().code == ErrorCode::kInvalidInput);
          continue;
        }
        QVERIFY(done[row]);
        QVERIFY(alone[i]->decode(ids[row], {}));
        QCOMPARE(together[i]->size(), alone[i]->size());
        QVERIFY2(sameBits(together[i]->logits(), alone[i]->logits()),
                 qPrintable(QString("step %1 branch %2").arg(step).arg(i)));
      }
    }
    QVERIFY(sameBits(full->logits(), full_logits));
    QVERIFY(sameBits(root->logits(), logitsOf(model, options, tokens)));
  }

  void theBrokenStageIsNamed_data() {
    QTest::addColumn<QString>("tensor");
    QTest::addColumn<int>("n_bytes");
    QTest::addColumn<QString>("place");
    const auto row = [](const char* tensor, int n_bytes, const char* place) {
      QTest::newRow(tensor) << tensor << n_bytes << place;
    };
    row("layers.1.attn.wkv.scale", 1, "layer 1, window entries");
    row("layers.1.attn.wq_b.scale", 4, "layer 1, queries");
    row("layers.1.attn.wo_a.scale", 2, "layer 1, attention output");
    row("layers.0.attn.wo_b.scale", 1, "layer 0, attention output");
    row("layers.1.attn.compressor.wkv.weight", 512, "layer 1, compressor");
    row("layers.2.attn.compressor.norm.weight", 2, "layer 2, compressed rows");
    row("layers.1.attn.indexer.wq_b.scale", 4, "layer 1, index queries");
    row("layers.1.attn.indexer.weights_proj.weight", 256, "layer 1, index weights");
    row("layers.1.hc_attn_base", 24 * 4, "layer 1, hyper-connections of attention");
    row("layers.1.hc_ffn_base", 24 * 4, "layer 1, hyper-connections of the experts");
    row("layers.1.ffn.gate.weight", 1024, "layer 1, router");
    row("layers.1.ffn.experts.2.w1.scale", 1, "layer 1, experts' output");
    row("layers.1.ffn.experts.2.w2.scale", 1, "layer 1, experts' output");
    row("layers.2.ffn.shared_experts.w3.scale", 1, "layer 2, experts' output");
    row("head.weight", 256, "logits");
  }
  void theBrokenStageIsNamed() {
    QFETCH(QString, tensor);
    QFETCH(int, n_bytes);
    QFETCH(QString, place);
    std::mt19937 random(seed_);
    const QTemporaryDir folder;
    const auto model = copyOf("tiny-base", folder);
    QVERIFY(poison(model, tensor.toStdString(), 0, static_cast<std::size_t>(n_bytes)));
    support::MemoryBlockStore store;
    const auto engine = Engine::open(model, {.n_threads = 2}, &store);
    QVERIFY(engine);
    const auto sequence = *(*engine)->newSequence();
    const auto report = sequence->sync(randomTokens(2100, random), nullptr, {});
    QVERIFY(!report);
    QCOMPARE(report.error().code, ErrorCode::kNumerics);
    QVERIFY2(report.error().message.starts_with(place.toStdString() + ":"),
             report.error().message.c_str());
    QCOMPARE(sequence->size(), 0);
    QVERIFY(store.blocks.empty() && store.payloads.empty());
  }

  // One token of the vocabulary is broken: it costs its own step, nothing before and nobody else.
  void aBrokenTokenCanBeTakenBack() {
    std::mt19937 random(seed_);
    const QTemporaryDir folder;
    const auto model = copyOf("tiny-base", folder);
    QVERIFY(poison(model, "embed.weight", 77 * 256, 256));
    const auto engine = Engine::open(model, {.n_threads = 2});
    QVERIFY(engine);
    auto tokens = randomTokens(2300, random);
    for (TokenId& token : tokens) token = token == 77 ? 78 : token;
    const auto sequence = *(*engine)->newSequence();
    QVERIFY(sequence->sync(tokens, nullptr, {}));
    const std::vector<float> logits(sequence->logits().begin(), sequence->logits().end());

    auto broken = tokens;
    broken.resize(5000, 9);
    broken[4800] = 77;
    const auto report = sequence->sync(broken, nullptr, {});
    QVERIFY(!report);
    QVERIFY2(report.error().message.starts_with("layer 0, "), report.error().message.c_str());
    QCOMPARE(sequence->size(), 2 * engine::kBlockTokens);
    QVERIFY(sequence->rewind(2300, {}));
    QVERIFY(sameBits(sequence->logits(), logits));

    const auto failed = sequence->decode(77, {});
    QVERIFY(!failed && failed.error().code == ErrorCode::kNumerics);
    QCOMPARE(sequence->size(), 2300);
    QVERIFY(sameBits(sequence->logits(), logits));

    const auto left = sequence->fork(), right = sequence->fork();
    std::vector<Sequence*> batch{left.get(), sequence.get(), right.get()};
    const auto done = Sequence::decodeTogether(batch, std::vector<TokenId>{5, 77, 6}, {});
    QVERIFY(done[0] && !done[1] && done[2]);
    QVERIFY(sameBits(sequence->logits(), logits));
    QVERIFY(sequence->decode(5, {}));
    QVERIFY(sameBits(sequence->logits(), left->logits()));
    tokens.push_back(5);
    const auto plain = *(*engine)->newSequence();
    QVERIFY(plain->sync(tokens, nullptr, {}));
    QVERIFY(sameBits(sequence->logits(), plain->logits()));
  }

 private:
  std::unique_ptr<Engine> open(const QString& model, const EngineOptions& options,
                               engine::BlockStore* store = nullptr) {
    auto engine = Engine::open(models_ / model.toStdString(), options, store);
    return engine ? std::move(*engine) : nullptr;
  }
  std::vector<float> logitsOf(const QString& model, const EngineOptions& options,
                              std::span<const TokenId> tokens) {
    const auto engine = open(model, options);
    const auto sequence = *engine->newSequence();
    if (!sequence->sync(tokens, nullptr, {})) return {};
    return {sequence->logits().begin(), sequence->logits().end()};
  }
  std::filesystem::path copyOf(const char* model, const QTemporaryDir& folder) {
    const std::filesystem::path copy = folder.path().toStdString();
    for (const auto& entry : std::filesystem::directory_iterator(models_ / model)) {
      if (!entry.is_regular_file()) continue;
      const auto file = copy / entry.path().filename();
      std::filesystem::copy_file(entry.path(), file);
      std::filesystem::permissions(file, std::filesystem::perms::owner_write,
                                   std::filesystem::perm_options::add);
    }
    return copy;
  }

  std::filesystem::path models_;
  unsigned seed_ = 0;
};

}  // namespace

LECTERN_TEST(FlowTest)
#include "flow_test.moc"
