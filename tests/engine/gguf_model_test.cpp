// Models in GGUF files: against the golden logits of golden/gguf, in other weight types, damaged.
#include <QRandomGenerator>
#include <QTemporaryDir>
#include <QTest>
#include <cstring>
#include <random>

#include "engine/engine.h"
#include "engine/forward.h"
#include "engine/sequence_state.h"
#include "kernels/dtypes.h"
#include "tests/engine/gguf_builder.h"
#include "tests/engine/golden_model.h"
#include "tests/support/golden.h"
#include "tests/support/test_main.h"

namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using engine::BackendKind;
using engine::Engine;
using engine::GgufTensor;
using engine::GgufType;
using engine::Numerics;
using support::raw;
using support::rawText;

constexpr const char* kModels[] = {"tiny-flash-q8", "tiny-base-f16"};

std::vector<base::TokenId> tokensOf(const support::Bundle& golden) {
  const auto ids = golden.ints("token_ids");
  return {ids.begin(), ids.end()};
}

void addModels() {
  QTest::addColumn<QString>("model");
  QTest::addColumn<int>("backend");
  for (const char* model : kModels) {
    QTest::addRow("%s reference", model) << model << static_cast<int>(BackendKind::kReference);
    QTest::addRow("%s cpu", model) << model << static_cast<int>(BackendKind::kCpu);
  }
}

#define FETCH_MODEL(file, backend)                            \
  REQUIRE_GOLDEN(folder, "gguf")                              \
  QFETCH(QString, model);                                     \
  QFETCH(int, backend);                                       \
  const auto file = folder / (model.toStdString() + ".gguf"); \
  const support::Bundle golden(folder / (model.toStdString() + ".logits.safetensors"))

base::Result<std::unique_ptr<Engine>> openModel(const fs::path& file, int backend,
                                                Numerics numerics) {
  return Engine::open(
      file, {.backend = static_cast<BackendKind>(backend), .numerics = numerics, .n_threads = 2});
}

// Distances of the stored rows.
std::vector<double> distances(const Engine& engine, const support::Bundle& golden,
                              const std::string& mode) {
  const auto tokens = tokensOf(golden);
  const auto logits =
      engine.allLogits(tokens, static_cast<std::int64_t>(tokens.size()), nullptr, {});
  if (!logits) return {};
  const auto expected = golden.floats("logits_" + mode);
  const auto positions = golden.ints("positions");
  const auto vocab = static_cast<std::size_t>(engine.config().vocab);
  std::vector<double> rows;
  for (std::size_t i = 0; i < positions.size(); ++i)
    rows.push_back(support::rowDistance(
        {logits->data() + static_cast<std::size_t>(positions[i]) * vocab, vocab},
        {expected.data() + i * vocab, vocab}));
  qInfo("%s: median %.2e, worst %.2e", mode.c_str(), support::median(rows),
        *std::max_element(rows.begin(), rows.end()));
  return rows;
}

class GgufModelTest : public QObject {
  Q_OBJECT

 private slots:
  void init() { QVERIFY(scratch_.isValid()); }

  void withoutRounding_data() { addModels(); }
  void withoutRounding() {
    FETCH_MODEL(file, backend);
    const auto engine = openModel(file, backend, Numerics::kNone);
    QVERIFY2(engine, engine ? "" : engine.error().message.c_str());
    const auto rows = distances(**engine, golden, "float");
    QVERIFY(!rows.empty());
    QCOMPARE(support::shareWithin(rows, 1e-4), 1.0);
  }

  void officialRounding_data() { addModels(); }
  void officialRounding() {
    FETCH_MODEL(file, backend);
    const auto engine = openModel(file, backend, Numerics::kOfficial);
    QVERIFY2(engine, engine ? "" : engine.error().message.c_str());
    const auto rows = distances(**engine, golden, "official");
    QVERIFY(!rows.empty());
    QVERIFY(support::median(rows) <= 0.10);
    QVERIFY(support::shareWithin(rows, 0.20) >= 0.90);
    QCOMPARE(support::shareWithin(rows, 0.5), 1.0);
  }

