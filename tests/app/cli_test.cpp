// The command line as users and scripts see it: design §8, run with the real binaries.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>

#include <QTest>

#include "engine/safetensors.h"
#include "tests/app/lectern_run.h"
#include "tests/support/test_main.h"

using engine::Json;
using support::Desk;
using support::lectern;
using support::RunResult;

namespace {

std::vector<std::string> names(const Json& object) {
  std::vector<std::string> names;
  for (const auto& [name, value] : object.items()) names.push_back(name);
  return names;
}

bool hasFields(const Json& object, const std::vector<std::string>& wanted) {
  const auto there = names(object);
  for (const std::string& name : wanted)
    if (std::find(there.begin(), there.end(), name) == there.end()) {
      std::printf("no field %s\n", name.c_str());
      return false;
    }
  return true;
}

// A folder with a copy of the bundled model, to be damaged.
class ModelCopy {
 public:
  ModelCopy() {
    std::filesystem::copy(support::bundledModel(), folder());
    for (const auto& entry : std::filesystem::directory_iterator(folder()))
      std::filesystem::permissions(entry, std::filesystem::perms::owner_all);
  }
  std::filesystem::path folder() const { return place_.path().toStdString() + "/model"; }
  std::filesystem::path file(const char* name) const { return folder() / name; }
  RunResult plan() const {
    return lectern({"plan", "--json", "--context", "1000", "--model", folder().string()});
  }

 private:
  QTemporaryDir place_;
};

constexpr const char* kWeights = "model-00001-of-00001.safetensors";

}  // namespace

class CliTest : public QObject {
  Q_OBJECT
 private slots:
  void filesTellsWhatWouldBeReadAndWhyNot() {
    Desk desk;
    desk.write("a.txt", "some words\n");
    desk.write("picture.bin", std::string("\0\1\2\3\0\0\xff\xfe", 8));
    desk.write(".gitignore", "*.tmp\n");
    desk.write("scratch.tmp", "x\n");
    const RunResult plain = lectern({"files", "--json", desk.source("").string()});
    EXIT(plain, 0);
    std::map<std::string, Json> files;
    const Json answer = plain.json();
    for (const Json& file : answer["files"]) {
      QVERIFY(hasFields(file, {"path", "decision", "reason", "kind", "bytes", "tokens"}));
      files[file["path"]] = file;
    }
    QCOMPARE(files["a.txt"]["decision"].get<std::string>(), std::string("read"));
    QVERIFY(files["a.txt"]["tokens"].is_null());
    QCOMPARE(files["picture.bin"]["reason"].get<std::string>(), std::string("binary"));
    QCOMPARE(files["scratch.tmp"]["reason"].get<std::string>(), std::string("ignored"));
    QVERIFY(answer.contains("totals"));

    const RunResult counted = lectern({"files", "--json", "--tokens", desk.source("").string()});
    EXIT(counted, 0);
    const Json counted_files = counted.json()["files"];
    for (const Json& file : counted_files)
      if (file["path"] == "a.txt") QVERIFY(file["tokens"].get<int>() > 2);
  }

  void extractShowsPagesSpansAndBoxes() {
    const RunResult pdf =
        lectern({"extract", "--json", (support::samples() / "handbook.pdf").string()});
    EXIT(pdf, 0);
    const Json answer = pdf.json();
    QCOMPARE(answer["kind"].get<std::string>(), std::string("pdf"));
    QVERIFY(!answer["pages"].empty());
    for (const Json& page : answer["pages"])
      for (const Json& span : page["spans"]) {
        QVERIFY(hasFields(span, {"text", "bytes", "page", "boxes"}));
        QVERIFY(span["page"] == page["n"]);
        QVERIFY(!span["boxes"].empty());
      }
    Desk desk;
    desk.write("a.txt", "one\ntwo");
    const Json text = lectern({"extract", "--json", desk.source("a.txt").string()}).json();
    QCOMPARE(text["pages"][0]["text"].get<std::string>(), std::string("one\ntwo"));
    QCOMPARE(text["pages"][0]["spans"][1]["text"].get<std::string>(), std::string("two"));
    QVERIFY(text["pages"][0]["spans"][1]["bytes"] == Json::array({4, 7}));
  }

