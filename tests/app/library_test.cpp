// The library of sessions as users and scripts see it: branches, what is read again and what is
// not, sizes, the budget, search, and deletion that leaves nothing.
#include <algorithm>
#include <fstream>
#include <random>

#include <QProcess>
#include <QTest>

#include "tests/app/lectern_run.h"
#include "tests/support/test_main.h"

using engine::Json;
using support::Desk;
using support::RunResult;

namespace {

std::int64_t usage(const RunResult& asked, const char* field) {
  return asked.json()["usage"].value(field, std::int64_t{-1});
}

Json session(const Desk& desk, const std::string& name) {
  return desk.run({"sessions", name}).json();
}

// In pieces: what this process holds at most counts as memory of the programs it starts.
bool holds(const std::filesystem::path& file, const std::string& bytes) {
  std::ifstream in(file, std::ios::binary);
  std::string piece, fresh(1 << 20, '\0');
  while (in.read(fresh.data(), static_cast<std::streamsize>(fresh.size())), in.gcount() > 0) {
    piece.append(fresh, 0, static_cast<std::size_t>(in.gcount()));
    if (piece.find(bytes) != std::string::npos) return true;
    piece.erase(0, piece.size() - std::min(piece.size(), bytes.size() - 1));
  }
  return false;
}

// Every file below the data folder that holds the bytes.
std::string filesWith(const Desk& desk, const std::string& bytes) {
  std::string found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(desk.data()))
    if (entry.is_regular_file() && holds(entry.path(), bytes))
      found += entry.path().filename().string() + " ";
  return found;
}

constexpr std::int64_t kBlockTokens = 2048;

}  // namespace

class LibraryTest : public QObject {
  Q_OBJECT
 private slots:
  void anyTurnCanBeGoneOnFromWithoutReadingAnythingTwice() {
    Desk desk;
    desk.write("code.c", support::madeUpCode(60));
    EXIT(desk.ingest("s"), 0);
    std::vector<std::int64_t> ends;  // of the context, after each turn
    for (int n = 1; n <= 3; ++n) {
      const RunResult asked = desk.ask("s", "Where is measure_" + std::to_string(n) + " defined?");
      EXIT(asked, 0);
      ends.push_back(usage(asked, "context_tokens") + usage(asked, "decode_tokens"));
    }
    const auto before = session(desk, "s");
    const auto n_first =
        usage(desk.run({"ask", "--session", "s", "--after", "0", "Why?"}), "reused_tokens");
    QVERIFY(n_first > 0 && n_first < ends[0]);
    for (int n = 1; n <= 2; ++n) {
      EXIT(desk.run({"branch", "s", "--switch", before["branches"] == 1 ? "1" : "none"}), 0);
      const RunResult asked =
          desk.run({"ask", "--session", "s", "--after", std::to_string(n), "What is measure_7?"});
      EXIT(asked, 0);
      // All but the end token of the turn, which is not evaluated before the next question.
      QVERIFY2(usage(asked, "reused_tokens") >= ends[static_cast<std::size_t>(n) - 1],
               asked.out.c_str());
      QVERIFY(usage(asked, "prefilled_tokens") < 40);
    }
    // A turn is a boundary state, not a copy of the context.
    const auto n_bytes = desk.run({"sessions"}).json()["snapshots"]["payload_bytes"].get<double>();
    const auto after = session(desk, "s");
    QCOMPARE(after["branches"].get<int>(), 4);
    QVERIFY2(n_bytes < 6 * 2e6 + before["logical_bytes"].get<double>(),
             std::to_string(n_bytes).c_str());
  }

