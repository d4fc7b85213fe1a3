// How often files change, from a repository's history: what git itself says, and hostile objects.
#include <sys/stat.h>

#include <QTest>
#include <map>
#include <string>

#include "ingest/git_tree.h"
#include "tests/ingest/folder_fixture.h"
#include "tests/ingest/walked_folder.h"
#include "tests/support/test_main.h"

using ingest::GitTree;

namespace {

using Counts = std::map<std::string, int>;

Counts countsOf(const std::filesystem::path& root) {
  const auto tree = GitTree::at(root);
  if (!tree) return {{"no tree", 1}};
  const auto counts = tree->changeCounts({});
  return {counts.begin(), counts.end()};
}

// Commits on the first line of parents that changed each file, the first commit left out.
Counts countsByGit(const FolderFixture& folder) {
  const auto log = folder.git({"log", "--first-parent", "-m", "--no-renames", "--diff-filter=d",
                               "--format=%x01%P", "--name-only", "-z"});
  Counts counts;
  for (std::size_t at = 0; at < log.size();) {
    const std::size_t end = std::min(log.find('\x01', at + 1), log.size());
    const std::string commit = log.substr(at + 1, end - at - 1);
    at = end;
    const std::size_t parents_end = commit.find('\0');
    if (parents_end == 0) continue;  // no parent
    for (std::string path :
         support::splitAtNul(commit.substr(std::min(parents_end, commit.size())))) {
      while (path.starts_with('\n')) path.erase(0, 1);
      if (!path.empty()) ++counts[path];
    }
  }
  return counts;
}

}  // namespace

class GitHistoryTest : public QObject {
  Q_OBJECT

  HomeFixture home_;
  FolderFixture folder_;

  void makeHistory() const {
    folder_.git({"init", "-q", "-b", "main"});
    for (const char* path : {"a.txt", "deep/er/b.txt", "deep/c.txt", "still.txt"})
      folder_.write(path);
    folder_.commitAll();
    for (int i = 0; i < 5; ++i) {
      folder_.write("a.txt", std::to_string(i));
      if (i % 2 == 0) folder_.write("deep/er/b.txt", std::to_string(i));
      folder_.commitAll();
    }
    folder_.git({"checkout", "-q", "-b", "side"});
    for (int i = 0; i < 3; ++i) {
      folder_.write("side.txt", std::to_string(i));
      folder_.commitAll();
    }
    folder_.git({"checkout", "-q", "main"});
    folder_.write("deep/c.txt", "changed\n");
    folder_.commitAll();
    folder_.git({"merge", "-q", "--no-edit", "side"});
    // A folder becomes a file and the other way round.
    std::filesystem::remove_all(folder_.at("deep/er"));
    folder_.write("deep/er", "a file\n");
    std::filesystem::remove(folder_.at("still.txt"));
    folder_.write("still.txt/inside", "a folder\n");
    folder_.commitAll();
  }

 private slots:
  void initTestCase() { makeHistory(); }

  void countsAreThoseOfGit() {
    const Counts counts = countsOf(folder_.root());
    QCOMPARE(counts, countsByGit(folder_));
    QCOMPARE(counts.at("a.txt"), 5);
    QCOMPARE(counts.at("side.txt"), 1);  // one merge, however many commits it brought
    QVERIFY(!counts.contains("still.txt"));
  }

  void aWalkKnowsThemAndWhatIsUntracked() {
    folder_.write("new.txt");
    std::map<std::string, std::pair<int, bool>> seen;
    for (const auto& file : support::walk(folder_.root()).files)
      seen[file.relative] = {file.n_changes, file.untracked};
    QCOMPARE(seen.at("a.txt"), std::pair(5, false));
    QCOMPARE(seen.at("deep/er"), std::pair(1, false));
    QCOMPARE(seen.at("new.txt"), std::pair(0, true));
    // A folder inside the tree is walked by the same history.
    for (const auto& file : support::walk(folder_.at("deep")).files)
      if (file.relative == "c.txt") QCOMPARE(file.n_changes, 1);
  }

  void aHistoryThatCannotBeReadEndsThere() {
    FolderFixture shallow;
    shallow.git({"clone", "-q", "--depth", "3", "file://" + QString::fromStdString(folder_.root()),
                 "copy"});
    const Counts counts = countsOf(shallow.at("copy"));
    QCOMPARE(counts.at("deep/er"), 1);
    QVERIFY(!counts.contains("a.txt"));

    FolderFixture damaged;
    damaged.git({"init", "-q", "."});
    for (int i = 0; i < 3; ++i) {
      damaged.write("a.txt", std::to_string(i));
      damaged.commitAll();
    }
    const auto parent = damaged.git({"rev-parse", "HEAD~1"});
    std::filesystem::remove(
        damaged.at(".git/objects/" + parent.substr(0, 2) + "/" + parent.substr(2, 38)));
    QCOMPARE(countsOf(damaged.root()), Counts());
  }

  void objectsThatAreNoFilesAreNotOpened() {
    FolderFixture hostile;
    hostile.git({"init", "-q", "."});
    for (int i = 0; i < 2; ++i) {
      hostile.write("a.txt", std::to_string(i));
      hostile.commitAll();
    }
    QCOMPARE(countsOf(hostile.root()), (Counts{{"a.txt", 1}}));
    const auto parent = hostile.git({"rev-parse", "HEAD~1"});
    const auto object =
        hostile.at(".git/objects/" + parent.substr(0, 2) + "/" + parent.substr(2, 38));
    std::filesystem::remove(object);
    QCOMPARE(::mkfifo(object.c_str(), 0600), 0);  // to open it would wait for ever
    QCOMPARE(countsOf(hostile.root()), Counts());
  }

  void borrowedObjectsAreNotFollowed() {
    FolderFixture borrower;
    borrower.git({"clone", "-q", "--shared", QString::fromStdString(folder_.root()), "copy"});
    QCOMPARE(countsOf(borrower.at("copy")), Counts());
  }
};

LECTERN_TEST(GitHistoryTest)
#include "git_history_test.moc"
