#include "engine/tokenizer.h"

#include <QByteArray>
#include <QCryptographicHash>
#include <QTest>
#include <iostream>
#include <random>
#include <thread>

#include "engine/stream_decoder.h"
#include "engine/utf8.h"
#include "tests/engine/json_lines.h"
#include "tests/support/golden.h"
#include "tests/support/test_main.h"

namespace {

using engine::Json;
using engine::TokenId;
using engine::Tokenizer;
using Ids = std::vector<TokenId>;

constexpr std::uint64_t kSeed = 20260907;

const Tokenizer* official() {
  static const auto tokenizer = [] {
    const std::filesystem::path path = support::goldenPath("tokenizer/tokenizer.json");
    return path.empty() ? nullptr : Tokenizer::open(path).value();
  }();
  return tokenizer.get();
}

std::string idsText(const Ids& ids) {
  std::string text;
  for (const TokenId id : ids) text += std::to_string(id) + " ";
  return text;
}

bool equalIds(const Json& row, const Ids& actual) {
  const Ids expected = row["ids"].get<Ids>();
  if (actual == expected) return true;
  std::cout << row.value("id", "") << "\n  expected " << idsText(expected) << "\n  actual   "
            << idsText(actual) << "\n";
  return false;
}

// A tokenizer.json of 256 byte tokens, the merges "a b" and "ab c", and two added tokens.
Json smallFile() {
  Json file = Json::parse(R"({
    "added_tokens": [
      {"id": 258, "content": "<end>", "special": true},
      {"id": 259, "content": "<end>!", "special": false}],
    "normalizer": null,
    "decoder": {"type": "ByteLevel"},
    "model": {"type": "BPE", "merges": ["a b", ["ab", "c"]]}})");
  Json& vocabulary = file["model"]["vocab"];
  int next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable = (byte > 32 && byte < 127) || (byte > 160 && byte != 173);
    const int code = printable ? byte : next++;
    std::string spelling;
    if (code < 0x80) {
      spelling = static_cast<char>(code);
    } else {
      spelling = {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 63))};
    }
    vocabulary[spelling] = byte;
  }
  vocabulary["ab"] = 256;
  vocabulary["abc"] = 257;
  Json splits = Json::array();
  for (
      const char* regex :
      {R"(\p{N}{1,3})", "[一-龥぀-ゟ゠-ヿ]+",
       R"([!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"})
    splits.push_back({{"type", "Split"},
                      {"pattern", {{"Regex", regex}}},
                      {"behavior", "Isolated"},
                      {"invert", false}});
  splits.push_back({{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}});
  file["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", splits}};
  return file;
}

}  // namespace

class TokenizerTest : public QObject {
  Q_OBJECT
 private slots:
  void everyGoldenTextHasItsIds() {
    REQUIRE_GOLDEN(path, "tokenizer/tok_encode.jsonl");
    int n_wrong = 0, n_rows = 0;
    for (const Json& row : support::jsonLines(path)) {
      ++n_rows;
      n_wrong += !equalIds(row, official()->encodeTemplate(row["text"].get<std::string>()));
    }
    QCOMPARE(n_rows, 3461);
    QCOMPARE(n_wrong, 0);
  }

  void brokenUtf8IsRepairedBeforeEncoding() {
    REQUIRE_GOLDEN(path, "tokenizer/tok_bytes.jsonl");
    for (const Json& row : support::jsonLines(path)) {
      const QByteArray raw =
          QByteArray::fromBase64(QByteArray::fromStdString(row["b64"].get<std::string>()));
      const std::string bytes = raw.toStdString();
      const std::size_t error = engine::firstInvalidUtf8(bytes);
      const Json expected_error = row["first_error_offset"];
      QVERIFY((error == std::string::npos ? Json() : Json(error)) == expected_error);
      QCOMPARE(engine::repairUtf8(bytes), row["text"].get<std::string>());
      QVERIFY(equalIds(row, official()->encodeTemplate(bytes)));
    }
  }

  void everyGoldenSequenceDecodesAtOnceAndAsAStream() {
    REQUIRE_GOLDEN(path, "tokenizer/tok_decode.jsonl");
    for (const Json& row : support::jsonLines(path)) {
      const Ids ids = row["ids"].get<Ids>();
      QCOMPARE(official()->decode(ids), row["text"].get<std::string>());
      QCOMPARE(official()->decode(ids, true), row["text_skip_special"].get<std::string>());
      engine::StreamDecoder decoder(*official());
      std::vector<std::string> pieces;
      for (const TokenId id : ids) pieces.push_back(decoder.push(id));
      QCOMPARE(pieces, row["stream"].get<std::vector<std::string>>());
      QCOMPARE(decoder.flush(), row["flush"].get<std::string>());
    }
  }

