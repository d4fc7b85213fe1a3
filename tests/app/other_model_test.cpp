// A session belongs to the model that read it: every kind of difference is refused by name, and
// nothing is mixed or read again unasked.
#include <QTest>
#include <cstring>
#include <functional>

#include "storage/sqlite.h"
#include "tests/app/lectern_run.h"
#include "tests/support/test_main.h"

using engine::Json;
using support::Desk;
using support::RunResult;

namespace {

using Change = std::function<void(const std::filesystem::path& model)>;

struct Kind {
  const char* name;
  std::string words;  // of the reason
  Change change{};    // of a copy of the model
  std::vector<std::string> options{};
};

void editJson(const std::filesystem::path& file, const std::function<void(Json&)>& edit) {
  Json json = *engine::parseJson(support::readFile(file));
  edit(json);
  support::writeFile(file, json.dump());
}

Change config(const std::function<void(Json&)>& edit) {
  return [edit](const std::filesystem::path& model) { editJson(model / "config.json", edit); };
}

Change tokenizer(const std::function<void(Json&)>& edit) {
  return [edit](const std::filesystem::path& model) { editJson(model / "tokenizer.json", edit); };
}

// The lowest bit of the first weight of the embedding.
void flipOneBit(const std::filesystem::path& model) {
  const auto file = model / "model-00001-of-00001.safetensors";
  std::string bytes = support::readFile(file);
  std::uint64_t n_header = 0;
  std::memcpy(&n_header, bytes.data(), sizeof n_header);
  const Json header = *engine::parseJson(bytes.substr(8, n_header));
  const std::size_t at = header["embed.weight"]["data_offsets"][0];
  bytes[8 + n_header + at] = static_cast<char>(bytes[8 + n_header + at] ^ 1);
  support::writeFile(file, bytes);
}

std::vector<Kind> kinds() {
  return {
      {"one bit of a weight", "other weights", flipOneBit},
      {"vocabulary", "another vocabulary", tokenizer([](Json& json) {
         Json& merges = json["model"]["merges"];
         std::swap(merges[merges.size() - 1], merges[merges.size() - 2]);
       })},
      {"control tokens", "other control tokens",
       tokenizer([](Json& json) { json["added_tokens"][3]["content"] = "<｜another｜>"; })},
      {"layers", "layers of another shape",
       config([](Json& json) { json["num_hidden_layers"] = 4; })},
      {"compression", "other compression ratios (0 0 4 128 4; here 0 0 4 128 0)",
       config([](Json& json) { json["compress_ratios"][4] = 0; })},
      {"window", "another window (128; here 64)",
       config([](Json& json) { json["sliding_window"] = 64; })},
      {"selected rows", "another number of selected rows (128; here 64)",
       config([](Json& json) { json["index_topk"] = 64; })},
      {"rope", "other rotary bases (10000 160000; here 20000 160000)",
       config([](Json& json) { json["rope_theta"] = 20000.0; })},
      {"rope scaling", "another rotary scaling (16 65536 32 1; here 8 65536 32 1)",
       config([](Json& json) { json["rope_scaling"]["factor"] = 8.0; })},
      {"constants", "other constants",
       config([](Json& json) { json["routed_scaling_factor"] = 2.5; })},
      {"rounding", "another rounding (official; here none)", {}, {"--numerics", "none"}},
      {"backend", "another backend (cpu; here reference)", {}, {"--backend", "reference"}},
  };
}

// A session of the bundled model, and copies of that model with one thing changed.
class ReadSession {
 public:
  ReadSession() {
    desk_.write("lantern.txt", "The serial number of the copper lantern is 58213.\n");
    desk_.write("code.c", support::madeUpCode(30));
  }
  const Desk& desk() const { return desk_; }
  std::filesystem::path modelWith(const Change& change) const {
    const auto model = desk_.folder() / "model";
    std::filesystem::remove_all(model);
    std::filesystem::create_directory(model);
    for (const auto& entry : std::filesystem::directory_iterator(support::bundledModel()))
      if (entry.is_regular_file())
        std::filesystem::copy_file(entry.path(), model / entry.path().filename());
    if (change) change(model);
    return model;
  }
  // With --model and options instead of the bundled ones.
  RunResult run(std::vector<std::string> arguments, const Kind& kind) const {
    if (kind.change)
      arguments.insert(arguments.end(), {"--model", modelWith(kind.change).string()});
    arguments.insert(arguments.end(), kind.options.begin(), kind.options.end());
    return desk_.run(arguments);
  }
  Json state() const { return desk_.run({"sessions", "s"}).json(); }

