// Vocabularies in GGUF files: the same tokenizer as from tokenizer.json, or a refusal.
#include <QTemporaryDir>
#include <QTest>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "engine/tokenizer.h"
#include "tests/engine/gguf_builder.h"
#include "tests/engine/tokenizers.h"
#include "tests/support/golden.h"
#include "tests/support/test_main.h"

namespace {

using base::ErrorCode;
using engine::Tokenizer;
using support::GgufBuilder;
using support::raw;
using support::rawText;
using Ids = std::vector<engine::TokenId>;

constexpr std::uint32_t kI32 = 5, kText = 8, kList = 9;
constexpr std::int32_t kNormal = 1, kControl = 3, kUserDefined = 4, kUnused = 5;

struct Vocabulary {
  std::string model = "gpt2", splits = "joyai-llm";
  std::vector<std::string> tokens;
  std::vector<std::int32_t> types;
  std::vector<std::string> merges;

  void add(const std::string& token, std::int32_t type) {
    tokens.push_back(token);
    types.push_back(type);
  }
};

std::string textList(const std::vector<std::string>& texts) {
  std::string out = raw(kText) + raw<std::uint64_t>(texts.size());
  for (const std::string& text : texts) out += rawText(text);
  return out;
}

std::string fileOf(const Vocabulary& vocabulary) {
  GgufBuilder builder;
  builder.addValue("general.architecture", kText, rawText("deepseek4"));
  builder.addValue("tokenizer.ggml.model", kText, rawText(vocabulary.model));
  builder.addValue("tokenizer.ggml.pre", kText, rawText(vocabulary.splits));
  builder.addValue("tokenizer.ggml.tokens", kList, textList(vocabulary.tokens));
  std::string types = raw(kI32) + raw<std::uint64_t>(vocabulary.types.size());
  for (const std::int32_t type : vocabulary.types) types += raw(type);
  builder.addValue("tokenizer.ggml.token_type", kList, types);
  builder.addValue("tokenizer.ggml.merges", kList, textList(vocabulary.merges));
  builder.addTensor("nothing", {1}, 0, "1234");
  return builder.bytes();
}

// 256 bytes, "ab", "abc", and two control tokens.
Vocabulary smallVocabulary() {
  Vocabulary vocabulary;
  char32_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable = (byte > 32 && byte < 127) || (byte > 160 && byte != 173);
    const char32_t c = printable ? static_cast<char32_t>(byte) : next++;
    vocabulary.add(QString::fromUcs4(&c, 1).toStdString(), kNormal);
  }
  vocabulary.add("ab", kNormal);
  vocabulary.add("abc", kNormal);
  vocabulary.add("<end>", kControl);
  vocabulary.add("<end>!", kUserDefined);
  vocabulary.add("[PAD260]", kUnused);
  vocabulary.merges = {"a b", "ab c"};
  return vocabulary;
}

class TokenizerGgufTest : public QObject {
  Q_OBJECT

 private slots:
  void init() { QVERIFY(folder_.isValid()); }

  void smallVocabularyEncodes() {
    const auto opened = open(fileOf(smallVocabulary()));
    QVERIFY2(opened, opened ? "" : opened.error().message.c_str());
    const Tokenizer& tokenizer = **opened;
    QCOMPARE(tokenizer.vocabSize(), 261);
    QCOMPARE(tokenizer.encodeTemplate("abc<end>!<end>abd"), (Ids{257, 259, 258, 256, 'd'}));
    QCOMPARE(tokenizer.encodeText("<end>"), (Ids{'<', 'e', 'n', 'd', '>'}));
    QVERIFY(tokenizer.isSpecial(258) && !tokenizer.isSpecial(259) && tokenizer.isAdded(259));
    QVERIFY(!tokenizer.isAdded(260));
  }

  void goldenVocabularyIsOneTokenPerByte() {
    REQUIRE_GOLDEN(path, "gguf/tiny-flash-q8.gguf");
    const auto tokenizer = Tokenizer::open(path);
    QVERIFY2(tokenizer, tokenizer ? "" : tokenizer.error().message.c_str());
    const std::string text = "a b, abc 中文 1234\n";
    Ids bytes;
    for (const char c : text) bytes.push_back(static_cast<unsigned char>(c));
    QCOMPARE((*tokenizer)->encodeText(text), bytes);
    QCOMPARE((*tokenizer)->decode(bytes), text);
    QCOMPARE((*tokenizer)->vocabSize(), 512);
  }