  void anyChunksAreBitIdentical_data() { addModels(); }
  void anyChunksAreBitIdentical() {
    FETCH_MODEL(file, backend);
    auto tokens = tokensOf(golden);
    if (static_cast<BackendKind>(backend) == BackendKind::kReference) tokens.resize(140);
    for (const Numerics numerics : {Numerics::kOfficial, Numerics::kNone}) {
      const auto opened = openModel(file, backend, numerics);
      QVERIFY(opened);
      const Engine& engine = **opened;
      const auto whole =
          engine.allLogits(tokens, static_cast<std::int64_t>(tokens.size()), nullptr, {});
      QVERIFY(whole);
      for (const std::size_t chunk : {1u, 7u, 64u}) {
        engine::SequenceState state = engine::emptyState(engine.layout());
        std::vector<float> all, logits;
        engine::RunOptions options;
        options.rows = engine::LogitRows::kAll;
        for (std::size_t done = 0; done < tokens.size(); done += chunk) {
          const std::size_t n = std::min(chunk, tokens.size() - done);
          QVERIFY(engine.forward().run(std::span(tokens).subspan(done, n), state, options, logits));
          all.insert(all.end(), logits.begin(), logits.end());
        }
        QVERIFY(all.size() == whole->size());
        QVERIFY2(std::memcmp(all.data(), whole->data(), all.size() * sizeof(float)) == 0,
                 std::to_string(chunk).c_str());
      }
    }
  }

  // The same values stored in another type are the same model.
  void otherTypesHaveTheSameValues_data() {
    QTest::addColumn<QString>("model");
    QTest::addColumn<int>("from");
    QTest::addColumn<int>("to");
    const auto row = [](const char* name, const char* model, GgufType from, GgufType to) {
      QTest::newRow(name) << model << static_cast<int>(from) << static_cast<int>(to);
    };
    row("F16 to F32", kModels[1], GgufType::kF16, GgufType::kF32);
    row("F16 to BF16", kModels[1], GgufType::kF16, GgufType::kBf16);
    row("MXFP4 to Q8_0", kModels[0], GgufType::kMxfp4, GgufType::kQ8_0);
  }
  void otherTypesHaveTheSameValues() {
    REQUIRE_GOLDEN(folder, "gguf");
    QFETCH(QString, model);
    QFETCH(int, from);
    QFETCH(int, to);
    const auto original = folder / (model.toStdString() + ".gguf");
    const auto type = static_cast<GgufType>(to);
    const fs::path other = scratch_.filePath("other.gguf").toStdString();
    support::writeAll(other, support::transcoded(original, static_cast<GgufType>(from), type,
                                                 [&](const GgufTensor& tensor) {
                                                   return type == GgufType::kQ8_0
                                                              ? q8FromMxfp4(tensor)
                                                              : floatsFromF16(tensor, type);
                                                 }));
    std::vector<base::TokenId> tokens(60);
    for (std::size_t i = 0; i < tokens.size(); ++i)
      tokens[i] = static_cast<base::TokenId>(i * 37 % 256);
    for (const BackendKind backend : {BackendKind::kReference, BackendKind::kCpu}) {
      const auto first = openModel(original, static_cast<int>(backend), Numerics::kNone);
      const auto second = openModel(other, static_cast<int>(backend), Numerics::kNone);
      QVERIFY(first);
      QVERIFY2(second, second ? "" : second.error().message.c_str());
      QVERIFY((*first)->fingerprint() != (*second)->fingerprint());
      const auto a = (*first)->allLogits(tokens, 60, nullptr, {});
      const auto b = (*second)->allLogits(tokens, 60, nullptr, {});
      QVERIFY(a && b);
      if (backend == BackendKind::kReference)
        QVERIFY(*a == *b);
      else
        QVERIFY(support::rowDistance(*a, *b) <= 1e-5);
    }
  }

  void theFingerprintCoversTheFile() {
    REQUIRE_GOLDEN(folder, "gguf");
    std::string bytes = support::readAll(folder / "tiny-base-f16.gguf");
    const fs::path file = scratch_.filePath("copy.gguf").toStdString();
    support::writeAll(file, bytes);
    const auto same = Engine::open(folder / "tiny-base-f16.gguf", {});
    const auto copy = Engine::open(file, {});
    QVERIFY(same && copy);
    QCOMPARE((*copy)->fingerprint(), (*same)->fingerprint());
    bytes[bytes.size() - 100] ^= 1;  // one weight
    fs::remove(file);
    support::writeAll(file, bytes);
    const auto changed = Engine::open(file, {});
    QVERIFY(changed);
    QVERIFY((*changed)->fingerprint() != (*same)->fingerprint());
  }