 private:
  Desk desk_;
};

const std::vector<std::string> kAsk{"ask", "--session", "s",
                                    "What is the serial number of the copper lantern?"};

}  // namespace

class OtherModelTest : public QObject {
  Q_OBJECT

  static void checkRefused(const RunResult& run, const std::string& words,
                           const std::string& command) {
    EXIT(run, 3);
    const Json error = run.json()["error"];
    QCOMPARE(error["code"].get<std::string>(), std::string("mismatch"));
    QVERIFY2(error["message"].get<std::string>().find(words) != std::string::npos, run.out.c_str());
    QVERIFY2(error["hint"].get<std::string>().find(command) != std::string::npos, run.out.c_str());
  }

 private slots:
  void everyDifferenceIsRefusedByItsName() {
    const ReadSession session;
    EXIT(session.desk().ingest("s"), 0);
    EXIT(session.desk().run(kAsk), 0);
    const Json before = session.state();
    int n_refused = 0;
    for (const Kind& kind : kinds()) {
      const RunResult asked = session.run(kAsk, kind);
      checkRefused(asked, kind.words, "--read-again");
      QVERIFY2(!QTest::currentTestFailed(), kind.name);
      ++n_refused;
    }
    checkRefused(session.run({"ingest", "--session", "s"}, kinds()[5]), kinds()[5].words,
                 "lectern ingest --session s --read-again");
    QCOMPARE(session.state().dump(), before.dump());
    const RunResult answered = session.desk().run(kAsk);
    EXIT(answered, 0);
    QVERIFY(answered.json()["usage"]["prefilled_tokens"].get<int>() < 100);
    std::printf("%d kinds of another model, %d refused with the reason\n", n_refused, n_refused);
  }

  // What this program cannot make itself: stored by another version of it.
  void anotherVersionOfTheLayoutIsRefused() {
    const ReadSession session;
    EXIT(session.desk().ingest("s"), 0);
    {
      auto database = storage::Database::open(session.desk().data() / "session.db",
                                              storage::OpenMode::kReadWrite, {});
      QVERIFY(database);
      QVERIFY(
          database->execute("UPDATE session SET model_identity ="
                            " replace(model_identity, 'layout=1', 'layout=0'),"
                            " model_fingerprint = x'00000000000000000000000000000001'"));
    }
    checkRefused(session.desk().run(kAsk), "another version of the stored layout (0; here 1)",
                 "--read-again");
  }

  void aContextTheModelIsTooSmallForIsRefused() {
    const ReadSession session;
    EXIT(session.desk().ingest("s"), 0);
    std::vector<std::string> ask = kAsk;
    ask.insert(ask.end(), {"--context-max", "512"});
    const RunResult run = session.desk().run(ask);
    EXIT(run, 3);
    QCOMPARE(run.errorCode(), std::string("too_large"));
    QVERIFY(run.json()["error"]["message"].get<std::string>().find("512") != std::string::npos);
  }

  void askedForTheOtherModelReadsTheTextAgain() {
    const ReadSession session;
    EXIT(session.desk().ingest("s"), 0);
    const Kind window = kinds()[5];
    std::vector<std::string> ask = kAsk;
    ask.push_back("--read-again");
    const RunResult again = session.run(ask, window);
    EXIT(again, 0);
    QCOMPARE(again.json()["usage"]["reused_tokens"].get<int>(), 0);
    // It is this model's session now.
    const RunResult next = session.run(kAsk, window);
    EXIT(next, 0);
    QVERIFY(next.json()["usage"]["prefilled_tokens"].get<int>() < 100);
    checkRefused(session.desk().run(kAsk), "another window (64; here 128)", "--read-again");
    EXIT(session.desk().run({"ingest", "--session", "s", "--read-again"}), 0);
    EXIT(session.desk().run(kAsk), 0);
  }
};

LECTERN_TEST(OtherModelTest)
#include "other_model_test.moc"
