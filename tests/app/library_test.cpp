// The library of sessions as users and scripts see it: branches, what is read again and what is
// not, sizes, the budget, search, and deletion that leaves nothing.
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
