// kill -9 and Ctrl-C at moments nobody chose: reopened, nothing acknowledged is lost.
#include <cstdio>
#include <random>
#include <regex>

#include <QProcess>
#include <QTest>

#include "tests/app/lectern_run.h"
#include "tests/support/test_main.h"

using engine::Json;
using support::Desk;
using support::RunResult;

namespace {

constexpr int kKills = 5;

enum class Victim { kApp, kEngine };

// The first child of a process; 0 when there is none.
pid_t childOf(qint64 pid) {
  const std::string path =
      "/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children";
  std::istringstream children(support::readFile(path));
  pid_t child = 0;
  children >> child;
  return child;
}

// The most that a progress line called safe.
std::int64_t acknowledgedTokens(const std::string& progress) {
  static const std::regex pattern("([0-9,]+) safe on disk");
  std::int64_t most = 0;
  for (std::sregex_iterator it(progress.begin(), progress.end(), pattern), end; it != end; ++it) {
    std::string digits = (*it)[1];
    std::erase(digits, ',');
    most = std::max<std::int64_t>(most, std::stoll(digits));
  }
  return most;
}

// A command that is interrupted after a while, unless it ended before.
class Interrupted {
 public:
  Interrupted(const Desk& desk, const std::vector<std::string>& arguments) {
    process_.start(QString::fromStdString(support::program("lectern")),
                   support::toList(desk.command(arguments)));
    process_.waitForStarted();
  }
  bool waitMs(int ms) { return process_.waitForFinished(ms); }
  // False when the command ended before. Number 0 would mean every process of the test's own group.
  bool signalApp(int signal) {
    const auto pid = static_cast<pid_t>(process_.processId());
    return pid > 0 && ::kill(pid, signal) == 0;
  }
  bool killEngine() {
    const pid_t engine = childOf(process_.processId());
    return engine > 0 && ::kill(engine, SIGKILL) == 0;
  }
  // Until the engine was started, or the command ended.
  void waitForEngine() {
    while (process_.state() == QProcess::Running && childOf(process_.processId()) == 0) waitMs(2);
  }
  // Until the first word about progress, or until the command ended.
  void waitForReading() {
    process_.setReadChannel(QProcess::StandardError);
    while (process_.state() == QProcess::Running && !process_.peek(1 << 16).contains("reading "))
      waitMs(2);
  }
  // Until some of what was read is stored, or until the command ended.
  void waitForBlocks(const Desk& desk) {
    constexpr std::uintmax_t kSomeBlocks = 4 << 20;  // an empty file takes less than half of it
    const auto stored = [&] {
      std::error_code error;
      const auto size = std::filesystem::file_size(desk.data() / "snapshots.db", error);
      return !error && size > kSomeBlocks;
    };
    while (process_.state() == QProcess::Running && !stored()) waitMs(2);
  }
  RunResult finish() { return support::finish(process_); }

 private:
  QProcess process_;
};

}  // namespace

class CrashTest : public QObject {
  Q_OBJECT
 private slots:
  void ctrlCPausesAReadingThatGoesOnLater() {
    Desk desk;
    desk.write("code.c", support::madeUpCode(1200));
    const std::vector<std::string> ingest{"ingest", desk.source("").string(), "--session", "s"};
    Interrupted first(desk, ingest);
    first.waitForBlocks(desk);
    QVERIFY(first.signalApp(SIGINT));
    const RunResult stopped = first.finish();
    EXIT(stopped, 4);
    QCOMPARE(stopped.errorCode(), std::string("cancelled"));
    const RunResult second = desk.run(ingest);
    EXIT(second, 0);
    const Json report = second.json();
    const auto n_reused = report["reused_tokens"].get<std::int64_t>();
    QVERIFY(n_reused > 0);
    QVERIFY(n_reused >= acknowledgedTokens(stopped.err));
    QCOMPARE(n_reused + report["prefilled_tokens"].get<std::int64_t>(),
             report["context_tokens"].get<std::int64_t>());
  }