  // From here on: files that are GGUF, but not a model we can run.
  void whatIsWrongIsNamed_data() {
    QTest::addColumn<QByteArray>("find");
    QTest::addColumn<QByteArray>("replace");
    QTest::addColumn<int>("code");
    QTest::addColumn<QString>("word");
    const auto row = [](const char* name, const std::string& find, const std::string& replace,
                        ErrorCode code, const char* word) {
      QTest::newRow(name) << QByteArray::fromStdString(find) << QByteArray::fromStdString(replace)
                          << static_cast<int>(code) << word;
    };
    const auto number = [](const char* key, std::uint32_t value) {
      return rawText(std::string("deepseek4.") + key) + raw(4u) + raw(value);
    };
    const auto gone = [&](const char* key) {
      return std::pair(rawText(std::string("deepseek4.") + key),
                       rawText(std::string("deepseek4!") + key));
    };
    row("architecture", rawText("deepseek4"), rawText("deepseek3"), ErrorCode::kUnsupported,
        "deepseek3");
    for (const char* key : {"embedding_length", "block_count", "attention.compress_ratios",
                            "expert_count", "hyper_connection.count"}) {
      const auto [find, replace] = gone(key);
      row(key, find, replace, ErrorCode::kUnsupported, key);
    }
    row("gating", number("expert_gating_func", 4), number("expert_gating_func", 2),
        ErrorCode::kUnsupported, "expert_gating_func");
    row("two KV heads", number("attention.head_count_kv", 1), number("attention.head_count_kv", 2),
        ErrorCode::kUnsupported, "num_key_value_heads");
    row("values of another length", number("attention.value_length", 128),
        number("attention.value_length", 64), ErrorCode::kUnsupported, "value_length");
    row("no layers", number("block_count", 3), number("block_count", 0), ErrorCode::kUnsupported,
        "num_hidden_layers");
    row("more layers than ratios", number("block_count", 3), number("block_count", 4),
        ErrorCode::kUnsupported, "compress_ratios");
    row("billions of experts", number("expert_count", 4), number("expert_count", ~0u),
        ErrorCode::kUnsupported, "n_routed_experts");
    row("another width", number("embedding_length", 128), number("embedding_length", 256),
        ErrorCode::kCorrupt, "token_embd.weight");
    row("a number as text", rawText("deepseek4.block_count") + raw(4u) + raw(3u),
        rawText("deepseek4.block_count") + raw(7u) + std::string(1, '\1'), ErrorCode::kCorrupt, "");
    const auto tensor = [](const char* name) { return rawText(name); };
    for (const char* name :
         {"token_embd.weight", "output_hc_fn.weight", "blk.0.attn_q_a.weight",
          "blk.0.ffn_gate_tid2eid.weight", "blk.1.exp_probs_b.bias", "blk.1.indexer.proj.weight",
          "blk.2.attn_compressor_ape.weight", "blk.2.ffn_down_exps.weight"}) {
      std::string other = name;
      other.back() = 'X';
      row(name, tensor(name), tensor(other.c_str()), ErrorCode::kCorrupt, name);
    }
    // F32 and I32 have the same size.
    row("a norm of integers", rawText("output_norm.weight") + raw(1u) + raw(128ull) + raw(0u),
        rawText("output_norm.weight") + raw(1u) + raw(128ull) + raw(26u), ErrorCode::kCorrupt,
        "output_norm.weight is I32");
    row("a table of numbers",
        rawText("blk.0.ffn_gate_tid2eid.weight") + raw(2u) + raw(2ull) + raw(512ull) + raw(26u),
        rawText("blk.0.ffn_gate_tid2eid.weight") + raw(2u) + raw(2ull) + raw(512ull) + raw(0u),
        ErrorCode::kCorrupt, "tid2eid.weight is F32");
  }
  void whatIsWrongIsNamed() {
    REQUIRE_GOLDEN(folder, "gguf");
    QFETCH(QByteArray, find);
    QFETCH(QByteArray, replace);
    QFETCH(int, code);
    QFETCH(QString, word);
    std::string bytes = support::readAll(folder / "tiny-base-f16.gguf");
    const std::size_t at = bytes.find(find.toStdString());
    QVERIFY(at != bytes.npos);
    bytes.replace(at, static_cast<std::size_t>(replace.size()), replace.toStdString());
    const auto opened = openBytes(bytes);
    QVERIFY(!opened);
    qInfo("%s: %s %s", std::string(base::errorCodeName(opened.error().code)).c_str(),
          opened.error().message.c_str(), opened.error().hint.c_str());
    QCOMPARE(static_cast<int>(opened.error().code), code);
    QVERIFY(QString::fromStdString(opened.error().message).contains(word));
    QVERIFY(!opened.error().hint.empty());
  }

