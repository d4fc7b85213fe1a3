// Weights that stream: the bits of a mapped model, from files that are read once or again, and
// typed errors where a file is not what it was.
#include <QRandomGenerator>
#include <QTemporaryDir>
#include <QTest>

#include <cstring>
#include <fstream>
#include <random>

#include "engine/engine.h"
#include "engine/expert_cache.h"
#include "engine/mapped_file.h"
#include "engine/sequence.h"
#include "engine/weights.h"
#include "tests/support/golden.h"
#include "tests/support/test_main.h"

namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using base::TokenId;
using engine::Engine;
using engine::Residency;
using engine::WeightPlacement;

std::vector<TokenId> randomTokens(std::int64_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<TokenId> tokens(static_cast<std::size_t>(n));
  for (TokenId& token : tokens) token = static_cast<TokenId>(random() % 256);
  return tokens;
}

base::Result<std::unique_ptr<Engine>> openPlaced(const fs::path& model,
                                                 const WeightPlacement& placement,
                                                 engine::BackendKind backend) {
  engine::EngineOptions options;
  options.backend = backend;
  options.n_threads = 2;
  options.placement = placement;
  return Engine::open(model, options);
}

// A prefill of the first `split` tokens, then one by one.
std::vector<float> logitsOf(const Engine& engine, const std::vector<TokenId>& tokens,
                            std::int64_t split) {
  const auto logits = engine.allLogits(tokens, split, nullptr, {});
  if (!logits) QTest::qFail(logits.error().message.c_str(), __FILE__, __LINE__);
  return logits.value_or(std::vector<float>{});
}

bool sameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return !a.empty() && a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * 4) == 0;
}

class StreamingTest : public QObject {
  Q_OBJECT

 private slots:
  void init() {
    REQUIRE_GOLDEN(models, "models")
    models_ = models;
    folder_ = std::make_unique<QTemporaryDir>();
    copy_ = fs::path(folder_->path().toStdString()) / "model";
    fs::copy(models / "tiny-base", copy_, fs::copy_options::recursive);
    for (const auto& entry : fs::recursive_directory_iterator(copy_))
      fs::permissions(entry.path(), fs::perms::owner_all);
  }

  // Whatever streams, and with however few slots, also fewer than a token has experts.
  void streamedIsMapped_data() {
    QTest::addColumn<QString>("model");
    QTest::addColumn<int>("residency");
    QTest::addColumn<int>("n_slots");
    for (const char* model : {"models/tiny-flash", "models/tiny-pro", "models/tiny-base",
                              "gguf/tiny-flash-q8.gguf"})
      for (const Residency residency : {Residency::kStreamedExperts, Residency::kStreamedLayers})
        for (const int n_slots : {1, 5, 50})
          QTest::addRow("%s, %s, %d slots", model, engine::residencyName(residency), n_slots)
              << QString(model) << static_cast<int>(residency) << n_slots;
  }
  void streamedIsMapped() {
    QFETCH(const QString, model);
    QFETCH(const int, residency);
    QFETCH(const int, n_slots);
    const fs::path folder = support::goldenPath(model.toStdString());
    if (folder.empty()) WITHOUT_DATA("golden models");
    const auto tokens = randomTokens(150, 7);
    const auto mapped = openPlaced(folder, {}, engine::BackendKind::kCpu);
    const auto streamed = openPlaced(folder, {static_cast<Residency>(residency), n_slots},
                                     engine::BackendKind::kCpu);
    QVERIFY(mapped && streamed);
    QVERIFY((*streamed)->fingerprint() == (*mapped)->fingerprint());
    const auto expected = logitsOf(**mapped, tokens, 145);
    QVERIFY(sameBits(logitsOf(**streamed, tokens, 145), expected));
    QVERIFY(sameBits(logitsOf(**streamed, tokens, 145), expected));  // from a filled cache
    QVERIFY((*streamed)->weights().store()->statistics().bytes > 0);
  }

  void theReferenceStreamsToo() {
    const auto tokens = randomTokens(9, 3);
    const fs::path folder = models_ / "tiny-flash";
    const auto mapped = openPlaced(folder, {}, engine::BackendKind::kReference);
    const auto streamed =
        openPlaced(folder, {Residency::kStreamedLayers, 2}, engine::BackendKind::kReference);
    QVERIFY(mapped && streamed);
    QVERIFY(sameBits(logitsOf(**streamed, tokens, 6), logitsOf(**mapped, tokens, 6)));
  }

  void anExpertInItsSlotIsNotReadAgain() {
    const fs::path folder = models_ / "tiny-flash";
    const auto streamed = openPlaced(folder, {Residency::kStreamedExperts, 50},
                                     engine::BackendKind::kCpu);
    QVERIFY(streamed);
    const auto tokens = randomTokens(64, 5);
    (void)logitsOf(**streamed, tokens, 64);
    const auto before = (*streamed)->weights().store()->statistics().bytes;
    (void)logitsOf(**streamed, tokens, 64);
    QCOMPARE((*streamed)->weights().store()->statistics().bytes, before);
  }

