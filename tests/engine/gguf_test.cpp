// The GGUF container: whole, damaged, foreign.
#include "engine/gguf.h"

#include <QRandomGenerator>
#include <QTemporaryDir>
#include <QTest>
#include <random>

#include "tests/engine/gguf_builder.h"
#include "tests/support/test_main.h"

namespace {

using base::ErrorCode;
using engine::GgufFile;
using engine::GgufType;
using support::GgufBuilder;
using support::raw;
using support::rawText;

enum : std::uint32_t { kU8 = 0, kI32 = 5, kF32 = 6, kBool = 7, kText = 8, kList = 9, kU64 = 10 };

GgufBuilder smallFile() {
  GgufBuilder builder;
  builder.addValue("general.architecture", kText, rawText("small"));
  builder.addValue("an.integer", kI32, raw<std::int32_t>(-7));
  builder.addValue("a.number", kF32, raw(0.25f));
  builder.addValue("a.truth", kBool, std::string(1, '\1'));
  builder.addValue("large", kU64, raw<std::uint64_t>(1ull << 63));
  builder.addValue("words", kList,
                   raw<std::uint32_t>(kText) + raw<std::uint64_t>(3) + rawText("one") +
                       rawText("") + rawText("three"));
  builder.addValue("bytes", kList,
                   raw<std::uint32_t>(kU8) + raw<std::uint64_t>(4) + std::string("\1\2\3\4"));
  builder.addTensor("matrix", {4, 2}, 0, std::string(32, 'a'));
  builder.addTensor("blocks", {64, 3, 2}, 8, std::string(2 * 3 * 2 * 34, 'b'));
  builder.addTensor("ids", {3}, 26, std::string(12, 'c'));
  return builder;
}

constexpr std::uint64_t kAll = ~std::uint64_t{0};
constexpr auto kCorrupt = ErrorCode::kCorrupt;

struct Damage {
  const char* name;
  std::function<void(GgufBuilder&)> apply;
  ErrorCode code;
  const char* word;  // of the message
};

void addText(GgufBuilder& b, std::uint32_t type, const std::string& bytes) {
  b.addValue("more", type, bytes);
}

const std::vector<Damage>& damages() {
  static const std::vector<Damage> all = {
      {"bad magic", [](auto& b) { b.magic = "GGML"; }, ErrorCode::kInvalidInput, "not a GGUF"},
      {"version 0", [](auto& b) { b.version = 0; }, ErrorCode::kUnsupported, "version 0"},
      {"version 1", [](auto& b) { b.version = 1; }, ErrorCode::kUnsupported, "version 1"},
      {"version 4", [](auto& b) { b.version = 4; }, ErrorCode::kUnsupported, "version 4"},
      {"big-endian", [](auto& b) { b.version = 3u << 24; }, ErrorCode::kUnsupported, "endian"},
      {"all tensors", [](auto& b) { b.n_tensors = kAll; }, kCorrupt, "hold"},
      {"all values", [](auto& b) { b.n_values = kAll; }, kCorrupt, "hold"},
      {"a tensor too many", [](auto& b) { b.n_tensors = 4; }, kCorrupt, ""},
      {"a value too many", [](auto& b) { b.n_values = 8; }, kCorrupt, ""},
      {"endless key", [](auto& b) { b.values[1].replace(0, 8, raw(kAll)); }, kCorrupt, "ends"},
      {"empty key", [](auto& b) { b.values.push_back(rawText("") + raw(kBool) + '\1'); }, kCorrupt,
       "name"},
      {"long key", [](auto& b) { b.addValue(std::string(300, 'k'), kBool, "\1"); }, kCorrupt,
       "300"},
      {"doubled key", [](auto& b) { b.addValue("a.truth", kBool, "\1"); }, kCorrupt, "twice"},
      {"unknown kind", [](auto& b) { addText(b, 13, "\1"); }, kCorrupt, "type 13"},
      {"half a truth", [](auto& b) { addText(b, kBool, "\2"); }, kCorrupt, "true nor"},
      {"list of lists",
       [](auto& b) { addText(b, kList, raw<std::uint32_t>(kList) + raw<std::uint64_t>(1)); },
       ErrorCode::kUnsupported, "list of lists"},
      {"endless list of texts",
       [](auto& b) { addText(b, kList, raw<std::uint32_t>(kText) + raw(1ull << 60)); }, kCorrupt,
       "ends"},
      {"endless list of numbers",
       [](auto& b) { addText(b, kList, raw<std::uint32_t>(kU64) + raw(1ull << 61)); }, kCorrupt,
       "ends"},
      {"endless text", [](auto& b) { addText(b, kText, raw(kAll)); }, kCorrupt, "ends"},
      {"alignment 0", [](auto& b) { b.addValue("general.alignment", 4, raw(0u)); }, kCorrupt,
       "alignment"},
      {"alignment 3", [](auto& b) { b.addValue("general.alignment", 4, raw(3u)); }, kCorrupt,
       "alignment"},
      {"alignment 2^31", [](auto& b) { b.addValue("general.alignment", 4, raw(1u << 31)); },
       kCorrupt, "alignment"},
      {"alignment as text", [](auto& b) { b.addValue("general.alignment", kText, rawText("32")); },
       kCorrupt, "alignment"},
      {"no dimension", [](auto& b) { b.tensors[0].dims = {}; }, kCorrupt, "0 dimensions"},
      {"five dimensions",
       [](auto& b) {
         b.tensors[0].dims = {1, 1, 1, 1, 1};
       },
       kCorrupt, "5 dimensions"},
      {"dimension 0",
       [](auto& b) {
         b.tensors[0].dims = {4, 0};
       },
       kCorrupt, "shape"},
      {"negative dimension", [](auto& b) { b.tensors[0].dims = {kAll}; }, kCorrupt, "shape"},
      {"too many elements",
       [](auto& b) {
         b.tensors[0].dims = {1ull << 48, 1ull << 48};
       },
       kCorrupt, "shape"},
      {"too many bytes",
       [](auto& b) {
         b.tensors[0].dims = {1ull << 46, 1ull << 16};
       },
       kCorrupt, "shape"},
      {"more than the file", [](auto& b) { b.tensors[2].dims = {1ull << 40}; }, kCorrupt, "ends"},
      {"half a block",
       [](auto& b) {
         b.tensors[1].dims = {48, 4, 2};
       },
       kCorrupt, "shape"},
      {"type Q4_K", [](auto& b) { b.tensors[1].type = 12; }, ErrorCode::kUnsupported, "Q4_K"},
      {"removed type", [](auto& b) { b.tensors[1].type = 4; }, ErrorCode::kUnsupported, "number 4"},
      {"type 4 billion", [](auto& b) { b.tensors[1].type = ~0u; }, ErrorCode::kUnsupported, "type"},
      {"misaligned", [](auto& b) { b.tensors[1].offset += 4; }, kCorrupt, "aligned"},
      {"overlap", [](auto& b) { b.tensors[1].offset = 0; }, kCorrupt, "overlaps"},
      {"hole", [](auto& b) { b.tensors[2].offset += 32; }, kCorrupt, "hole"},
      {"offset beyond all", [](auto& b) { b.tensors[2].offset = ~std::uint64_t{31}; }, kCorrupt,
       ""},
      {"doubled tensor", [](auto& b) { b.tensors[1].name = "matrix"; }, kCorrupt, "twice"},
      {"nameless tensor", [](auto& b) { b.tensors[1].name = ""; }, kCorrupt, "name"},
      {"trailing bytes", [](auto& b) { b.data += std::string(40, 'x'); }, kCorrupt, "behind"},
      {"missing bytes", [](auto& b) { b.data.pop_back(); }, kCorrupt, "truncated"},
  };
  return all;
}

class GgufTest : public QObject {
  Q_OBJECT

