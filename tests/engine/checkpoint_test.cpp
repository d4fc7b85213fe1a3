// Checkpoints as users have them: whole, damaged, foreign; and what they will cost.
#include <QRandomGenerator>
#include <QTest>
#include <QTemporaryDir>

#include <fstream>
#include <random>
#include <sstream>

#include "engine/engine.h"
#include "engine/json.h"
#include "engine/kv_layout.h"
#include "engine/memory_plan.h"
#include "engine/model_config.h"
#include "engine/safetensors.h"
#include "tests/support/golden.h"
#include "tests/support/test_main.h"

namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using engine::Engine;
using engine::Residency;

std::string readAll(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void writeAll(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// Published configuration (specification §2.1, §2.3).
engine::Json publishedConfig(bool pro) {
  engine::Json ratios = engine::Json::array();
  const int n_layers = pro ? 61 : 43;
  for (int layer = 0; layer < n_layers; ++layer)
    ratios.push_back(layer < 2 ? (pro ? 128 : 0) : layer % 2 == 0 ? 4 : 128);
  ratios.push_back(0);
  return {{"model_type", "deepseek_v4"}, {"vocab_size", 129280},
          {"hidden_size", pro ? 7168 : 4096}, {"num_hidden_layers", n_layers},
          {"num_attention_heads", pro ? 128 : 64}, {"num_key_value_heads", 1}, {"head_dim", 512},
          {"qk_rope_head_dim", 64}, {"q_lora_rank", pro ? 1536 : 1024},
          {"o_groups", pro ? 16 : 8}, {"o_lora_rank", 1024},
          {"n_routed_experts", pro ? 384 : 256}, {"n_shared_experts", 1},
          {"num_experts_per_tok", 6}, {"moe_intermediate_size", pro ? 3072 : 2048},
          {"num_hash_layers", 3}, {"routed_scaling_factor", pro ? 2.5 : 1.5},
          {"swiglu_limit", 10.0}, {"index_n_heads", 64}, {"index_head_dim", 128},
          {"index_topk", pro ? 1024 : 512}, {"sliding_window", 128}, {"compress_ratios", ratios},
          {"compress_rope_theta", 160000}, {"rope_theta", 10000},
          {"rope_scaling", {{"type", "yarn"}, {"factor", 16},
                            {"original_max_position_embeddings", 65536}, {"beta_fast", 32},
                            {"beta_slow", 1}}},
          {"max_position_embeddings", 1048576}, {"hc_mult", 4}, {"hc_sinkhorn_iters", 20},
          {"num_nextn_predict_layers", 1}, {"expert_dtype", "fp4"}};
}

// A Flash of 43 layers (notes on its sizes: specification §14), 30 MB of program.
engine::PlanBasis basisOf(std::int64_t memory) {
  engine::PlanBasis basis;
  basis.n_threads = 2;
  basis.weights = {.mapped = std::int64_t{155'000'000'000},
                   .dense = std::int64_t{7'800'000'000},
                   .stages = 380'000'000,
                   .slot = 13'400'000,
                   .n_experts = 43 * 256,
                   .n_slots_min = 12};
  basis.program_bytes = 30'000'000;
  basis.copied_bytes = 150'000'000;
  basis.memory_bytes = memory;
  return basis;
}

class CheckpointTest : public QObject {
  Q_OBJECT

 private slots:
  // A copy of tiny-base that each test damages in its own way.
  void init() {
    REQUIRE_GOLDEN(models, "models")
    folder_ = std::make_unique<QTemporaryDir>();
    model_ = folder_->filePath("model").toStdString();
    fs::copy(models / "tiny-base", model_, fs::copy_options::recursive);
    fs::permissions(model_, fs::perms::owner_all);
    for (const auto& entry : fs::recursive_directory_iterator(model_))
      fs::permissions(entry.path(), fs::perms::owner_all);
    shard_ = model_ / "model-00002-of-00005.safetensors";
  }

  void aWholeModelOpens() { QVERIFY(Engine::open(model_, {})); }

  void whatIsWrongIsNamed_data() {
    QTest::addColumn<QString>("file");
    QTest::addColumn<QString>("damage");
    QTest::addColumn<int>("code");
    QTest::addColumn<QString>("word");
    const auto row = [](const char* name, const char* file, const char* damage, ErrorCode code,
                        const char* word) {
      QTest::newRow(name) << file << damage << static_cast<int>(code) << word;
    };
    row("no config", "config.json", "remove", ErrorCode::kNotFound, "config.json");
    row("config not JSON", "config.json", "garbage", ErrorCode::kInvalidInput, "config.json");
    row("shard missing", "model-00002-of-00005.safetensors", "remove", ErrorCode::kNotFound, "00002");
    row("shard truncated", "model-00002-of-00005.safetensors", "half", ErrorCode::kCorrupt, "00002");
    row("shard grown", "model-00002-of-00005.safetensors", "grow", ErrorCode::kCorrupt, "00002");
    row("shard empty", "model-00002-of-00005.safetensors", "empty", ErrorCode::kCorrupt, "00002");
    row("shard is text", "model-00002-of-00005.safetensors", "garbage", ErrorCode::kInvalidInput, "00002");
    row("index missing", "model.safetensors.index.json", "garbage", ErrorCode::kInvalidInput, "index");
  }
  void whatIsWrongIsNamed() {
    QFETCH(QString, file);
    QFETCH(QString, damage);
    QFETCH(int, code);
    QFETCH(QString, word);
    const fs::path path = model_ / file.toStdString();
    const std::string bytes = readAll(path);
    if (damage == "remove") fs::remove(path);
    if (damage == "half") writeAll(path, bytes.substr(0, bytes.size() / 2));
    if (damage == "grow") writeAll(path, bytes + "more");
    if (damage == "empty") writeAll(path, "");
    if (damage == "garbage") writeAll(path, std::string(1000, 'x'));
    const auto opened = Engine::open(model_, {});
    QVERIFY(!opened);
    qInfo("%s: %s %s", std::string(base::errorCodeName(opened.error().code)).c_str(),
          opened.error().message.c_str(), opened.error().hint.c_str());
    QCOMPARE(static_cast<int>(opened.error().code), code);
    QVERIFY(QString::fromStdString(opened.error().message).contains(word));
    QVERIFY(!opened.error().hint.empty());
  }

  void anotherFamilyIsRefused() {
    auto config = *engine::parseJson(readAll(model_ / "config.json"), "config");
    config["model_type"] = "llama";
    writeAll(model_ / "config.json", config.dump());
    const auto opened = Engine::open(model_, {});
    QVERIFY(!opened);
    QCOMPARE(opened.error().code, ErrorCode::kUnsupported);
    QVERIFY(opened.error().message.find("llama") != std::string::npos);
  }

  void impossibleShapesAreRefusedBeforeAllocation() {
    const auto whole = *engine::parseJson(readAll(model_ / "config.json"), "config");
    for (const char* field : {"hidden_size", "vocab_size", "n_routed_experts", "head_dim",
                              "q_lora_rank", "moe_intermediate_size", "num_hidden_layers"}) {
      for (const std::int64_t value : {std::int64_t{0}, std::int64_t{-128}, std::int64_t{1} << 62,
                                       whole[field].get<std::int64_t>() * 2}) {
        auto config = whole;
        config[field] = value;
        writeAll(model_ / "config.json", config.dump());
        const auto opened = Engine::open(model_, {});
        QVERIFY2(!opened, field);
      }
    }
  }

  // No damage of a shard's header may crash or hang: it opens or it says why.
  void damagedHeadersNeverCrash() {
    const auto seed = QRandomGenerator::global()->generate();
    qInfo("seed %u", seed);
    std::mt19937 random(seed);
    const std::string whole = readAll(shard_);
    std::uint64_t header = 0;
    std::memcpy(&header, whole.data(), 8);
    for (int i = 0; i < 300; ++i) {
      std::string bytes = whole;
      for (int k = 0; k < 1 + static_cast<int>(random() % 4); ++k)
        bytes[random() % (8 + header)] = static_cast<char>(random());
      writeAll(shard_, bytes);
      const auto opened = Engine::open(model_, {.n_threads = 1});
      if (!opened) QVERIFY(!opened.error().message.empty());
    }
  }

  void kvCostIsThePapers() {
    const auto flash = engine::ModelConfig::parse(publishedConfig(false));
    const auto pro = engine::ModelConfig::parse(publishedConfig(true));
    QVERIFY2(flash, flash ? "" : flash.error().message.c_str());
    QVERIFY(pro);
    QCOMPARE(engine::kvBytesPerToken(*flash, engine::Numerics::kOfficial), 3514.25);
    QCOMPARE(engine::kvBytesPerToken(*pro, engine::Numerics::kOfficial), 5031.4375);
    // 3.432 GiB at 2^20 tokens (specification §14.4), plus the block that is being filled.
    const auto plan = engine::planMemory(*flash, basisOf(std::int64_t{200} << 30), 1 << 20);
    const auto kv_bytes = static_cast<double>(plan.kv_bytes + plan.row_cache_bytes);
    QVERIFY(std::abs(kv_bytes / (1 << 30) - 3.432) < 0.01);
    QVERIFY(plan.fits);
    QCOMPARE(plan.total_bytes, plan.program_bytes + plan.weights_bytes + plan.stream_bytes +
                                   plan.kv_bytes + plan.row_cache_bytes + plan.state_bytes +
                                   plan.checkpoint_bytes + plan.scratch_bytes);
  }

  // Where there is a store, rows give way first: less memory, the same context, until an eighth of
  // them is left.
  void rowsOfAStoreGiveWay() {
    const auto flash = engine::ModelConfig::parse(publishedConfig(false));
    engine::PlanBasis basis = basisOf(std::int64_t{200} << 30);
    const auto all = engine::planMemory(*flash, basis, 1 << 20);
    QCOMPARE(all.row_cache_bytes, all.selectable_bytes);
    basis.pages_rows = true;
    QCOMPARE(engine::planMemory(*flash, basis, 1 << 20).row_cache_bytes, all.selectable_bytes);
    const auto needed = engine::planMemory(*flash, basis, 1 << 20).memory_fits_bytes;
    const std::int64_t saved = all.memory_fits_bytes - needed;
    QVERIFY(std::abs(static_cast<double>(saved) * 0.97 / static_cast<double>(all.selectable_bytes) -
                     0.875) < 0.001);
    basis.memory_bytes = needed;
    const auto least = engine::planMemory(*flash, basis, 1 << 20);
    QVERIFY(least.fits);
    QVERIFY(least.residency == Residency::kMapped);
    QVERIFY(least.total_bytes <= needed);
    QVERIFY(std::abs(static_cast<double>(least.row_cache_bytes) * 8 /
                         static_cast<double>(all.selectable_bytes) - 1) < 0.001);
    basis.memory_bytes = needed - (1 << 20);
    QVERIFY(engine::planMemory(*flash, basis, 1 << 20).residency != Residency::kMapped);
  }

  // As memory shrinks: everything mapped, experts through a cache that shrinks with it, layers
  // through two buffers, and then a refusal with the context and the memory that would do.
  void aPlanKeepsToItsMemory() {
    const auto flash = engine::ModelConfig::parse(publishedConfig(false));
    std::int64_t n_slots = std::int64_t{1} << 40;
    Residency residency = Residency::kMapped;
    for (std::int64_t memory = std::int64_t{200} << 30; memory > 0; memory -= std::int64_t{1} << 30) {
      const auto plan = engine::planMemory(*flash, basisOf(memory), 1 << 16);
      if (!plan.fits) {
        QVERIFY(memory < std::int64_t{4} << 30);
        QVERIFY(plan.memory_fits_bytes > memory);
        QVERIFY(engine::planMemory(*flash, basisOf(plan.memory_fits_bytes), 1 << 16).fits);
        QVERIFY(plan.advice.find("MiB") != std::string::npos);
        continue;
      }
      QVERIFY(plan.total_bytes <= memory);
      QVERIFY(static_cast<int>(plan.residency) >= static_cast<int>(residency));
      if (plan.residency == residency && residency != Residency::kMapped)
        QVERIFY(plan.n_slots <= n_slots);
      if (plan.residency != Residency::kMapped) {
        n_slots = plan.n_slots;
        QVERIFY(n_slots >= basisOf(memory).weights.n_slots_min);
        // No more is left over than a slot and the slack.
        QVERIFY(n_slots == basisOf(memory).weights.n_experts ||
                plan.total_bytes + basisOf(memory).weights.slot > memory * 96 / 100);
      }
      residency = plan.residency;
    }
    QCOMPARE(residency, Residency::kStreamedLayers);
  }

  // Streamed weights are read once per super-chunk: it grows with the memory that is left.
  void theSuperChunkGrowsWithTheMemory() {
    const auto flash = engine::ModelConfig::parse(publishedConfig(false));
    std::int64_t n_before = 0;
    for (const std::int64_t gib : {16, 24, 48, 96}) {
      engine::PlanBasis basis = basisOf(gib << 30);
      const auto plan = engine::planMemory(*flash, basis, 131072);
      QVERIFY(plan.fits);
      QVERIFY(plan.residency != Residency::kMapped);
      QCOMPARE(plan.n_super % engine::kBlockTokens, 0);
      QVERIFY(plan.n_super >= n_before);
      n_before = plan.n_super;
      basis.n_super = 4096;
      QCOMPARE(engine::planMemory(*flash, basis, 131072).n_super, 4096);
    }
    QVERIFY(n_before >= 65536);
    QCOMPARE(engine::planMemory(*flash, basisOf(std::int64_t{200} << 30), 131072).n_super,
             engine::kBlockTokens);
  }

  void aPlanThatDoesNotFitSaysWhatWould() {
    const auto flash = engine::ModelConfig::parse(publishedConfig(false));
    const auto small = engine::planMemory(*flash, basisOf(std::int64_t{4} << 30), 1 << 20);
    QVERIFY(!small.fits);
    QVERIFY(small.n_context_fits > 0 && small.n_context_fits < (1 << 20));
    QVERIFY(small.advice.find(std::to_string(small.n_context_fits)) != std::string::npos);
    QVERIFY(engine::planMemory(*flash, basisOf(std::int64_t{4} << 30), small.n_context_fits).fits);
    const auto none = engine::planMemory(*flash, basisOf(std::int64_t{100} << 20), 4096);
    QVERIFY(!none.fits);
    QCOMPARE(none.n_context_fits, 0);
  }

  void openingWithoutRoomIsRefusedWithNumbers() {
    engine::EngineOptions options;
    options.memory_bytes = 1 << 20;
    const auto opened = Engine::open(model_, options);
    QVERIFY(!opened);
    QCOMPARE(opened.error().code, ErrorCode::kOutOfMemory);
    QVERIFY(opened.error().message.find("1048576") != std::string::npos);
    QVERIFY(opened.error().hint.find("--memory") != std::string::npos);
  }

 private:
  std::unique_ptr<QTemporaryDir> folder_;
  fs::path model_, shard_;
};

}  // namespace

LECTERN_TEST(CheckpointTest)
#include "checkpoint_test.moc"