  void killedWhileReadingNothingSafeIsLost_data() {
    QTest::addColumn<int>("victim");
    QTest::newRow("the app") << static_cast<int>(Victim::kApp);
    QTest::newRow("the engine") << static_cast<int>(Victim::kEngine);
  }
  void killedWhileReadingNothingSafeIsLost() {
    QFETCH(int, victim);
    std::mt19937_64 random(support::testSeed("kills while reading"));
    Desk desk;
    const std::string code = support::madeUpCode(100);
    desk.write("code.c", code);
    const std::vector<std::string> ingest{"ingest", desk.source("").string(), "--session", "s"};
    std::int64_t safe = 0;
    int n_hit = 0;
    for (int kill = 0; kill < kKills; ++kill) {
      // An engine that dies is replaced and the reading ends well: the next one needs new work.
      if (victim == static_cast<int>(Victim::kEngine))
        desk.write("code.c", "// edition " + std::to_string(kill) + "\n" + code);
      Interrupted run(desk, ingest);
      run.waitForEngine();
      if (run.waitMs(static_cast<int>(random() % 2000))) {
        EXIT(run.finish(), 0);
        continue;
      }
      if (victim == static_cast<int>(Victim::kApp)) {
        n_hit += run.signalApp(SIGKILL) ? 1 : 0;
        const RunResult killed = run.finish();
        safe = std::max(safe, acknowledgedTokens(killed.err));
      } else {
        const bool hit = run.killEngine();
        n_hit += hit ? 1 : 0;
        const RunResult survived = run.finish();
        EXIT(survived, 0);  // it was started again by itself
      }
    }
    const RunResult last = desk.run(ingest);
    EXIT(last, 0);
    QVERIFY2(last.json()["reused_tokens"].get<std::int64_t>() >= safe,
             (last.out + " safe " + std::to_string(safe)).c_str());
    EXIT(desk.ask("s", "Where is measure_3 defined?"), 0);
    std::printf("%d kills while reading, 0 lost\n", n_hit);
  }

  void aModelShortenedWhileItReadsIsNamedAndNothingSafeIsLost() {
    Desk desk;
    desk.write("code.c", support::madeUpCode(400));
    const std::filesystem::path model = desk.folder() / "model";
    std::filesystem::copy(support::bundledModel(), model, std::filesystem::copy_options::recursive);
    const std::vector<std::string> ingest{"ingest",    desk.source("").string(), "--session", "s",
                                          "--model", model.string()};
    Interrupted first(desk, ingest);
    first.waitForReading();
    for (const auto& file : std::filesystem::directory_iterator(model))
      if (file.path().extension() == ".safetensors") std::filesystem::resize_file(file, 0);
    const RunResult stopped = first.finish();
    EXIT(stopped, 3);
    QCOMPARE(stopped.errorCode(), std::string("corrupt"));
    QVERIFY2(stopped.out.find("model file changed") != std::string::npos, stopped.out.c_str());

    std::filesystem::remove_all(model);
    std::filesystem::copy(support::bundledModel(), model, std::filesystem::copy_options::recursive);
    const RunResult second = desk.run(ingest);
    EXIT(second, 0);
    QVERIFY(second.json()["reused_tokens"].get<std::int64_t>() >= acknowledgedTokens(stopped.err));
    EXIT(desk.ask("s", "Where is measure_3 defined?"), 0);
  }

  void aQueueOfReadingsSurvivesKillsAndGoesOn() {
    std::mt19937_64 random(support::testSeed("kills of a queue"));
    Desk desk;
    const std::vector<std::string> names{"first", "gone", "second", "third"};
    for (const std::string& name : names) {
      desk.write(name + "/code.c", "// " + name + "\n" + support::madeUpCode(150));
      EXIT(desk.run({"ingest", desk.source(name).string(), "--session", name, "--later"}), 0);
    }
    std::filesystem::remove_all(desk.source("gone"));
    const auto unfinished = [&] {
      std::vector<std::string> found;
      const Json sessions = desk.run({"sessions"}).json()["sessions"];
      for (const Json& session : sessions)
        if (session.contains("job")) found.push_back(session["name"]);
      return found;
    };
    QCOMPARE(unfinished().size(), names.size());
    int n_killed = 0;
    for (int kill = 0; kill < kKills; ++kill) {
      Interrupted run(desk, {"ingest"});
      run.waitForEngine();
      if (!run.waitMs(static_cast<int>(random() % 700)))
        n_killed += (random() % 2 == 0 ? run.signalApp(SIGKILL) : run.signalApp(SIGINT)) ? 1 : 0;
      run.finish();
    }
    const std::size_t n_left = unfinished().size();
    const RunResult last = desk.run({"ingest"});
    QVERIFY2(last.code == 0 || last.code == 1, (last.out + last.err).c_str());
    QVERIFY(last.json()["readings"].size() == n_left);
    QVERIFY(unfinished().empty());
    for (const std::string& name : names) {
      if (name == "gone") continue;
      const RunResult again = desk.run({"ingest", "--session", name});
      EXIT(again, 0);
      QCOMPARE(again.json()["prefilled_tokens"].get<int>(), 0);
      QVERIFY(again.json()["context_tokens"].get<int>() > 2048);
    }
    EXIT(desk.run({"ingest"}), 0);  // nothing is left to do
    std::printf("%d kills of a queue of %zu readings, 0 lost\n", n_killed, names.size());
  }