 private slots:
  void init() { QVERIFY(folder_.isValid()); }

  void valuesAndTensorsComeBack() {
    for (const std::uint32_t version : {2u, 3u}) {
      GgufBuilder builder = smallFile();
      builder.version = version;
      const auto file = open(builder.bytes());
      QVERIFY2(file, file ? "" : file.error().message.c_str());
      QCOMPARE(file->value("general.architecture")->text(), "small");
      QCOMPARE(file->value("an.integer")->integer(), -7);
      QCOMPARE(file->value("an.integer")->number(), -7.0);
      QCOMPARE(file->value("a.number")->number(), 0.25);
      QVERIFY(!file->value("a.number")->integer());
      QCOMPARE(file->value("a.truth")->boolean(), true);
      QVERIFY(!file->value("large")->integer());  // does not fit
      QVERIFY(file->value("absent") == nullptr);
      const auto words = file->value("words")->elements(10);
      QCOMPARE(words.size(), 3u);
      QCOMPARE(words[0].text(), "one");
      QCOMPARE(words[1].text(), "");
      QCOMPARE(words[2].text(), "three");
      QVERIFY(!file->value("words")->text());
      QCOMPARE(file->value("bytes")->elements(2).size(), 2u);
      QCOMPARE(file->value("bytes")->elements(2)[1].integer(), 2);
      const auto& blocks = file->tensors().at("blocks");
      QCOMPARE(blocks.type, GgufType::kQ8_0);
      QCOMPARE(blocks.shape, (std::vector<std::int64_t>{2, 3, 64}));
      QCOMPARE(blocks.bytes.size(), 408u);
      QCOMPARE(std::to_integer<char>(blocks.bytes[407]), 'b');
      QCOMPARE(std::to_integer<char>(file->tensors().at("ids").bytes[0]), 'c');
    }
  }