  void aMillionRepeatsHaveTheGoldenIds() {
    REQUIRE_GOLDEN(path, "tokenizer/tok_long.jsonl");
    for (const Json& row : support::jsonLines(path)) {
      std::string text;
      for (int i = 0; i < row["count"].get<int>(); ++i) text += row["unit"].get<std::string>();
      const Ids ids = official()->encodeTemplate(text);
      QCOMPARE(ids.size(), row["n_ids"].get<std::size_t>());
      QByteArray bytes;
      for (const TokenId id : ids)
        for (int shift = 0; shift < 32; shift += 8)
          bytes.append(static_cast<char>(static_cast<std::uint32_t>(id) >> shift));
      QCOMPARE(QCryptographicHash::hash(bytes, QCryptographicHash::Sha256).toHex().toStdString(),
               row["sha256_le32"].get<std::string>());
    }
  }

  void everyTokenThatIsTextEncodesToItself() {
    REQUIRE_GOLDEN(path, "tokenizer/vocab_roundtrip.json");
    const Json expected = Json::parse(support::fileText(path));
    int n_equal = 0, n_broken = 0;
    for (TokenId id = 0; id < official()->vocabSize(); ++id) {
      const std::string_view bytes = official()->bytesOf(id);
      if (engine::firstInvalidUtf8(bytes) != bytes.npos) {
        ++n_broken;
      } else if (official()->encodeTemplate(bytes) == Ids{id}) {
        ++n_equal;
      }
    }
    QCOMPARE(n_equal, expected["checked_ok"].get<int>());
    QCOMPARE(n_broken, expected["not_utf8_alone"].get<int>());
  }

  void specificationExamplesHold_data() {
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("ids");
    const auto row = [](const char* text, const char* ids) {
      QTest::newRow(text) << QByteArray(text) << QByteArray(ids);
    };
    row("The capital of France is", "671 6102 294 8760 344 ");
    row("Hello, world!", "19923 14 2058 3 ");
    row("   ", "361 ");
    row(" \n ", "539 223 ");
    row("\r\n", "204 201 ");
    row("   leading spaces", "262 6646 13564 ");
    row("a  b   c    d", "67 223 291 262 274 361 283 ");
    row("1234567890", "6895 18009 25744 18 ");
    row("v1.2.3-rc4", "88 19 16 20 16 21 15 6921 22 ");
    row("99 bottles, 100 bottles", "1977 35967 14 223 1457 35967 ");
    row("#include <stdio.h>", "6201 818 21968 5196 32 ");
    row("printf(\"%d\\n\", x);", "15626 13692 70 5809 1760 1527 3171 ");
    row("{\"k\": [1,2,3], \"b\": true}",
        "24313 77 3362 764 19 14 20 14 21 3031 582 68 3362 3292 95 ");
    row("world你好", "29616 30594 ");
    row("中文123英文", "21134 6895 21207 ");
    row("漢字とかな混じり", "29069 2024 2495 49534 5764 17580 4553 ");
    row("a🙂b", "67 80300 227 68 ");
    row("naïve café", "2720 91223 57664 ");
    row("e\u0301", "71 17793 ");
    row("\u00a0nbsp", "2162 28706 ");
    row("@#$%^&*", "34 125463 7 64 8 12 ");
    row("line1\n\nline2\n\n\nline3", "1836 19 271 1836 20 6328 1836 21 ");
    row("<｜User｜>hello<｜Assistant｜>", "128803 33310 128804 ");
    row("<｜DSML｜invoke name=\"f\">", "30 128825 40148 5406 2329 1281 72 3320 ");
    row("<think>reasoning</think>answer", "128821 86512 288 128822 19995 ");
  }
  void specificationExamplesHold() {  // Appendix B
    REQUIRE_GOLDEN(path, "tokenizer/tokenizer.json");
    QFETCH(QByteArray, text);
    QFETCH(QByteArray, ids);
    QCOMPARE(idsText(official()->encodeTemplate(text.toStdString())), ids.toStdString());
  }

  void textNeverBecomesAControlToken() {
    REQUIRE_GOLDEN(path, "tokenizer/tokenizer.json");
    std::vector<std::string> spellings;
    for (TokenId id = 0; id < official()->vocabSize(); ++id)
      if (official()->isAdded(id)) spellings.emplace_back(official()->bytesOf(id));
    QCOMPARE(spellings.size(), std::size_t{1283});
    std::mt19937_64 random(kSeed);
    std::cout << "seed " << kSeed << "\n";
    const std::vector<std::string> others = {" ",  "\n", "<", "｜", "a",
                                             "</", "9",  ">", "▁",  "\xEF"};
    int n_control = 0;
    for (int i = 0; i < 100'000; ++i) {
      std::string text;
      for (int j = 0; j < 3; ++j) {
        const auto& list = random() % 3 == 0 ? others : spellings;
        text += list[random() % list.size()];
      }
      for (const TokenId id : official()->encodeText(text)) n_control += official()->isAdded(id);
    }
    QCOMPARE(n_control, 0);
  }

  void anyBytesComeBackRepaired() {
    REQUIRE_GOLDEN(path, "tokenizer/tokenizer.json");
    std::mt19937_64 random(kSeed);
    std::cout << "seed " << kSeed << "\n";
    for (int i = 0; i < 20'000; ++i) {
      std::string bytes(random() % 40, '\0');
      for (char& byte : bytes)
        byte = static_cast<char>(random() % 4 == 0 ? random() % 128 : random());
      const std::string repaired = engine::repairUtf8(bytes);
      QCOMPARE(engine::firstInvalidUtf8(repaired), std::string::npos);
      QCOMPARE(official()->decode(official()->encodeText(bytes)), repaired);
      QCOMPARE(official()->decode(official()->encodeTemplate(bytes)), repaired);
    }
  }