  void anExpertThatDoesNotExistIsRefused() {
    REQUIRE_GOLDEN(folder, "gguf");
    const auto file = *engine::GgufFile::open(folder / "tiny-base-f16.gguf");
    const auto& table = file.tensors().at("blk.0.ffn_gate_tid2eid.weight");
    std::string bytes = support::readAll(folder / "tiny-base-f16.gguf");
    for (const std::int32_t expert : {-1, 4}) {
      bytes.replace(static_cast<std::size_t>(table.bytes.data() - file.bytes().data()) + 40, 4,
                    raw(expert));
      const auto opened = openBytes(bytes);
      QVERIFY(!opened);
      QVERIFY(opened.error().message.find("does not exist") != std::string::npos);
    }
  }

  void aTruncatedModelIsRefused() {
    REQUIRE_GOLDEN(folder, "gguf");
    const auto seed = QRandomGenerator::global()->generate();
    qInfo("seed %u", seed);
    std::mt19937 random(seed);
    const std::string whole = support::readAll(folder / "tiny-base-f16.gguf");
    const fs::path file = scratch_.filePath("short.gguf").toStdString();
    support::writeAll(file, whole);
    std::vector<std::size_t> sizes;
    for (int i = 0; i < 200; ++i) sizes.push_back(random() % (i < 100 ? 17618 : whole.size() - 32));
    std::sort(sizes.rbegin(), sizes.rend());
    for (const std::size_t size : sizes) {
      fs::resize_file(file, size);
      const auto opened = Engine::open(file, {.n_threads = 1});
      QVERIFY(!opened);
      QVERIFY(!opened.error().message.empty());
    }
  }

  // No damage of the header may crash or hang: it opens or it says why.
  void damagedHeadersNeverCrash() {
    REQUIRE_GOLDEN(folder, "gguf");
    const auto seed = QRandomGenerator::global()->generate();
    qInfo("seed %u", seed);
    std::mt19937 random(seed);
    const std::string whole = support::readAll(folder / "tiny-base-f16.gguf");
    for (int i = 0; i < 300; ++i) {
      std::string bytes = whole;
      for (int k = 0; k < 1 + static_cast<int>(random() % 4); ++k)
        bytes[random() % 17618] = static_cast<char>(random());
      const auto opened = openBytes(bytes);
      if (!opened) QVERIFY(!opened.error().message.empty());
    }
  }

 private:
  base::Result<std::unique_ptr<Engine>> openBytes(const std::string& bytes) {
    const fs::path file = scratch_.filePath("damaged.gguf").toStdString();
    fs::remove(file);
    support::writeAll(file, bytes);
    return Engine::open(file, {.n_threads = 1});
  }

  static std::string floatsFromF16(const GgufTensor& tensor, GgufType type) {
    std::string out;
    for (std::size_t i = 0; i < tensor.bytes.size(); i += 2) {
      std::uint16_t code = 0;
      std::memcpy(&code, tensor.bytes.data() + i, 2);
      const float value = kernels::f16ToFloat(code);
      out += type == GgufType::kF32 ? raw(value) : raw(kernels::floatToBf16(value));
    }
    return out;
  }

  // Twice an e2m1 value is an integer; half of the scale is a power of two.
  static std::string q8FromMxfp4(const GgufTensor& tensor) {
    std::string out;
    for (std::size_t at = 0; at < tensor.bytes.size(); at += 17) {
      const auto* block = reinterpret_cast<const std::uint8_t*>(tensor.bytes.data()) + at;
      const int exponent = block[0] - 127 - 1 + 15;  // of half precision
      if (exponent < 1 || exponent > 30) return {};
      out += raw(static_cast<std::uint16_t>(exponent << 10));
      for (int i = 0; i < 32; ++i)
        out += static_cast<char>(
            2 * kernels::e2m1ToFloat(static_cast<std::uint8_t>(block[1 + i % 16] >> (i / 16 * 4))));
    }
    return out;
  }

  QTemporaryDir scratch_;
};

}  // namespace

LECTERN_TEST(GgufModelTest)
#include "gguf_model_test.moc"