  void killedWhileAnsweringNoAnswerThatWasGivenIsLost_data() {
    killedWhileReadingNothingSafeIsLost_data();
  }
  void killedWhileAnsweringNoAnswerThatWasGivenIsLost() {
    QFETCH(int, victim);
    std::mt19937_64 random(support::testSeed("kills while answering"));
    Desk desk;
    desk.write("code.c", support::madeUpCode(12));
    EXIT(desk.ingest("s"), 0);
    std::vector<std::string> given;  // questions whose answer was shown
    int n_hit = 0;
    for (int kill = 0; kill < kKills; ++kill) {
      const std::string question = "Where is measure_" + std::to_string(kill) + " defined?";
      Interrupted run(desk, {"ask", "--session", "s", question});
      RunResult result;
      run.waitForEngine();
      if (!run.waitMs(static_cast<int>(random() % 150))) {
        if (victim == static_cast<int>(Victim::kApp))
          n_hit += run.signalApp(SIGKILL) ? 1 : 0;
        else
          n_hit += run.killEngine() ? 1 : 0;
      }
      result = run.finish();
      if (victim == static_cast<int>(Victim::kEngine)) EXIT(result, 0);
      if (result.code == 0) given.push_back(question);
    }
    EXIT(desk.ask("s", "Where is measure_11 defined?"), 0);
    given.push_back("Where is measure_11 defined?");

    const Json exported = desk.run({"export", "s"}).json();
    std::size_t at = 0;
    bool answered = false;
    for (const Json& message : exported["messages"]) {
      if (message["role"] == "user") answered = at < given.size() && message["text"] == given[at];
      if (message["role"] == "assistant" && answered) {
        QVERIFY(message["complete"].get<bool>());
        ++at;
        answered = false;
      }
    }
    QCOMPARE(at, given.size());
    std::printf("%d kills while answering, 0 lost\n", n_hit);
  }

  // A new branch, its question and the place for its answer come together.
  void killedWhileAskingOnABranchThereIsNoEmptyOne() {
    std::mt19937_64 random(support::testSeed("kills while branching"));
    Desk desk;
    desk.write("code.c", support::madeUpCode(12));
    EXIT(desk.ingest("s"), 0);
    EXIT(desk.ask("s", "Where is measure_1 defined?"), 0);
    int n_hit = 0;
    for (int kill = 0; kill < 2 * kKills; ++kill) {
      Interrupted run(desk, {"ask", "--session", "s", "--edit", "Where is measure_2 defined?"});
      run.waitForEngine();
      // Most of the way is the loading of the model; the branch is made right behind it.
      if (!run.waitMs(50 + static_cast<int>(random() % 300)))
        n_hit += run.signalApp(SIGKILL) ? 1 : 0;
      run.finish();
    }
    const Json exported = desk.run({"export", "s"}).json();
    const Json& messages = exported["messages"];
    for (const Json& branch : exported["branches"]) {
      const int head = branch["head"];
      QVERIFY(head >= 0 && messages[static_cast<std::size_t>(head)]["role"] == "assistant");
      QVERIFY(branch["parent"] == -1 || branch["fork"] != branch["head"]);
    }
    std::printf("%d kills while branching, %zu branches, none empty\n", n_hit,
                exported["branches"].size());
  }

  void aSecondLecternIsToldThatTheFolderIsTaken() {
    Desk desk;
    desk.write("code.c", support::madeUpCode(400));
    Interrupted first(desk, {"ingest", desk.source("").string(), "--session", "s"});
    first.waitForReading();
    const RunResult second = desk.run({"sessions"});
    EXIT(second, 3);
    QCOMPARE(second.errorCode(), std::string("busy"));
    QVERIFY(first.signalApp(SIGINT));
    EXIT(first.finish(), 4);
  }
};

LECTERN_TEST(CrashTest)
#include "crash_test.moc"