  void threadsEncodeAlike() {
    REQUIRE_GOLDEN(path, "tokenizer/tokenizer.json");
    std::string text;
    for (int i = 0; i < 3000; ++i) text += "line " + std::to_string(i * 7919) + " of the text\n";
    const Ids expected = official()->encodeText(text);
    std::vector<Ids> results(4);
    {
      std::vector<std::jthread> threads;
      for (Ids& result : results)
        threads.emplace_back([&] { result = official()->encodeText(text); });
    }
    for (const Ids& result : results) QVERIFY(result == expected);
  }

  void longestAddedTokenWins() {
    const auto tokenizer = Tokenizer::parse(smallFile().dump()).value();
    QCOMPARE(tokenizer->encodeTemplate("abc<end>!<end>abd"), (Ids{257, 259, 258, 256, 'd'}));
    QVERIFY(tokenizer->addedToken("<end>") == 258);
    QVERIFY(!tokenizer->addedToken("<en"));
    QVERIFY(tokenizer->isSpecial(258) && !tokenizer->isSpecial(259) && tokenizer->isAdded(259));
    QCOMPARE(tokenizer->decode(Ids{'a', 258, 259}, true), std::string("a<end>!"));
    QVERIFY(tokenizer->bytesOf(-1).empty() && tokenizer->bytesOf(260).empty());
  }

  // From here on: every way a tokenizer.json can be refused.
  void missingFileIsNotFound() {
    QCOMPARE(Tokenizer::open("/nonexistent").error().code, base::ErrorCode::kNotFound);
  }
  void brokenFilesAreRefused_data() {
    QTest::addColumn<QByteArray>("patch");  // JSON merge patch of the small file
    QTest::addColumn<int>("code");
    const auto row = [](const char* name, const char* patch, base::ErrorCode code) {
      QTest::newRow(name) << QByteArray(patch) << static_cast<int>(code);
    };
    const auto invalid = base::ErrorCode::kInvalidInput, other = base::ErrorCode::kUnsupported;
    row("no vocabulary", R"({"model": {"vocab": null}})", invalid);
    row("vocabulary is a number", R"({"model": {"vocab": 3}})", invalid);
    row("id is text", R"({"model": {"vocab": {"ab": "x"}}})", invalid);
    row("negative id", R"({"model": {"vocab": {"ab": -1}}})", invalid);
    row("huge id", R"({"model": {"vocab": {"ab": 4000000000}}})", invalid);
    row("gap in the ids", R"({"model": {"vocab": {"zz": 300}}})", invalid);
    row("id twice", R"({"model": {"vocab": {"zz": 256}}})", invalid);
    row("byte without token", R"({"model": {"vocab": {"a": null, "zz": 97}, "merges": []}})",
        invalid);
    row("foreign alphabet", R"({"model": {"vocab": {"中": 260}}})", invalid);
    row("merge of unknown tokens", R"({"model": {"merges": ["x y"]}})", invalid);
    row("merge twice", R"({"model": {"merges": ["a b", "a b"]}})", invalid);
    row("merge without sides", R"({"model": {"merges": ["ab"]}})", invalid);
    row("merge of a number", R"({"model": {"merges": [1]}})", invalid);
    row("merge yields a control token",
        R"({"model": {"merges": ["a b"]}, "added_tokens": [{"id": 256, "content": "ab"}]})",
        invalid);
    row("control token in a gap", R"({"added_tokens": [{"id": 999, "content": "<x>"}]})", invalid);
    row("empty control token", R"({"added_tokens": [{"id": 258, "content": ""}]})", invalid);
    row("control token strips",
        R"({"added_tokens": [{"id": 258, "content": "x", "lstrip": true}]})", other);
    row("normaliser", R"({"normalizer": {"type": "NFC"}})", other);
    row("no splits", R"({"pre_tokenizer": null})", other);
    row("other decoder", R"({"decoder": {"type": "Metaspace"}})", other);
    row("other model", R"({"model": {"type": "Unigram"}})", other);
    row("byte fallback", R"({"model": {"byte_fallback": true}})", other);
    row("unknown token", R"({"model": {"unk_token": "<unk>"}})", other);
  }
  void brokenFilesAreRefused() {
    QFETCH(QByteArray, patch);
    QFETCH(int, code);
    Json file = smallFile();
    file.merge_patch(Json::parse(patch.toStdString()));
    const auto result = Tokenizer::parse(file.dump());
    QVERIFY(!result);
    QCOMPARE(static_cast<int>(result.error().code), code);
  }
  void cutFilesAreRefused() {
    const std::string whole = smallFile().dump();
    for (std::size_t n = 0; n < whole.size(); n += 7)
      QVERIFY(!Tokenizer::parse(whole.substr(0, n)));
  }
};

LECTERN_TEST(TokenizerTest)
#include "tokenizer_test.moc"