  void alignedReadsAreTheFilesBytes() {
    const auto seed = QRandomGenerator::global()->generate();
    qInfo("seed %u", seed);
    std::mt19937 random(seed);
    const fs::path path = fs::path(folder_->path().toStdString()) / "bytes";
    std::string bytes(3 * 4096 + 1234, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    std::ofstream(path, std::ios::binary) << bytes;
    const auto file = engine::MappedFile::open(path);
    QVERIFY(file);
    engine::PageMemory memory(5 * 4096);
    for (int first = 0; first < 4; ++first)
      for (int last = first + 1; last <= 4; ++last) {
        std::memset(memory.data(), 7, 5 * 4096);
        QVERIFY(file->readAligned(first * 4096, (last - first) * 4096, memory.data()));
        const std::size_t n = std::min(bytes.size() - first * 4096u, (last - first) * 4096ul);
        QCOMPARE(std::memcmp(memory.data(), bytes.data() + first * 4096, n), 0);
        QCOMPARE(static_cast<int>(memory.data()[(last - first) * 4096]), 7);  // not beyond
      }
  }

  // Shortened, or written to, while it streams: an error that names the file, never garbage.
  void aFileThatChangesIsNoticed_data() {
    QTest::addColumn<int>("residency");
    QTest::addColumn<bool>("shorten");
    for (const Residency residency :
         {Residency::kMapped, Residency::kStreamedExperts, Residency::kStreamedLayers})
      for (const bool shorten : {true, false}) {
        // A mapped file that is shortened ends the process: tests/app.
        if (residency == Residency::kMapped && shorten) continue;
        QTest::addRow("%s, %s", engine::residencyName(residency), shorten ? "shorter" : "newer")
            << static_cast<int>(residency) << shorten;
      }
  }
  void aFileThatChangesIsNoticed() {
    QFETCH(const int, residency);
    QFETCH(const bool, shorten);
    const auto opened = openPlaced(copy_, {static_cast<Residency>(residency), 4},
                                   engine::BackendKind::kCpu);
    QVERIFY(opened);
    const auto tokens = randomTokens(20, 9);
    (void)logitsOf(**opened, tokens, 20);
    const fs::path shard = copy_ / "model-00003-of-00005.safetensors";
    if (shorten)
      fs::resize_file(shard, fs::file_size(shard) / 2);
    else
      fs::last_write_time(shard, fs::last_write_time(shard) + std::chrono::seconds(1));
    const auto logits = (*opened)->allLogits(tokens, 20, nullptr, {});
    QVERIFY(!logits);
    QCOMPARE(logits.error().code, ErrorCode::kCorrupt);
    QVERIFY(logits.error().message.find("00003") != std::string::npos);
    QVERIFY(!logits.error().hint.empty());
  }

  // What was read before stays: the sequence is where it was.
  void aSequenceKeepsItsPlace() {
    const auto opened = openPlaced(copy_, {Residency::kStreamedExperts, 4},
                                   engine::BackendKind::kCpu);
    QVERIFY(opened);
    const auto sequence = (*opened)->newSequence();
    const auto tokens = randomTokens(60, 9);
    QVERIFY((*sequence)->sync(std::span(tokens).first(40), {}, {}));
    const fs::path shard = copy_ / "model-00003-of-00005.safetensors";
    const auto time = fs::last_write_time(shard);
    fs::last_write_time(shard, time + std::chrono::seconds(1));
    QVERIFY(!(*sequence)->sync(tokens, {}, {}));
    QCOMPARE((*sequence)->size(), std::int64_t{40});
    fs::last_write_time(shard, time);
    QVERIFY((*sequence)->sync(tokens, {}, {}));
    const auto fresh = (*opened)->newSequence();
    QVERIFY((*fresh)->sync(tokens, {}, {}));
    QVERIFY(sameBits({(*sequence)->logits().begin(), (*sequence)->logits().end()},
                     {(*fresh)->logits().begin(), (*fresh)->logits().end()}));
  }

  // The check of the whole file aside, each read knows when the file ends too early.
  void aReadBehindTheEndIsNoticed() {
    const fs::path shard = copy_ / "model-00003-of-00005.safetensors";
    const auto file = engine::MappedFile::open(shard);
    QVERIFY(file);
    fs::resize_file(shard, 5000);
    engine::PageMemory memory(8192);
    QVERIFY(file->readAligned(0, 4096, memory.data()));
    const auto read = file->readAligned(4096, 4096, memory.data());
    QVERIFY(!read);
    QCOMPARE(read.error().code, ErrorCode::kCorrupt);
  }

 private:
  fs::path models_, copy_;
  std::unique_ptr<QTemporaryDir> folder_;
};

}  // namespace

LECTERN_TEST(StreamingTest)
#include "streaming_test.moc"