  void aSessionIsReadAskedListedExportedVerifiedAndDeleted() {
    Desk desk;
    desk.write("limits.py", "MAX_CLIENTS = 96\nRETRY_DELAY = 2.5\n");
    desk.write("lantern.txt", "The serial number of the copper lantern is 58213.\n");
    const RunResult read = desk.ingest("notes");
    EXIT(read, 0);
    const auto n_context = read.json()["context_tokens"].get<std::int64_t>();
    QVERIFY(n_context > 20);

    const RunResult asked = desk.ask("notes", "What is the serial number of the copper lantern?");
    EXIT(asked, 0);
    const Json answer = asked.json();
    QVERIFY(hasFields(answer, {"answer", "citations", "evidence", "usage"}));
    QVERIFY(hasFields(answer["usage"],
                      {"context_tokens", "reused_tokens", "prefilled_tokens", "prefill_s",
                       "first_token_s", "decode_tokens", "decode_tok_s"}));
    // What was read by another process is not read again.
    QVERIFY(answer["usage"]["reused_tokens"].get<std::int64_t>() >= n_context - 1);
    QVERIFY(!answer["citations"].empty());
    for (const Json& citation : answer["citations"]) {
      QVERIFY(hasFields(citation, {"quote", "path", "line_start", "line_end", "page", "boxes",
                                   "verified"}));
      QVERIFY(citation["verified"].get<bool>());
      const std::string path = citation["path"];
      const std::string text = support::readFile(desk.source(path.substr(path.find('/') + 1)));
      QVERIFY(text.find(citation["quote"].get<std::string>()) != std::string::npos);
    }

    const Json sessions = desk.run({"sessions"}).json();
    QCOMPARE(sessions["sessions"].size(), std::size_t{1});
    QCOMPARE(sessions["sessions"][0]["messages"].get<int>(), 2);

    const std::string file = (desk.folder() / "export.json").string();
    EXIT(desk.run({"export", "notes", "--out", file}), 0);
    const RunResult verified = lectern({"verify", "--json", file});
    EXIT(verified, 0);
    QCOMPARE(verified.json()["quotes"][0]["source"].get<std::string>(), std::string("confirmed"));

    EXIT(desk.run({"delete", "notes"}), 0);
    QVERIFY(desk.run({"sessions"}).json()["sessions"].empty());
    QCOMPARE(desk.ask("notes", "Anything?").errorCode(), std::string("not_found"));
  }

  void verifyFindsEveryKindOfForgery() {
    Desk desk;
    desk.write("lantern.txt", "The serial number of the copper lantern is 58213.\n");
    EXIT(desk.ingest("s"), 0);
    EXIT(desk.ask("s", "What is the serial number of the copper lantern?"), 0);
    const RunResult exported = desk.run({"export", "s"});
    EXIT(exported, 0);
    const Json good = exported.json();
    const auto verify = [&](const Json& forged) {
      support::writeFile(desk.folder() / "forged.json", forged.dump());
      return lectern({"verify", "--json", (desk.folder() / "forged.json").string()}).code;
    };
    QCOMPARE(verify(good), 0);
    const std::size_t at = good["messages"].size() - 1;
    QVERIFY(!good["messages"][at]["citations"].empty());
    Json quote = good;
    quote["messages"][at]["citations"][0]["quote"] = "The lantern is made of gold.";
    QCOMPARE(verify(quote), 1);
    Json text = good;
    text["documents"][0]["text"] = "The serial number of the copper lantern is 00000.\n";
    QCOMPARE(verify(text), 1);
    Json lines = good;
    lines["messages"][at]["citations"][0]["line_start"] = 7;
    QCOMPARE(verify(lines), 1);
    Json bytes = good;
    bytes["messages"][at]["citations"][0]["bytes"] = {0, 1'000'000};
    QCOMPARE(verify(bytes), 1);
    Json answer = good;
    answer["messages"][at]["text"] = "Something else.";
    QCOMPARE(verify(answer), 1);
    Json path = good;
    path["messages"][at]["citations"][0]["path"] = "source/another.txt";
    QCOMPARE(verify(path), 1);
    Json page = good;
    page["messages"][at]["citations"][0]["page"] = 3;
    QCOMPARE(verify(page), 1);
    Json unproven = good;
    unproven["messages"][at]["citations"] = Json::array();
    QCOMPARE(verify(unproven), 1);
    Json shape = good;
    shape.erase("documents");
    QCOMPARE(verify(shape), 3);
  }