  void branchesAreListedChosenCutAndRemoved() {
    Desk desk;
    desk.write("a.txt", "The serial number of the copper lantern is 58213.\n");
    EXIT(desk.ingest("s"), 0);
    EXIT(desk.ask("s", "What is the serial number?"), 0);
    EXIT(desk.ask("s", "Is the lantern copper?"), 0);
    const RunResult made = desk.run({"branch", "s", "--new", "aside", "--at", "1"});
    EXIT(made, 0);
    const Json branches = made.json()["branches"];
    QCOMPARE(branches.size(), std::size_t{2});
    QVERIFY(branches[1]["active"].get<bool>());
    QCOMPARE(branches[1]["turns"].size(), std::size_t{1});
    QCOMPARE(branches[1]["shared_turns"].get<int>(), 1);
    EXIT(desk.run({"ask", "--session", "s", "--edit", "Which number?"}), 0);  // instead of turn 1
    Json lines = desk.run({"branch", "s"}).json()["branches"];
    QCOMPARE(lines.size(), std::size_t{3});
    QCOMPARE(lines[2]["turns"][0]["question"].get<std::string>(), std::string("Which number?"));
    QCOMPARE(desk.run({"branch", "s", "--remove", lines[2]["id"].dump()}).errorCode(),
             std::string("invalid_input"));  // it is the active one
    EXIT(desk.run({"branch", "s", "--switch", "1", "--remove", lines[2]["id"].dump()}), 0);
    const RunResult cut = desk.run({"branch", "s", "--rewind", "1"});
    EXIT(cut, 0);
    lines = cut.json()["branches"];
    QCOMPARE(lines.size(), std::size_t{2});
    QVERIFY(lines[0]["active"].get<bool>());
    QCOMPARE(lines[0]["turns"].size(), std::size_t{1});
    QCOMPARE(filesWith(desk, "Is the lantern copper?"), std::string());  // nobody holds it
    QCOMPARE(desk.run({"branch", "s", "--rewind", "9"}).errorCode(), std::string("not_found"));
    QCOMPARE(desk.run({"branch", "s", "--switch", "nowhere"}).errorCode(),
             std::string("not_found"));
    QCOMPARE(desk.run({"branch", "s", "--new", "aside"}).errorCode(), std::string("busy"));
  }

  void aChangedFileCostsOnlyWhatFollowsIt() {
    Desk desk;
    desk.write("a.c", support::madeUpCode(300));
    desk.write("z.c", "int last = 1;\n");
    const RunResult first = desk.ingest("s");
    EXIT(first, 0);
    const auto n_context = first.json()["context_tokens"].get<std::int64_t>();
    QVERIFY(n_context > 3 * kBlockTokens);
    QCOMPARE(first.json()["reused_tokens"].get<std::int64_t>(), 0);

    const RunResult same = desk.ingest("s");  // reopened, nothing changed
    QCOMPARE(same.json()["prefilled_tokens"].get<std::int64_t>(), 0);
    desk.write("z.c", "int last = 2;\n");
    const RunResult end = desk.ingest("s");
    EXIT(end, 0);
    QVERIFY2(end.json()["reused_tokens"].get<std::int64_t>() >= n_context - kBlockTokens - 64,
             end.out.c_str());
    // Another session over the same files reads nothing again.
    const RunResult other = desk.ingest("other");
    EXIT(other, 0);
    QCOMPARE(other.json()["prefilled_tokens"].get<std::int64_t>(), 0);
    const Json sizes = session(desk, "other");
    QVERIFY(sizes["shared_bytes"].get<std::int64_t>() > 0);
    QCOMPARE(sizes["logical_bytes"].get<std::int64_t>(),
             sizes["shared_bytes"].get<std::int64_t>() + sizes["unique_bytes"].get<std::int64_t>());
    // In front of everything: all of it is read again, and usage says so.
    desk.write("a.c", "// new\n" + support::madeUpCode(300));
    const RunResult front = desk.ingest("s");
    EXIT(front, 0);
    QVERIFY(front.json()["reused_tokens"].get<std::int64_t>() < kBlockTokens);
  }

  // What a change costs is said before it is paid, and nothing is stored by saying it.
  void changesAreToldWithTheirCost() {
    Desk desk;
    desk.write("a.c", support::madeUpCode(400));
    desk.write("b.c", "int second = 1;\n");
    desk.write("c.c", "int third = 1;\n");
    const std::vector<std::string> ask_first = {"ingest", "--session", "s", "--dry-run"};
    QCOMPARE(desk.run(ask_first).errorCode(), std::string("not_found"));
    const RunResult first = desk.ingest("s");
    EXIT(first, 0);
    const auto n_before = first.json()["context_tokens"].get<std::int64_t>();
    const RunResult same = desk.run(ask_first);
    EXIT(same, 0);
    QVERIFY(same.json()["changes"].empty());
    QCOMPARE(same.json()["kept_tokens"].get<std::int64_t>(), n_before);
    QCOMPARE(same.json()["read_tokens"].get<std::int64_t>(), 0);

    desk.write("b.c", "int second = 2;\nint more;\n");
    desk.write("d.c", "int fourth;\n");
    std::filesystem::remove(desk.source("c.c"));
    const RunResult told = desk.run(ask_first);
    EXIT(told, 0);
    const Json report = told.json();
    const Json expected = {{{"path", "source/b.c"}, {"change", "changed"}},
                           {{"path", "source/d.c"}, {"change", "added"}},
                           {{"path", "source/c.c"}, {"change", "removed"}}};
    QVERIFY2(report["changes"] == expected, told.out.c_str());
    const auto n_kept = report["kept_tokens"].get<std::int64_t>();
    QVERIFY2(n_kept > 2 * kBlockTokens && n_kept < n_before, told.out.c_str());
    QVERIFY(desk.run({"sessions", "s"}).json()["context_tokens"] == n_before);

    const RunResult again = desk.run({"ingest", "--session", "s"});
    EXIT(again, 0);
    QVERIFY(again.json()["context_tokens"] == report["context_tokens"]);
    const auto n_reused = again.json()["reused_tokens"].get<std::int64_t>();
    QVERIFY2(n_reused >= n_kept && n_reused <= n_before, again.out.c_str());

    // Two blocks before the end: the state four blocks before it was kept for this.
    std::string code = support::madeUpCode(400);
    code.insert(code.find('\n', code.size() * 8 / 10) + 1, "int inserted;\n");
    desk.write("a.c", code);
    const RunResult middle = desk.run(ask_first);
    EXIT(middle, 0);
    const auto n_foreseen = middle.json()["kept_tokens"].get<std::int64_t>();
    QVERIFY2(n_foreseen > 2 * kBlockTokens, middle.out.c_str());
    const RunResult paid = desk.run({"ingest", "--session", "s"});
    EXIT(paid, 0);
    QCOMPARE(paid.json()["reused_tokens"].get<std::int64_t>(), n_foreseen);
  }