  void anotherAlignmentIsFollowed() {
    GgufBuilder builder;
    builder.alignment = 256;
    builder.addValue("general.alignment", 4, raw(256u));
    builder.addTensor("a", {1}, 0, "aaaa");
    builder.addTensor("b", {1}, 0, "bbbb");
    const auto file = open(builder.bytes());
    QVERIFY2(file, file ? "" : file.error().message.c_str());
    QCOMPARE(std::to_integer<char>(file->tensors().at("b").bytes[0]), 'b');
  }

  void theLastTensorMayBePadded() {
    GgufBuilder builder = smallFile();
    builder.data.resize((builder.data.size() + 31) / 32 * 32);
    QVERIFY(open(builder.bytes()));
  }

  // From here on: every way a file can be refused.
  void damageIsNamed_data() {
    QTest::addColumn<int>("damage");
    for (std::size_t i = 0; i < damages().size(); ++i)
      QTest::newRow(damages()[i].name) << static_cast<int>(i);
  }
  void damageIsNamed() {
    QFETCH(const int, damage);
    const Damage& wanted = damages()[static_cast<std::size_t>(damage)];
    GgufBuilder builder = smallFile();
    wanted.apply(builder);
    const auto file = open(builder.bytes());
    QVERIFY(!file);
    qInfo("%s: %s", std::string(base::errorCodeName(file.error().code)).c_str(),
          file.error().message.c_str());
    QCOMPARE(file.error().code, wanted.code);
    QVERIFY(file.error().message.find(wanted.word) != std::string::npos);
    QVERIFY(!file.error().hint.empty());
  }

  void noFileNoFolderNoDevice() {
    QCOMPARE(GgufFile::open("/nonexistent.gguf").error().code, ErrorCode::kNotFound);
    QCOMPARE(GgufFile::open(folder_.path().toStdString()).error().code, ErrorCode::kIo);
    QCOMPARE(GgufFile::open("/dev/null").error().code, ErrorCode::kIo);
    QCOMPARE(open("").error().code, ErrorCode::kCorrupt);
  }

  void everyTruncationIsRefused() {
    const std::string whole = smallFile().bytes();
    for (std::size_t n = 1; n < whole.size(); ++n) {
      const auto file = open(whole.substr(0, n));
      QVERIFY2(!file, std::to_string(n).c_str());
      QVERIFY(file.error().code == ErrorCode::kCorrupt ||
              (n < 4 && file.error().code == ErrorCode::kInvalidInput));
    }
  }

  // Whatever a few changed bytes make of the file: it opens, or says why not.
  void changedBytesNeverCrash() {
    const auto seed = QRandomGenerator::global()->generate();
    qInfo("seed %u", seed);
    std::mt19937 random(seed);
    const std::string whole = smallFile().bytes();
    const std::size_t header = smallFile().header().size();
    int n_refused = 0;
    for (int i = 0; i < 5000; ++i) {
      std::string bytes = whole;
      for (int k = 0; k < 1 + static_cast<int>(random() % 3); ++k)
        bytes[random() % header] = static_cast<char>(random() % 3 == 0 ? random() : random() % 4);
      const auto file = open(bytes);
      n_refused += !file;
      if (!file) QVERIFY(!file.error().message.empty());
      if (!file) continue;
      for (const auto& [key, value] : file->metadata())
        for (const auto& element : value.elements(100)) element.text();
    }
    qInfo("%d of 5000 refused", n_refused);
    QVERIFY(n_refused > 1000);
  }

 private:
  base::Result<GgufFile> open(const std::string& bytes) {
    const std::filesystem::path path = folder_.filePath("file.gguf").toStdString();
    std::filesystem::remove(path);  // a map of the former one may still be in use
    support::writeAll(path, bytes);
    return GgufFile::open(path);
  }

  QTemporaryDir folder_;
};

}  // namespace

LECTERN_TEST(GgufTest)
#include "gguf_test.moc"