  void exportReplacesNoPipeAndNoLink() {
    Desk desk;
    desk.write("a.txt", "some words\n");
    EXIT(desk.ingest("s"), 0);
    const auto pipe = desk.folder() / "pipe", link = desk.folder() / "link";
    QCOMPARE(::mkfifo(pipe.c_str(), 0600), 0);
    const int reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
    QVERIFY(reader >= 0);
    EXIT(desk.run({"export", "s", "--out", pipe.string()}), 0);
    QVERIFY(std::filesystem::is_fifo(pipe));
    char first = 0;
    QCOMPARE(::read(reader, &first, 1), ssize_t{1});
    ::close(reader);
    support::writeFile(desk.folder() / "target", "old");
    std::filesystem::create_symlink("target", link);
    EXIT(desk.run({"export", "s", "--out", link.string()}), 0);
    QVERIFY(std::filesystem::is_symlink(link));
    QVERIFY(support::readFile(desk.folder() / "target").starts_with("{"));
  }

  void aResultThatCannotBeWrittenIsNoSuccess() {
    QProcess process;
    process.setStandardOutputFile("/dev/full");
    process.start(QString::fromStdString(support::program("lectern")),
                  {"plan", "--json", "--context", "100"});
    QCOMPARE(support::finish(process).code, 3);
  }

  void namesDoNotSteerTheTerminal() {
    Desk desk;
    desk.write("a\033[2Jb\n.txt", "some words\n");
    const RunResult listed = lectern({"files", desk.source("").string()});
    EXIT(listed, 0);
    QVERIFY(listed.out.find('\033') == std::string::npos);
    QVERIFY(listed.out.find("a\\u{1b}[2Jb\\n.txt") != std::string::npos);
  }

  void logitsOfAGoldenModelAreReproducedAtEverySplit() {
    REQUIRE_GOLDEN(model, "models/tiny-base");
    Desk desk;
    const auto golden =
        engine::SafetensorsFile::open(model / "cases" / "len-00005.safetensors");
    QVERIFY2(golden, golden ? "" : golden.error().message.c_str());
    const auto* ids = golden->find("token_ids");
    Json tokens = Json::array();
    for (std::int64_t i = 0; i < ids->elementCount(); ++i)
      tokens.push_back(reinterpret_cast<const std::int32_t*>(ids->bytes.data())[i]);
    support::writeFile(desk.folder() / "tokens.json", tokens.dump());
    const auto* expected = golden->find("logits_none");
    for (const char* split : {"0", "2", "5"}) {
      const auto out = desk.folder() / (std::string("logits-") + split + ".safetensors");
      EXIT(lectern({"logits", "--tokens", (desk.folder() / "tokens.json").string(), "--split",
                    split, "--numerics", "none", "--taps", "--model", model.string(), "--out",
                    out.string()}),
           0);
      const auto written = engine::SafetensorsFile::open(out);
      QVERIFY(written);
      const auto* logits = written->find("logits");
      QVERIFY(logits != nullptr && logits->shape == expected->shape);
      QVERIFY(written->find("streams.0") != nullptr);
      for (std::int64_t i = 0; i < expected->elementCount(); ++i) {
        const float want = reinterpret_cast<const float*>(expected->bytes.data())[i];
        const float got = reinterpret_cast<const float*>(logits->bytes.data())[i];
        QVERIFY2(std::abs(want - got) < 1e-3,
                 (std::to_string(i) + ": " + std::to_string(got) + " for " + std::to_string(want))
                     .c_str());
      }
    }
  }

