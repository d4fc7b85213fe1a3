#include <random>
#include <vector>

#include "tests/ingest/folder_fixture.h"
#include "tests/ingest/walked_folder.h"
#include "tests/support/golden.h"
#include "tests/support/test_main.h"

namespace {

using namespace support;

// No two names differ in case only: where core.ignoreCase is set on a file system that tells them
// apart, git leaves one of them out of its list.
// A tree of few names and patterns over the same names, so that patterns often match.
class RandomTree {
 public:
  explicit RandomTree(std::uint32_t seed) : random_(seed) {}

  void fill(const FolderFixture& folder) {
    folder.git({"init", "-q"});
    if (below(4) == 0) folder.git({"config", "core.ignoreCase", "true"});
    for (int i = 0; i < 80; ++i) addFile(folder, path());
    folder.write(".git/info/exclude", patterns(below(3)));
    addFile(folder, ".gitignore", patterns(1 + below(6)));
    for (int i = 0; i < 3; ++i) addFile(folder, path() + "/../.gitignore", patterns(1 + below(4)));
    const int n_tracked = static_cast<int>(below(6));
    for (int i = 0; i < n_tracked; ++i)
      if (fs::exists(folder.at(files_[below(files_.size())])))
        folder.git({"add", "-f", "--", QString::fromStdString(files_[below(files_.size())])});
  }

 private:
  std::size_t below(std::size_t n) { return random_() % n; }

  std::string name() {
    static const char* const kNames[] = {"a", "b", "ab", "abc", "Cc", "a.c", "b.c", "a.o", "x y",
                                         "foo", "foobar", "bar", "a[b]", "!a", "#b", "a\\b",
                                         "end "};
    return kNames[below(std::size(kNames))];
  }
  std::string path() {
    std::string path = name();
    for (std::size_t depth = below(4); depth > 0; --depth) path.append("/").append(name());
    return path;
  }
  std::string pattern() {
    static const char* const kParts[] = {
        "*",   "**",  "?",    "[ab]",  "[!a]", "[a-c]", "[^b]*", "*.c",     "a*",  "*b",
        "a?c", "***", "a**b", "\\a",   "[]a]", "[a",    "\\",    "[[:alpha:]]", "f**", "fo*r",
        "**b", "a**", "[a-", "[[:no:]]", "[C]*", "[^C]*", "[A-D]*",
        "[[:upper:]]*", "[^[:lower:]]", "*.[co]", "foo", "bar", "a", "b", "ab"};
    std::string text;
    if (below(5) == 0) text += '!';
    if (below(4) == 0) text += '/';
    const std::size_t n_parts = 1 + below(3);
    for (std::size_t i = 0; i < n_parts; ++i) {
      if (i > 0) text += '/';
      text += below(3) == 0 ? name() : kParts[below(std::size(kParts))];
      if (below(6) == 0) text += kParts[below(std::size(kParts))];
    }
    if (below(4) == 0) text += '/';
    if (below(12) == 0) text += "  ";
    if (below(12) == 0) text += '\r';
    return text;
  }
  std::string patterns(std::size_t n) {
    std::string text = below(8) == 0 ? "\xEF\xBB\xBF" : "";
    for (std::size_t i = 0; i < n; ++i) text += pattern() + '\n';
    if (below(4) == 0 && !text.empty()) text.pop_back();
    return text;
  }
  // Some of the paths need a folder where a file is already: those are left out.
  void addFile(const FolderFixture& folder, const std::string& relative,
               const std::string& text = "t\n") {
    std::error_code error;
    fs::create_directories(folder.at(relative).parent_path(), error);
    if (error || fs::is_directory(folder.at(relative))) return;
    std::ofstream(folder.at(relative), std::ios::binary) << text;
    files_.push_back(relative);
  }

  std::mt19937 random_;
  std::vector<std::string> files_;
};

}  // namespace

class GitListsTest : public QObject {
  Q_OBJECT

 private slots:
  void initTestCase() { home_ = std::make_unique<HomeFixture>(); }

  void listsEqualGitsInEveryGoldenCase() {
    REQUIRE_GOLDEN(script, "git/make_git_cases.sh");
    FolderFixture cases;
    QProcess make;
    make.start("bash", {QString::fromStdString(script.string()),
                        QString::fromStdString(cases.root().string())});
    QVERIFY(make.waitForFinished(120'000));
    QVERIFY2(make.exitCode() == 0, make.readAllStandardError().constData());

    int n_cases = 0;
    for (const auto& list : fs::directory_iterator(cases.at("expected"))) {
      const std::string name = list.path().stem();
      if (list.path().extension() != ".lst" || name.ends_with(".tracked")) continue;
      const fs::path root = cases.at("repos/" + name);
      const WalkedSource walked = walk(root);
      const auto got = listedByWalk(walked, root), expected = splitAtNul(readAll(list.path()));
      QVERIFY2(got == expected, qPrintable(QString::fromStdString(name) + ": " +
                                           difference(got, expected)));
      QVERIFY2(brokenPromise(walked).isEmpty(), qPrintable(brokenPromise(walked)));
      QVERIFY2(uncoveredPath(walked, root).isEmpty(), qPrintable(uncoveredPath(walked, root)));
      QVERIFY2(walked.git, name.c_str());
      ++n_cases;
    }
    QVERIFY(n_cases >= 40);
    for (const auto& entry : fs::recursive_directory_iterator(cases.at("repos")))
      QVERIFY2(entry.path().filename() != "PWNED", entry.path().c_str());
    qInfo("%d cases, 0 differ", n_cases);
  }

  void randomRulesAnswerAsGitDoes() {
    const char* given = std::getenv("LECTERN_SEED");
    const std::uint32_t seed =
        given ? static_cast<std::uint32_t>(std::atoll(given)) : std::random_device()();
    const int n_rounds = given ? 1 : 40;
    std::size_t n_ignored = 0, n_listed = 0;
    for (int round = 0; round < n_rounds; ++round) {
      const std::uint32_t round_seed = seed + static_cast<std::uint32_t>(round);
      FolderFixture folder;
      RandomTree(round_seed).fill(folder);
      const WalkedSource walked = walk(folder.root());
      const auto got = listedByWalk(walked, folder.root());
      const auto expected =
          splitAtNul(folder.git({"ls-files", "-co", "--exclude-standard", "-z"}));
      QVERIFY2(got == expected, qPrintable(QString("LECTERN_SEED=%1: %2").arg(round_seed).arg(
                                    difference(got, expected))));
      QVERIFY2(uncoveredPath(walked, folder.root()).isEmpty(),
               qPrintable(QString("LECTERN_SEED=%1: %2").arg(round_seed).arg(
                   uncoveredPath(walked, folder.root()))));
      n_listed += got.size();
      n_ignored += walked.files.size() - got.size();
    }
    QVERIFY(given || (n_ignored > 50 && n_listed > 200));
    qInfo("seed %u: %d trees, %zu paths listed, %zu ignored, 0 differ", seed, n_rounds, n_listed,
          n_ignored);
  }

 private:
  std::unique_ptr<HomeFixture> home_;
};

LECTERN_TEST(GitListsTest)
#include "git_lists_test.moc"
