// Memory as a user meets it: amounts on the command line, plans, refusals, and model files that
// change under a running engine.
#include <QTemporaryDir>
#include <QTest>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>

#include "app/byte_size.h"
#include "app/engine_client.h"
#include "app/model_fault.h"
#include "tests/app/lectern_run.h"
#include "tests/support/test_main.h"

using base::ErrorCode;
using base::TokenId;
using engine::Json;
using support::lectern;
using support::RunResult;

namespace {

// A copy of the bundled model that may be damaged.
class ModelCopy {
 public:
  ModelCopy() : path_(std::filesystem::path(folder_.path().toStdString()) / "model") {
    std::filesystem::copy(support::bundledModel(), path_);
    for (const auto& entry : std::filesystem::directory_iterator(path_))
      std::filesystem::permissions(entry.path(), std::filesystem::perms::owner_all);
  }
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path shard() const { return path_ / "model-00001-of-00001.safetensors"; }

 private:
  QTemporaryDir folder_;
  std::filesystem::path path_;
};

std::vector<TokenId> someTokens(int n) {
  std::vector<TokenId> tokens;
  for (int i = 0; i < n; ++i) tokens.push_back(100 + i * 37 % 4000);
  return tokens;
}

}  // namespace

class MemoryTest : public QObject {
  Q_OBJECT
 private slots:
  void amountsAreReadAsPeopleWriteThem() {
    const std::vector<std::pair<const char*, std::int64_t>> amounts = {
        {"4GiB", std::int64_t{4} << 30}, {"512MiB", 512 << 20}, {"3.5G", 3758096384},
        {"1500000", 1500000},            {"2 gb", 2000000000},  {"64k", 65536},
        {"1TB", 1000000000000}};
    for (const auto& [text, bytes] : amounts) {
      const auto parsed = app::parseByteSize(text);
      QVERIFY2(parsed, text);
      QCOMPARE(*parsed, bytes);
    }
    for (const char* text : {"", "GiB", "-4G", "4X", "4GiBs", "0", "nan", "1e30", "4 G iB"})
      QVERIFY2(!app::parseByteSize(text), text);
    QCOMPARE(lectern({"plan", "--context", "100", "--memory", "much"}).code, 2);
  }

  void thePlanAddsUp() {
    const Json plan = lectern({"plan", "--json", "--context", "65536"}).json();
    std::int64_t sum = 0;
    for (const char* row : {"program_bytes", "weights_bytes", "stream_bytes", "kv_bytes",
                            "row_cache_bytes", "state_bytes", "checkpoint_bytes", "scratch_bytes"})
      sum += plan.at(row).get<std::int64_t>();
    QCOMPARE(plan.at("total_bytes").get<std::int64_t>(), sum);
    QCOMPARE(plan.at("residency").get<std::string>(), std::string("mapped"));
    QVERIFY(plan.at("fits").get<bool>());
  }

  // A plan is shown whether it fits or not; what does not fit is not opened.
  void tooLittleMemoryIsRefusedWithWhatWouldDo() {
    const RunResult shown = lectern({"plan", "--json", "--context", "65536", "--memory", "2MiB"});
    QCOMPARE(shown.code, 0);
    QVERIFY(!shown.json().at("fits").get<bool>());
    const auto needed = shown.json().at("memory_fits_bytes").get<std::int64_t>();
    QVERIFY(lectern({"plan", "--json", "--context", "65536", "--memory", std::to_string(needed)})
                .json()
                .at("fits")
                .get<bool>());
    const RunResult refused =
        lectern({"bench", "--json", "--prompt", "64", "--generate", "2", "--memory", "2MiB"});
    QCOMPARE(refused.code, 3);
    QCOMPARE(refused.errorCode(), std::string("out_of_memory"));
    const Json error = refused.json().at("error");
    QVERIFY(error.at("message").get<std::string>().find("2097152") != std::string::npos);
    QVERIFY(error.at("hint").get<std::string>().find("--memory") != std::string::npos);
  }

  // 3 % of what a run over the whole context has touched at its end.
  void thePlanIsWhatIsUsed_data() {
    QTest::addColumn<int>("n_prompt");
    QTest::newRow("one super-chunk") << 1984;
    QTest::newRow("4K") << 4032;
    QTest::newRow("12K") << 12224;
  }
  void thePlanIsWhatIsUsed() {
    QFETCH(const int, n_prompt);
    const RunResult bench = lectern({"bench", "--json", "--prompt", std::to_string(n_prompt),
                                     "--generate", "16", "--threads", "2"});
    QCOMPARE(bench.code, 0);
    const auto planned = bench.json().at("plan_bytes").get<double>();
    const auto used = bench.json().at("peak_rss_bytes").get<double>();
    qInfo("planned %.2f MB, used %.2f MB", planned / 1e6, used / 1e6);
    QVERIFY2(std::abs(planned / used - 1) <= 0.03,
             lectern({"plan", "--context", std::to_string(n_prompt + 16)}).out.c_str());
  }

  void aModelThatChangesIsSaidAndLoadedAgain() {
    QTemporaryDir data;
    const ModelCopy model;
    app::EngineSettings settings;
    settings.program = support::program("lectern-engine");
    settings.model = model.path();
    settings.data = data.path().toStdString();
    settings.log_file = settings.data / "engine.log";
    app::EngineClient client(settings);
    const auto sequence = client.openSequence({});
    QVERIFY(sequence);
    const auto tokens = someTokens(600);
    QVERIFY(client.sync(*sequence, std::span(tokens).first(300), "", {}, {}));
    std::filesystem::last_write_time(
        model.shard(), std::filesystem::last_write_time(model.shard()) + std::chrono::seconds(5));
    const auto changed = client.sync(*sequence, tokens, "", {}, {});
    QVERIFY(!changed);
    QCOMPARE(changed.error().code, ErrorCode::kCorrupt);
    QVERIFY(changed.error().message.find("changed while it was open") != std::string::npos);
    // The process that held the old file ends; a new one reads what is there now.
    const auto again = client.sync(*sequence, tokens, "", {}, {});
    QVERIFY2(again, again ? "" : again.error().message.c_str());
    QCOMPARE(client.nStarts(), 2);
  }

  // The page of a mapped file that is gone ends the process, with the exit code lectern knows.
  void touchingAFileThatWasShortenedEndsTheProcess() {
    QTemporaryDir folder;
    const std::filesystem::path path = std::filesystem::path(folder.path().toStdString()) / "file";
    support::writeFile(path, std::string(16384, 'x'));
    const pid_t child = ::fork();
    if (child == 0) {
      app::endOnModelFault();
      ::close(STDERR_FILENO);
      const int file = ::open(path.c_str(), O_RDONLY);
      const auto* bytes = static_cast<volatile const char*>(
          ::mmap(nullptr, 16384, PROT_READ, MAP_PRIVATE, file, 0));
      std::filesystem::resize_file(path, 100);
      const char c = bytes[12000];
      ::_exit(c == 'x' ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    QVERIFY(WIFEXITED(status));
    QCOMPARE(WEXITSTATUS(status), app::kModelFaultExit);
  }
};

LECTERN_TEST(MemoryTest)
#include "memory_test.moc"