  void tokenizeGoesThereAndBack() {
    const std::string line = R"({"text":"<｜User｜> caf\u00e9"})";
    const RunResult with = lectern({"tokenize"}, line + "\n");
    const RunResult without = lectern({"tokenize", "--no-control"}, line + "\n");
    EXIT(with, 0);
    QVERIFY(with.json()["ids"].size() < without.json()["ids"].size());
    const RunResult back = lectern({"tokenize", "--decode"}, without.out);
    EXIT(back, 0);
    QCOMPARE(back.json()["text"].get<std::string>(), std::string("<｜User｜> caf\u00e9"));
    std::string streamed;
    const Json pieces = back.json()["stream"];
    for (const Json& piece : pieces) streamed += piece.get<std::string>();
    QCOMPARE(streamed, std::string("<｜User｜> caf\u00e9"));
    const RunResult bytes = lectern({"tokenize"}, "{\"b64\":\"aGk=\"}\n{\"text\":\"hi\"}\n");
    const std::size_t line_end = bytes.out.find('\n') + 1;
    QCOMPARE(bytes.out.substr(0, line_end), bytes.out.substr(line_end));
  }

  void jsonIsAsciiSoThatEveryToolSeesTheSameLines() {
    // U+2028 and U+0085 end lines for Python, the emoji takes a pair of surrogates.
    const std::string text = "a\u2028b\u0085c \U0001F4DA";
    const RunResult ids = lectern({"tokenize"}, Json{{"text", text}}.dump() + "\n");
    const RunResult back = lectern({"tokenize", "--decode"}, ids.out);
    EXIT(back, 0);
    QVERIFY(std::all_of(back.out.begin(), back.out.end(),
                        [](char c) { return static_cast<unsigned char>(c) < 0x80; }));
    QCOMPARE(back.json()["text"].get<std::string>(), text);
  }

  void chatIsEncodedAndParsed() {
    REQUIRE_GOLDEN(encode, "chat/dev_encode.jsonl");
    REQUIRE_GOLDEN(parse, "chat/dev_parse.jsonl");
    const std::string all = support::readFile(encode);
    const RunResult encoded = lectern({"chat-encode"}, all);
    EXIT(encoded, 0);
    std::istringstream wanted(all), got(encoded.out);
    for (std::string want, have; std::getline(wanted, want);) {
      QVERIFY(std::getline(got, have));
      QVERIFY((*engine::parseJson(have))["prompt"] == (*engine::parseJson(want))["prompt"]);
    }
    const RunResult parsed = lectern({"chat-parse"}, support::readFile(parse));
    EXIT(parsed, 0);
    QVERIFY(parsed.out.find("\"message\"") != std::string::npos);
    QVERIFY(parsed.out.find("missing_end") != std::string::npos);
  }

  void planAndBenchGiveFigures() {
    const RunResult plan = lectern({"plan", "--json", "--context", "100000"});
    EXIT(plan, 0);
    QVERIFY(plan.json()["total_bytes"].get<std::int64_t>() > 0);
    const RunResult bench =
        lectern({"bench", "--json", "--prompt", "64", "--generate", "4", "--depth", "32"});
    EXIT(bench, 0);
    QVERIFY(hasFields(bench.json(), {"prefill_tok_s", "decode_tok_s", "peak_rss_bytes", "stages"}));
  }

  void selftestPassesHere() { EXIT(lectern({"selftest"}), 0); }

  // From here on: everything that is refused, with its exit code.

  void usageErrorsAreTwo() {
    EXIT(lectern({"dance"}), 2);
    EXIT(lectern({"ask", "--session", "s"}), 2);
    EXIT(lectern({"plan", "--context", "many"}), 2);
    EXIT(lectern({"agent", "--session", "s", "do it"}), 2);
    EXIT(lectern({"branch", "s", "--new", "a", "--rewind", "1"}), 2);
    QCOMPARE(lectern({"agent", "--json"}).errorCode(), std::string("unsupported"));
    EXIT(lectern({"--help"}), 0);
  }

