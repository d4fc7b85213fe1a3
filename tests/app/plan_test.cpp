// What would be read, with what the user chooses, and what it costs: by the real program.
#include <QProcess>
#include <QTest>
#include <map>
#include <string>

#include "tests/app/lectern_run.h"
#include "tests/support/test_main.h"

using engine::Json;
using support::Desk;
using support::lectern;
using support::RunResult;

namespace {

// "read" or the reason, by path; what is read with a remark as "read, remark".
std::map<std::string, std::string> decisions(const RunResult& run) {
  std::map<std::string, std::string> decided;
  const Json answer = run.json();
  for (const Json& file : answer["files"]) {
    const auto reason = file["reason"].get<std::string>();
    const bool read = file["decision"] == "read";
    decided[file["path"]] = !read ? reason : reason.empty() ? "read" : "read, " + reason;
  }
  return decided;
}

const std::string kToken =
    "glpat-"
    "x7RkQ2mVb9TzLw4HdNcP";

void fill(const Desk& desk) {
  desk.write("main.py", "print('hello')\n");
  desk.write("deploy.py", "login('" + kToken + "')\n");
  desk.write("late.txt", std::string(100'000, '\n') + kToken + "\n");
  desk.write("vendor/lib.c", "int lib;\n");
  const std::string licence(400, 'L');
  desk.write("LICENCE", licence);
  desk.write("docs/LICENCE", licence);
  desk.write("notes/private.md", "# Mine\n");
  desk.write(".lecternignore", "notes/\n");
}

}  // namespace

class PlanTest : public QObject {
  Q_OBJECT
 private slots:
  // Rarely changed first, what git does not know last; edits without a commit change no place.
  void whatChangesOftenComesLast() {
    Desk desk;
    const auto git = [&](const QStringList& arguments) {
      QProcess process;
      process.setWorkingDirectory(QString::fromStdString(desk.source("").string()));
      process.start("git", QStringList{"-c", "user.name=t", "-c", "user.email=t@example.invalid"} +
                               arguments);
      QVERIFY(process.waitForFinished(60'000) && process.exitCode() == 0);
    };
    const auto order = [&] {
      const Json answer = desk.run({"files", desk.source("").string()}).json();
      std::string paths;
      for (const Json& file : answer["files"]) paths += file["path"].get<std::string>() + " ";
      return paths;
    };
    for (const char* path : {"a_hot.c", "b_warm.c", "c_cold.c", "d_cold.c"})
      desk.write(path, "0\n");
    git({"init", "-q"});
    git({"add", "-A"});
    git({"commit", "-q", "-m", "first"});
    for (int i = 1; i <= 4; ++i) {
      desk.write("a_hot.c", std::to_string(i) + "\n");
      if (i == 1) desk.write("b_warm.c", "1\n");
      git({"commit", "-q", "-a", "-m", "next"});
    }
    desk.write("a_new.c", "new\n");
    const std::string expected = "c_cold.c d_cold.c b_warm.c a_hot.c a_new.c ";
    QCOMPARE(order(), expected);
    desk.write("c_cold.c", "edited\n");
    QCOMPARE(order(), expected);
  }

  void everyFileHasItsDecision() {
    Desk desk;
    fill(desk);
    const auto decided = decisions(desk.run({"files", desk.source("").string()}));
    const std::map<std::string, std::string> expected = {
        {".lecternignore", "read"}, {"LICENCE", "read"},
        {"deploy.py", "secret"},    {"docs/LICENCE", "duplicate"},
        {"late.txt", "read"},       {"main.py", "read"},
        {"notes/", "excluded"},     {"vendor/lib.c", "read, vendored"}};
    QVERIFY(decided == expected);
    // Behind the part that a plan looks at, it is found when the file is read.
    const auto counted = decisions(desk.run({"files", "--tokens", desk.source("").string()}));
    QCOMPARE(counted.at("late.txt"), std::string("secret"));
  }

  void choicesAreTakenAndNothingSaysTheSecret() {
    Desk desk;
    fill(desk);
    const RunResult chosen = desk.run({"files", desk.source("").string(), "--exclude", "*.txt",
                                       "--without", "vendored", "--allow-secret", "deploy.py"});
    const auto decided = decisions(chosen);
    QCOMPARE(decided.at("late.txt"), std::string("left_out"));
    QCOMPARE(decided.at("vendor/lib.c"), std::string("left_out"));
    QCOMPARE(decided.at("deploy.py"), std::string("read, secret_allowed"));
    QVERIFY(chosen.out.find(kToken) == std::string::npos);
    const auto only =
        decisions(desk.run({"files", desk.source("").string(), "--include", "docs/"}));
    QCOMPARE(only.at("main.py"), std::string("left_out"));
    QCOMPARE(only.at("docs/LICENCE"), std::string("read"));  // the other is not read
    EXIT(lectern({"extract", "--json", desk.source("deploy.py").string()}), 3);
    EXIT(lectern({"extract", "--json", "--allow-secret", desk.source("deploy.py").string()}), 0);
  }

  void theCountIsWhatAnIngestMakes() {
    Desk desk;
    fill(desk);
    desk.write("latin.txt", "na\xEFve caf\xE9, d\xE9j\xE0 vu, \xE0 la carte, cr\xE8me\n");
    desk.write("blob.bin", std::string("\0\1\2\3", 4));
    const RunResult counted = desk.run({"files", "--tokens", desk.source("").string()});
    EXIT(counted, 0);
    const Json answer = counted.json(), totals = answer["totals"];
    std::int64_t n_files = 0;
    for (const Json& file : answer["files"])
      if (file["decision"] == "read") n_files += file["tokens"].get<std::int64_t>();
    QVERIFY(totals["tokens"] == n_files);
    QVERIFY(totals["receipt_tokens"].get<std::int64_t>() > 0);
    QVERIFY(totals["context_tokens"] == n_files + totals["template_tokens"].get<std::int64_t>() +
                                            totals["receipt_tokens"].get<std::int64_t>());
    for (const Json& folder : answer["folders"])
      if (folder["path"] == "source/") QVERIFY(folder["tokens"] == n_files);
    const RunResult read = desk.ingest("counted");
    EXIT(read, 0);
    QVERIFY(read.json()["context_tokens"] == totals["context_tokens"]);
  }

  // What is shortened costs what the plan says, says so in the context, and stays so.
  void outlinesAndNamesAreReadAsPlanned() {
    Desk desk;
    desk.write("full.c", "int full(void) {\n  return 1;\n}\n");
    desk.write("lib/short.c", "int shortened(int a) {\n  return hidden + a;\n}\n");
    desk.write("lib/named.txt", "zebra\n");
    const std::string source = desk.source("").string();
    const RunResult counted =
        desk.run({"files", "--tokens", source, "--outline", "lib/", "--name-only", "*.txt"});
    EXIT(counted, 0);
    const Json plan = counted.json();
    std::map<std::string, std::string> levels;
    for (const Json& file : plan["files"]) {
      levels[file["path"]] = file["detail_level"];
      QVERIFY(file["outline_tokens"] <= file["tokens"] || file["detail_level"] == "name_only");
    }
    const std::map<std::string, std::string> expected = {
        {"full.c", "full"}, {"lib/named.txt", "name_only"}, {"lib/short.c", "outline"}};
    QVERIFY(levels == expected);

    const RunResult read = desk.run({"ingest", source, "--session", "short", "--outline", "lib/",
                                     "--name-only", "*.txt"});
    EXIT(read, 0);
    QVERIFY(read.json()["context_tokens"] == plan["totals"]["context_tokens"]);
    const RunResult again = desk.run({"ingest", "--session", "short"});
    EXIT(again, 0);
    QVERIFY(again.json()["prefilled_tokens"] == 0);

    // A quote can only come from what is shown.
    const RunResult asked = desk.run({"ask", "--session", "short", "Where is hidden?"});
    EXIT(asked, 0);
    const Json answer = asked.json();
    for (const Json& citation : answer["citations"])
      QVERIFY(citation["quote"].get<std::string>().find("hidden") == std::string::npos);
  }

  void whatWasAllowedAndLeftOutStaysSo() {
    Desk desk;
    fill(desk);
    EXIT(desk.run({"ingest", desk.source("").string(), "--session", "kept", "--exclude", "*.c",
                   "--allow-secret", "deploy.py"}),
         0);
    const RunResult again = desk.run({"ingest", "--session", "kept"});
    EXIT(again, 0);
    QVERIFY(again.json()["prefilled_tokens"] == 0);
    std::map<std::string, std::string> reasons;
    const Json report = again.json();
    for (const Json& entry : report["receipt"]) reasons[entry["path"]] = entry["reason"];
    QCOMPARE(reasons["source/deploy.py"], std::string("secret_allowed"));
    QCOMPARE(reasons["source/vendor/lib.c"], std::string("left_out"));
  }
};

LECTERN_TEST(PlanTest)
#include "plan_test.moc"