  // All 129,280 tokens and their merges, moved from tokenizer.json to GGUF.
  void officialVocabularyEncodesAlike() {
    REQUIRE_GOLDEN(path, "tokenizer/tokenizer.json");
    REQUIRE_TOKENIZER(official);
    const auto json = nlohmann::json::parse(std::ifstream(path));
    Vocabulary vocabulary;
    vocabulary.tokens.resize(static_cast<std::size_t>(tokenizer->vocabSize()));
    vocabulary.types.resize(vocabulary.tokens.size(), kNormal);
    for (const auto& [token, id] : json["model"]["vocab"].items()) vocabulary.tokens[id] = token;
    for (const auto& added : json["added_tokens"]) {
      vocabulary.tokens[added["id"]] = added["content"];
      vocabulary.types[added["id"]] = added["special"] ? kControl : kUserDefined;
    }
    for (const auto& merge : json["model"]["merges"])
      vocabulary.merges.push_back(merge.is_string() ? merge.get<std::string>()
                                                    : merge[0].get<std::string>() + " " +
                                                          merge[1].get<std::string>());
    const auto moved = open(fileOf(vocabulary));
    QVERIFY2(moved, moved ? "" : moved.error().message.c_str());
    QCOMPARE((*moved)->vocabSize(), tokenizer->vocabSize());
    for (engine::TokenId id = 0; id < tokenizer->vocabSize(); ++id)
      QVERIFY((*moved)->bytesOf(id) == tokenizer->bytesOf(id) &&
              (*moved)->isAdded(id) == tokenizer->isAdded(id));
    const std::string text =
        support::readAll(std::filesystem::path(LECTERN_SOURCE_DIR) / "README.md") +
        "<｜User｜>中文 und Käse 12345\n\n\tx = {};";
    QCOMPARE((*moved)->encodeTemplate(text), tokenizer->encodeTemplate(text));
    QCOMPARE((*moved)->encodeText(text), tokenizer->encodeText(text));
  }

  // From here on: every way a vocabulary can be refused.
  void brokenVocabulariesAreRefused() {
    const auto check = [this](ErrorCode code, const std::function<void(Vocabulary&)>& change) {
      Vocabulary vocabulary = smallVocabulary();
      change(vocabulary);
      const auto opened = open(fileOf(vocabulary));
      QVERIFY(!opened);
      qInfo("%s", opened.error().message.c_str());
      QCOMPARE(opened.error().code, code);
      QVERIFY(!opened.error().hint.empty());
    };
    constexpr auto invalid = ErrorCode::kInvalidInput, other = ErrorCode::kUnsupported;
    check(ErrorCode::kNotFound, [](Vocabulary& v) { v.model = std::string("no_vocab"); });
    check(other, [](Vocabulary& v) { v.model = std::string("llama"); });
    check(other, [](Vocabulary& v) { v.splits = std::string("default"); });
    check(other, [](Vocabulary& v) { v.types[3] = 6; });
    check(invalid, [](Vocabulary& v) { v.types.pop_back(); });
    check(invalid, [](Vocabulary& v) { v.tokens[100] = std::string("a"); });
    check(invalid, [](Vocabulary& v) { v.tokens[256] = std::string("中"); });
    check(invalid, [](Vocabulary& v) {
      v.tokens[97] = std::string("zz");
      v.merges.clear();
    });
    check(invalid, [](Vocabulary& v) { v.tokens[258].clear(); });
    check(invalid, [](Vocabulary& v) { v.tokens[259] = v.tokens[258]; });
    check(invalid, [](Vocabulary& v) { v.merges = {"ab"}; });
    check(invalid, [](Vocabulary& v) { v.merges = {"a b", "a b"}; });
  }

  void aFileWithoutVocabularyIsNotFound() {
    GgufBuilder builder;
    builder.addValue("tokenizer.ggml.model", kText, rawText("no_vocab"));
    const auto opened = open(builder.bytes());
    QVERIFY(!opened);
    QCOMPARE(opened.error().code, ErrorCode::kNotFound);
    QVERIFY(opened.error().message.find("vocabulary") != std::string::npos);
  }

 private:
  base::Result<std::shared_ptr<const Tokenizer>> open(const std::string& bytes) {
    const std::filesystem::path path = folder_.filePath("file.gguf").toStdString();
    std::filesystem::remove(path);
    support::writeAll(path, bytes);
    return Tokenizer::open(path);
  }

  QTemporaryDir folder_;
};

}  // namespace

LECTERN_TEST(TokenizerGgufTest)
#include "tokenizer_gguf_test.moc"