  void everyRefusalHasACodeAndANextStep() {
    Desk desk;
    const auto refused = [&](const RunResult& result, const char* code) {
      const Json answer = result.json();
      if (result.code != 3 || result.errorCode() != code)
        QTest::qFail((result.out + result.err).c_str(), __FILE__, __LINE__);
      else if (answer["error"]["message"].get<std::string>().empty() ||
               answer["error"]["hint"].get<std::string>().empty())
        QTest::qFail(("no next step: " + result.out).c_str(), __FILE__, __LINE__);
    };
    refused(lectern({"files", "--json", "/nowhere"}), "not_found");
    refused(lectern({"extract", "--json", "/nowhere.pdf"}), "not_found");
    refused(desk.run({"ingest", "/nowhere", "--session", "s"}), "not_found");
    refused(desk.ask("s", "Anything?"), "not_found");
    refused(desk.run({"delete", "s"}), "not_found");
    refused(desk.run({"ingest", "--session", "s"}), "invalid_input");
    refused(lectern({"verify", "--json", "/nowhere"}), "not_found");
    refused(lectern({"plan", "--json", "--context", "5", "--model", "/nowhere"}), "not_found");
    refused(lectern({"plan", "--json", "--context", "99000000"}), "too_large");
    // A failed ingest leaves no session behind.
    QVERIFY(desk.run({"sessions"}).json()["sessions"].empty());
  }

  void questionsToNothingAreRefused() {
    Desk desk;
    desk.write("a.txt", "some words\n");
    EXIT(desk.ingest("s"), 0);
    QCOMPARE(desk.ask("s", "   ").errorCode(), std::string("invalid_input"));
    Desk empty;
    std::filesystem::create_directories(empty.source(""));
    QCOMPARE(empty.ingest("s").errorCode(), std::string("invalid_input"));
  }

  void aContextThatIsTooLongIsRefusedBeforeItIsStored() {
    Desk desk;
    desk.write("a.txt", "some words\n");
    EXIT(desk.ingest("s"), 0);
    desk.write("b.txt", support::madeUpCode(400));
    const RunResult refused = desk.run(
        {"ingest", desk.source("").string(), "--session", "s", "--context-max", "3000"});
    EXIT(refused, 3);
    QCOMPARE(refused.errorCode(), std::string("too_large"));
    EXIT(desk.ask("s", "Which line mentions words?"), 0);  // the earlier reading still stands
  }

  void damagedModelsAreRefusedByName() {
    const ModelCopy good;
    EXIT(good.plan(), 0);
    const auto code = [](const ModelCopy& model) {
      const RunResult result = model.plan();
      return result.code == 3 ? result.errorCode() : "exit " + std::to_string(result.code);
    };
    ModelCopy truncated;
    std::filesystem::resize_file(truncated.file(kWeights), 1'000'000);
    QCOMPARE(code(truncated), std::string("corrupt"));
    ModelCopy oversized;
    std::ofstream(oversized.file(kWeights), std::ios::app) << "more";
    QCOMPARE(code(oversized), std::string("corrupt"));
    ModelCopy missing;
    std::filesystem::remove(missing.file(kWeights));
    QCOMPARE(code(missing), std::string("not_found"));
    ModelCopy no_config;
    std::filesystem::remove(no_config.file("config.json"));
    QCOMPARE(code(no_config), std::string("not_found"));
    ModelCopy foreign;
    support::writeFile(foreign.file("config.json"),
                       R"({"model_type":"llama","architectures":["LlamaForCausalLM"]})");
    QCOMPARE(code(foreign), std::string("unsupported"));
    ModelCopy nonsense;
    support::writeFile(nonsense.file("config.json"), "not json");
    QCOMPARE(code(nonsense), std::string("invalid_input"));
  }

  void aDamagedModelDoesNotHurtASession() {
    Desk desk;
    desk.write("a.txt", "The serial number of the copper lantern is 58213.\n");
    EXIT(desk.ingest("s"), 0);
    ModelCopy damaged;
    std::filesystem::resize_file(damaged.file(kWeights), 1'000'000);
    const RunResult refused = desk.run({"ask", "--session", "s", "--model",
                                        damaged.folder().string(), "What is the serial number?"});
    EXIT(refused, 3);
    QCOMPARE(refused.errorCode(), std::string("corrupt"));
    EXIT(desk.ask("s", "What is the serial number of the copper lantern?"), 0);
    // A session can be deleted although its model is gone.
    EXIT(desk.run({"delete", "s", "--model", damaged.folder().string()}), 0);
  }