  // However a tree was changed, reading it again makes the context that a fresh reading makes.
  void randomEditsMakeTheSameContextAsAFreshReading() {
    const QByteArray count = qgetenv("LECTERN_EDITS");
    const int n_edits = count.isEmpty() ? 6 : count.toInt();
    std::mt19937_64 random(support::testSeed("random edits"));
    Desk desk;
    // The program's own sources, with git deciding what is read and in which order.
    const std::filesystem::path root = desk.source("");
    std::filesystem::create_directories(root);
    std::filesystem::copy(std::filesystem::path(LECTERN_SOURCE_DIR) / "engine" / "base", root,
                          std::filesystem::copy_options::recursive);
    const auto git = [&](const QStringList& arguments) {
      QProcess process;
      process.setWorkingDirectory(QString::fromStdString(root.string()));
      process.start("git", QStringList{"-c", "user.name=t", "-c", "user.email=t@example.invalid"} +
                               arguments);
      if (!process.waitForFinished(60'000) || process.exitCode() != 0)
        qFatal("git %s", qPrintable(arguments.join(' ')));
    };
    git({"init", "-q"});
    git({"add", "-A"});
    git({"commit", "-q", "-m", "first"});
    EXIT(desk.ingest("edited"), 0);
    for (int edit = 0; edit < n_edits; ++edit) {
      std::vector<std::filesystem::path> files;
      for (const auto& entry : std::filesystem::recursive_directory_iterator(root))
        if (entry.is_regular_file() && entry.path().string().find("/.git/") == std::string::npos)
          files.push_back(entry.path());
      std::sort(files.begin(), files.end());
      const auto file = files[random() % files.size()];
      const std::string line = "// edit " + std::to_string(random()) + "\n";
      switch (random() % 7) {
        case 0: std::filesystem::remove(file); break;
        case 1: std::filesystem::rename(file, file.string() + "_moved.h"); break;
        case 2: desk.write("new/file" + std::to_string(edit) + ".md", "# New\n" + line); break;
        case 3: desk.write(".gitignore", "*" + file.extension().string() + "\n"); break;
        case 4: git({"add", "-A"}); git({"commit", "-q", "--allow-empty", "-m", "next"}); break;
        default: {
          std::string text = support::readFile(file);
          const std::size_t at = text.find('\n', random() % (text.size() + 1));
          text.insert(at == std::string::npos ? text.size() : at + 1, line);
          std::ofstream(file, std::ios::binary) << text;
        }
      }
      if (edit % 5 == 4) std::filesystem::remove(root / ".gitignore");
      const RunResult again = desk.run({"ingest", "--session", "edited"});
      EXIT(again, 0);
      // What is stored is found by its tokens: one that differed would have to be read.
      const RunResult fresh = desk.ingest("fresh " + std::to_string(edit));
      EXIT(fresh, 0);
      QVERIFY(fresh.json()["context_tokens"] == again.json()["context_tokens"]);
      QVERIFY2(fresh.json()["prefilled_tokens"] == 0, fresh.out.c_str());
    }
  }

  void resumingIsForeseenFromWhatWasMeasured() {
    Desk desk;
    desk.write("a.c", support::madeUpCode(40));
    EXIT(desk.ingest("s"), 0);
    QVERIFY(!session(desk, "s")["resume"]["measured"].get<bool>());
    EXIT(desk.ask("s", "Where is measure_3 defined?"), 0);
    const Json resume = session(desk, "s")["resume"];
    QCOMPARE(resume["from"].get<std::string>(), std::string("snapshot"));
    QVERIFY(resume["measured"].get<bool>());
    QVERIFY(resume["seconds"][0].get<double>() > 0);
    QVERIFY(resume["seconds"][0].get<double>() < resume["seconds"][1].get<double>());
  }

  void theBudgetTakesTheSnapshotUsedLongestAgoAndNoText() {
    Desk desk;
    for (const char* name : {"old", "pinned", "new"}) {
      std::filesystem::remove_all(desk.source(""));
      desk.write("code.c", "// " + std::string(name) + "\n" + support::madeUpCode(40));
      EXIT(desk.ingest(name), 0);
      if (std::string(name) == "pinned") EXIT(desk.run({"sessions", "pinned", "--pin"}), 0);
    }
    const auto n_one = session(desk, "new")["logical_bytes"].get<std::int64_t>();
    EXIT(desk.run({"sessions", "--budget", std::to_string(2 * n_one + n_one / 2)}), 0);
    QCOMPARE(session(desk, "old")["snapshot"].get<std::string>(), std::string("none"));
    QCOMPARE(session(desk, "old")["resume"]["from"].get<std::string>(), std::string("read_again"));
    QCOMPARE(session(desk, "new")["snapshot"].get<std::string>(), std::string("whole"));
    // Only the pinned one stays, whatever its size.
    EXIT(desk.run({"sessions", "--budget", "1000"}), 0);
    QCOMPARE(session(desk, "new")["snapshot"].get<std::string>(), std::string("none"));
    QCOMPARE(session(desk, "pinned")["snapshot"].get<std::string>(), std::string("whole"));
    const RunResult asked = desk.ask("old", "Where is measure_3 defined?");
    EXIT(asked, 0);
    QVERIFY(!asked.json()["citations"].empty());
    QVERIFY(session(desk, "old")["snapshot"] == "whole");  // the one in use stays
    const Json snapshots = desk.run({"sessions", "--budget", "default"}).json()["snapshots"];
    QVERIFY(snapshots["budget_bytes"].get<std::int64_t>() > 1000);
  }

  void wordsAreFoundInAllSessionsOrWhereTheFiltersSay() {
    Desk desk;
    desk.write("a.txt", "The serial number of the copper lantern is 58213.\n");
    EXIT(desk.ingest("one"), 0);
    EXIT(desk.ingest("two"), 0);
    EXIT(desk.ask("one", "What is the serial number of the copper lantern?"), 0);
    EXIT(desk.ask("two", "Is the lantern made of copper?"), 0);
    EXIT(desk.run({"sessions", "two", "--title", "About metals", "--move", "study"}), 0);
    const auto hits = [&](std::vector<std::string> arguments) {
      arguments.insert(arguments.begin(), "search");
      return desk.run(arguments).json()["hits"];
    };
    QVERIFY(hits({"copper", "lantern"}).size() >= 2);
    QCOMPARE(hits({"metal"}).size(), std::size_t{1});
    QVERIFY(hits({"metal"})[0]["kind"] == "title");
    QCOMPARE(hits({"--role", "user", "lant"}).size(), std::size_t{2});
    QCOMPARE(hits({"--role", "user", "--session", "one", "lant"}).size(), std::size_t{1});
    QCOMPARE(hits({"--role", "user", "--workspace", "study", "lant"}).size(), std::size_t{1});
    QVERIFY(hits({"--before", "2001-01-01", "lantern"}).empty());
    QVERIFY(!hits({"--since", "2001-01-01", "lantern"}).empty());
    EXIT(desk.run({"sessions", "two", "--archive"}), 0);
    QVERIFY(hits({"metals"}).empty());
    QCOMPARE(hits({"--archived", "metals"}).size(), std::size_t{1});
    EXIT(desk.run({"search", "xylophone"}), 1);
    QCOMPARE(desk.run({"search", "--since", "2026-02-31", "a"}).errorCode(),
             std::string("invalid_input"));
    QCOMPARE(desk.run({"search", "--workspace", "none", "a"}).errorCode(),
             std::string("not_found"));
  }

  void deletingLeavesNothingInAnyFile() {
    Desk desk;
    desk.write("kept.txt", "Nothing here is secret.\n");
    EXIT(desk.ingest("kept"), 0);
    EXIT(desk.ask("kept", "Is anything secret?"), 0);
    const auto n_before = desk.run({"sessions"}).json()["snapshots"];
    desk.write("qqname.c", "int qqvariable = 77;\n" + support::madeUpCode(60));
    EXIT(desk.ingest("qqsession"), 0);
    EXIT(desk.run({"sessions", "qqsession", "--title", "qqtitle"}), 0);
    EXIT(desk.ask("qqsession", "What is qqvariable in qqname.c?"), 0);
    EXIT(desk.run({"branch", "qqsession", "--new", "qqbranch", "--at", "0"}), 0);
    EXIT(desk.ask("qqsession", "Where does qqother stand?"), 0);
    const std::vector<std::string> words{"qqname",   "qqvariable", "qqsession", "qqtitle",
                                         "qqbranch", "qqother",    "measure_17"};
    for (const std::string& word : words) QVERIFY2(!filesWith(desk, word).empty(), word.c_str());
    // Some bytes of its blocks, to be looked for.
    const std::string blocks = support::readFile(desk.data() / "snapshots.db");

    EXIT(desk.run({"delete", "qqsession"}), 0);
    for (const std::string& word : words)
      QVERIFY2(filesWith(desk, word).empty(), (word + " in " + filesWith(desk, word)).c_str());
    const auto n_after = desk.run({"sessions"}).json()["snapshots"];
    QVERIFY(n_after["payload_bytes"] == n_before["payload_bytes"]);
    // No page of the larger file that held payload is left but those of the kept session.
    const std::string left = support::readFile(desk.data() / "snapshots.db");
    QVERIFY(left.size() < blocks.size());
    constexpr std::size_t kPage = 16384, kProbe = 64;
    std::size_t n_gone = 0, n_same = 0;
    for (std::size_t at = left.size() - left.size() % kPage; at + kPage <= blocks.size();
         at += kPage) {
      const std::string probe = blocks.substr(at + kPage / 2, kProbe);
      if (probe.find_first_not_of(probe[0]) == std::string::npos) continue;  // nothing in it
      ++(left.find(probe) == std::string::npos ? n_gone : n_same);
    }
    QVERIFY(n_gone > 0);
    QCOMPARE(n_same, std::size_t{0});
    EXIT(desk.ask("kept", "Is anything secret here?"), 0);
  }

  void aReadingIsOneJobHoweverOftenItIsGoneOnWith() {
    Desk desk;
    desk.write("a.c", support::madeUpCode(40));
    EXIT(desk.run({"ingest", desk.source("").string(), "--session", "s", "--later"}), 0);
    EXIT(desk.run({"ingest", desk.source("").string(), "--session", "s", "--later"}), 0);
    QCOMPARE(session(desk, "s")["job"]["state"].get<std::string>(), std::string("queued"));
    QCOMPARE(desk.ask("s", "Anything?").errorCode(), std::string("invalid_input"));
    const RunResult read = desk.run({"ingest"});
    EXIT(read, 0);
    QCOMPARE(read.json()["readings"].size(), std::size_t{1});
    QVERIFY(!session(desk, "s").contains("job"));
    EXIT(desk.ask("s", "Where is measure_3 defined?"), 0);
    QCOMPARE(desk.run({"ingest", "--session", "none", "--later"}).errorCode(),
             std::string("invalid_input"));
    QCOMPARE(desk.run({"ingest", "/nowhere", "--session", "x", "--later"}).errorCode(),
             std::string("not_found"));
  }

  void aFolderOfANewerLecternIsLookedAtAndLeftAlone() {
    Desk desk;
    desk.write("a.txt", "The serial number of the copper lantern is 58213.\n");
    EXIT(desk.ingest("s"), 0);
    EXIT(desk.ask("s", "What is the serial number of the copper lantern?"), 0);
    const auto file = desk.data() / "session.db";
    // user_version stands big-endian at byte 60 of the header.
    std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
    stream.seekp(62);
    stream.put('\x70');
    stream.close();
    const std::string bytes = support::readFile(file);
    const RunResult listed = desk.run({"sessions"});
    EXIT(listed, 0);
    QVERIFY(listed.err.find("read-only") != std::string::npos);
    QCOMPARE(listed.json()["sessions"].size(), std::size_t{1});
    EXIT(desk.run({"search", "lantern"}), 0);
    EXIT(desk.run({"branch", "s"}), 0);
    EXIT(desk.run({"export", "s"}), 0);
    QCOMPARE(desk.ask("s", "Anything?").errorCode(), std::string("mismatch"));
    QCOMPARE(desk.run({"delete", "s"}).errorCode(), std::string("mismatch"));
    QVERIFY(support::readFile(file) == bytes);
  }
};

LECTERN_TEST(LibraryTest)
#include "library_test.moc"