  void badDocumentsCostOnlyThemselves() {
    Desk desk;
    desk.write("a.txt", "some words\n");
    desk.write("broken.pdf", "%PDF-1.7\nthis is where it ends");
    const RunResult read = desk.ingest("s");
    EXIT(read, 0);
    bool told = false;
    const Json receipt = read.json()["receipt"];
    for (const Json& entry : receipt)
      if (entry["path"].get<std::string>().ends_with("broken.pdf")) {
        QVERIFY(!entry["read"].get<bool>());
        QCOMPARE(entry["reason"].get<std::string>(), std::string("damaged"));
        told = !entry["detail"].get<std::string>().empty();
      }
    QVERIFY(told);
    QCOMPARE(lectern({"extract", "--json", desk.source("broken.pdf").string()}).errorCode(),
             std::string("corrupt"));
  }

  void lockedDocumentsSaySo() {
    REQUIRE_SHARED(locked, "corpora/pdf/enc_user_rc4.pdf");
    const RunResult alone = lectern({"extract", "--json", locked.string()});
    EXIT(alone, 3);
    QCOMPARE(alone.errorCode(), std::string("locked"));
    Desk desk;
    desk.write("a.txt", "some words\n");
    std::filesystem::copy(locked, desk.source("locked.pdf"));
    const RunResult read = desk.ingest("s");
    EXIT(read, 0);
    const Json receipt = read.json()["receipt"];
    QCOMPARE(receipt[1]["reason"].get<std::string>(), std::string("locked"));
  }

  void aFolderThatIsGoneLeavesTheSessionAsItWas() {
    Desk desk;
    desk.write("a.txt", "The serial number of the copper lantern is 58213.\n");
    EXIT(desk.ingest("s"), 0);
    std::filesystem::remove_all(desk.source(""));
    QCOMPARE(desk.run({"ingest", "--session", "s"}).errorCode(), std::string("not_found"));
    const RunResult asked = desk.ask("s", "What is the serial number of the copper lantern?");
    EXIT(asked, 0);
    QVERIFY(asked.json()["citations"][0]["verified"].get<bool>());
  }

  void aDiskWithoutRoomIsNoticedBeforeTheReading() {
    Desk desk;
    desk.write("a.txt", "some words\n");
    std::filesystem::create_directories(desk.data());
    const std::string disk = desk.data().string();
    if (QProcess::execute("mount",
                          support::toList({"-t", "tmpfs", "-o", "size=40m", "tmpfs", disk})) != 0)
      QSKIP("no right to mount a small disk here");
    const RunResult refused = desk.ingest("s");
    const RunResult sessions = desk.run({"sessions"});
    QProcess::execute("umount", support::toList({disk}));
    EXIT(refused, 3);
    QCOMPARE(refused.errorCode(), std::string("disk_full"));
    EXIT(sessions, 0);
    QVERIFY(sessions.json()["sessions"].empty());
  }

  void aDataFolderThatCannotBeUsedIsNamed() {
    Desk desk;
    desk.write("a.txt", "some words\n");
    const RunResult refused =
        lectern({"sessions", "--json", "--data", desk.source("a.txt").string()});
    EXIT(refused, 3);
    support::writeFile(desk.data() / "session.db", "this is no database at all, only text");
    QCOMPARE(desk.run({"sessions"}).errorCode(), std::string("corrupt"));
  }

  void linesThatAreNoJsonAreAnsweredWithErrors() {
    const RunResult result = lectern({"tokenize"}, "nonsense\n{\"text\":\"a\"}\n{\"ids\":[1]}\n");
    EXIT(result, 3);
    std::istringstream lines(result.out);
    std::string first, second, third;
    std::getline(lines, first);
    std::getline(lines, second);
    std::getline(lines, third);
    QVERIFY(first.find("\"error\"") != std::string::npos);
    QVERIFY(second.find("\"ids\"") != std::string::npos);
    QVERIFY(third.find("\"error\"") != std::string::npos);
  }
};

LECTERN_TEST(CliTest)
#include "cli_test.moc"
