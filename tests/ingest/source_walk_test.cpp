#include "ingest/source_walk.h"

#include <atomic>
#include <thread>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/ingest/folder_fixture.h"
#include "tests/ingest/walked_folder.h"
#include "tests/support/test_main.h"

namespace {

using namespace support;
using base::DocumentKind;
using base::ErrorCode;
using Decisions = std::map<std::string, std::string>;

void makePipe(const fs::path& path) {
  fs::create_directories(path.parent_path());
  fs::remove(path);
  if (::mkfifo(path.c_str(), 0600) != 0) qFatal("mkfifo %s", path.c_str());
}

}  // namespace

class SourceWalkTest : public QObject {
  Q_OBJECT

 private slots:
  void initTestCase() {
    home_ = std::make_unique<HomeFixture>();
    ::alarm(300);  // a pipe that is waited for must fail the test, not hang it
  }
  void cleanupTestCase() { ::alarm(0); }

  void revisionIsTheCommitOfHead() {
    FolderFixture folder;
    folder.git({"init", "-q"});
    folder.write("a.txt");
    QCOMPARE(walk(folder.root()).revision, std::string());
    folder.commitAll();
    QCOMPARE(walk(folder.root()).revision + "\n", folder.git({"rev-parse", "HEAD"}));
    QVERIFY(walk(folder.root()).git);
  }

  void plainFolderHonoursItsIgnoreFiles() {
    FolderFixture folder;
    folder.write(".gitignore", "*.log\nbuild/\n");
    folder.write("a.log");
    folder.write("a.txt");
    folder.write("build/x.c");
    folder.write("sub/.gitignore", "!a.log\n");
    folder.write("sub/a.log");
    const WalkedSource walked = walk(folder.root());
    QVERIFY(!walked.git);
    QVERIFY(walked.revision.empty());
    QCOMPARE(decisions(walked), (Decisions{{".gitignore", "read"},
                                           {"a.log", "ignored"},
                                           {"a.txt", "read"},
                                           {"build/", "ignored"},
                                           {"sub/.gitignore", "read"},
                                           {"sub/a.log", "read"}}));
  }

  void repositoryInAPlainFolderIsWalkedByItsOwnRules() {
    FolderFixture folder;
    folder.write(".gitignore", "*.txt\n");
    folder.write("one/a.txt");
    folder.write("one/b.priv");
    folder.git({"init", "-q"}, "one");
    folder.write("one/.git/info/exclude", "*.priv\n");
    folder.write("one/kept.priv");
    folder.git({"add", "-f", "kept.priv"}, "one");
    folder.write("c.txt");
    QCOMPARE(decisions(walk(folder.root())), (Decisions{{".gitignore", "read"},
                                                        {"c.txt", "ignored"},
                                                        {"one/a.txt", "read"},
                                                        {"one/b.priv", "ignored"},
                                                        {"one/kept.priv", "read"}}));
  }

  void partOfAWorkTreeObeysTheRulesAboveIt() {
    FolderFixture folder;
    folder.git({"init", "-q"});
    folder.write(".gitignore", "*.log\n/src/lib/top.c\n");
    folder.write("src/.gitignore", "*.gen\n");
    folder.write("src/lib/a.c");
    folder.write("src/lib/a.log");
    folder.write("src/lib/b.gen");
    folder.write("src/lib/tracked.gen");
    folder.write("src/lib/top.c");
    folder.write("src/lib/deep/top.c");
    folder.write("other/gone.c");
    folder.git({"add", "-f", "src/lib/tracked.gen", "other/gone.c"});
    fs::remove(folder.at("other/gone.c"));  // outside of what was chosen
    const WalkedSource walked = walk(folder.at("src/lib"));
    QVERIFY(walked.git);
    QCOMPARE(decisions(walked), (Decisions{{"a.c", "read"},
                                           {"a.log", "ignored"},
                                           {"b.gen", "ignored"},
                                           {"deep/top.c", "read"},
                                           {"top.c", "ignored"},
                                           {"tracked.gen", "read"}}));
  }

  void chosenFolderThatIsIgnoredCountsAsPlain() {
    FolderFixture folder;
    folder.git({"init", "-q"});
    folder.write(".gitignore", "notes/\n");
    folder.write("notes/a.txt");
    folder.write("notes/b/c.txt");
    const WalkedSource walked = walk(folder.at("notes"));
    QVERIFY(!walked.git);
    QCOMPARE(readPaths(walked), (std::set<std::string>{"a.txt", "b/c.txt"}));
  }

  void userWideIgnoreFilesHold() {
    FolderFixture folder;
    folder.git({"init", "-q"});
    folder.write("a.txt");
    folder.write("a.swp");
    folder.write("a.old");
    home_->folder().write(".config/git/ignore", "*.swp\n");
    QCOMPARE(readPaths(walk(folder.root())), (std::set<std::string>{"a.old", "a.txt"}));
    // The configured file replaces the default one; it may be a link, as in many home folders.
    home_->folder().write("dotfiles/ignore", "*.old\n");
    home_->folder().link("ignore_link", "dotfiles/ignore");
    home_->folder().write(".gitconfig", "[core]\n\texcludesFile = ~/ignore_link\n");
    const auto got = listedByWalk(walk(folder.root()), folder.root());
    QCOMPARE(got, splitAtNul(folder.git({"ls-files", "-co", "--exclude-standard", "-z"})));
    QVERIFY(!got.contains("a.old") && got.contains("a.swp"));
    fs::remove(home_->folder().at(".gitconfig"));
    fs::remove_all(home_->folder().at(".config"));
  }

  void ignoreFileThatASparseCheckoutLeavesOutStillHolds() {
    FolderFixture folder;
    folder.git({"init", "-q"});
    folder.write("sub/.gitignore", "*.log\n");
    folder.write("sub/a.md");
    folder.commitAll();
    folder.git({"sparse-checkout", "set", "--no-cone", "*.md"});
    folder.write("sub/b.log");
    QVERIFY(!fs::exists(folder.at("sub/.gitignore")));
    const WalkedSource walked = walk(folder.root());
    QCOMPARE(decisions(walked), (Decisions{{"sub/.gitignore", "missing"},
                                           {"sub/a.md", "read"},
                                           {"sub/b.log", "ignored"}}));
    QCOMPARE(listedByWalk(walked, folder.root()),
             splitAtNul(folder.git({"ls-files", "-co", "--exclude-standard", "-z"})));
  }

  void repositoriesInsideAreNamedAndNotWalked() {
    FolderFixture folder, library;
    library.git({"init", "-q"});
    library.write("lib.c");
    library.commitAll();
    folder.git({"init", "-q"});
    folder.git({"-c", "protocol.file.allow=always", "submodule", "--quiet", "add",
                QString::fromStdString(library.root().string()), "third/party"});
    folder.commitAll();
    folder.write("inner/in.c");
    folder.git({"init", "-q"}, "inner");
    QCOMPARE(decisions(walk(folder.root())), (Decisions{{".gitmodules", "read"},
                                                        {"inner/", "repository"},
                                                        {"third/party", "submodule"}}));
    fs::remove_all(folder.at("third"));
    QCOMPARE(decisions(walk(folder.root())).at("third/party"), std::string("submodule"));
    // Chosen itself, the submodule is a work tree like others.
    folder.git({"submodule", "--quiet", "update", "--init"});
    QCOMPARE(readPaths(walk(folder.at("third/party"))), (std::set<std::string>{"lib.c"}));
  }

  void repositoryThatLibgit2CannotReadIsWalkedAsAPlainFolder() {
    FolderFixture folder;
    folder.git({"init", "-q", "--object-format=sha256"});
    folder.write(".gitignore", "*.log\n");
    folder.write("a.c");
    folder.write("a.log");
    folder.commitAll();
    QCOMPARE(decisions(walk(folder.root())),
             (Decisions{{".gitignore", "read"}, {"a.c", "read"}, {"a.log", "ignored"}}));
  }

  void linksAreNamedAndNeverFollowed() {
    FolderFixture folder, outside;
    outside.write("secret.txt");
    folder.write("real/a.txt");
    folder.link("to_file", "real/a.txt");
    folder.link("to_folder", "real");
    folder.link("out", outside.root().string());
    folder.link("loop", ".");
    folder.link("self", "self");
    folder.link("dangling", "nowhere");
    for (const auto& [path, decision] : decisions(walk(folder.root())))
      QCOMPARE(decision, std::string(path == "real/a.txt" ? "read" : "symlink"));
    // The chosen path itself may be a link.
    QCOMPARE(readPaths(walk(folder.at("to_folder"))), (std::set<std::string>{"a.txt"}));
  }

  void pipesSocketsAndDevicesAreNeverOpened() {
    FolderFixture folder;
    makePipe(folder.at("pipe"));
    makePipe(folder.at("sub/.gitignore"));
    folder.write("sub/a.txt");
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = folder.at("socket");
    QVERIFY(path.size() < sizeof address.sun_path);
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    QCOMPARE(::bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    QCOMPARE(decisions(walk(folder.root())), (Decisions{{"pipe", "special"},
                                                        {"socket", "special"},
                                                        {"sub/.gitignore", "special"},
                                                        {"sub/a.txt", "read"}}));
    ::close(descriptor);
    QCOMPARE(ingest::inspectFile(folder.at("pipe"))->reason, std::string("special"));
    QCOMPARE(ingest::inspectFile("/dev/zero")->reason, std::string("special"));
  }

  void pipesInPlaceOfGitsOwnFilesDoNotBlock() {
    for (const char* name : {"HEAD", "config", "index", "packed-refs", "info/exclude"}) {
      FolderFixture folder;
      folder.git({"init", "-q"});
      folder.write("a.txt");
      folder.commitAll();
      makePipe(folder.at(std::string(".git/") + name));
      QVERIFY2(readPaths(walk(folder.root())).contains("a.txt"), name);
    }
    FolderFixture folder;
    folder.git({"init", "-q"});
    folder.write("a.txt");
    makePipe(folder.at("pipe"));
    folder.git({"config", "core.excludesFile", "pipe"});
    QCOMPARE(decisions(walk(folder.root())), (Decisions{{"a.txt", "read"}, {"pipe", "special"}}));
    fs::remove_all(folder.at(".git"));
    makePipe(folder.at(".git"));
    QCOMPARE(decisions(walk(folder.root())).at("a.txt"), std::string("read"));
  }

  void namesThatAreNotUtf8AreShownApart() {
    FolderFixture folder;
    folder.write("latin\xE9.txt");
    folder.write("latin\\xe9.txt");  // spells what the first one is shown as
    folder.write("d\xE9r/x.c");
    folder.write("new\nline.txt");
    folder.write("\xC3\xA9.txt");
    const WalkedSource walked = walk(folder.root());
    QVERIFY2(brokenPromise(walked).isEmpty(), qPrintable(brokenPromise(walked)));
    QCOMPARE(readPaths(walked),
             (std::set<std::string>{"latin\\xe9.txt", "latin\\xe9.txt~2", "d\\xe9r/x.c",
                                    "new\nline.txt", "\xC3\xA9.txt"}));
    std::set<fs::path> files;
    for (const WalkedFile& entry : walked.files) {
      QVERIFY2(fs::exists(entry.file), entry.relative.c_str());
      files.insert(entry.file);
    }
    QCOMPARE(files.size(), std::size_t{5});
  }

  void contentDecidesWithAReason() {
    FolderFixture folder;
    folder.write("a.png", std::string_view("\x89PNG\r\n\x1A\n\0\0\0\rIHDR", 16));
    folder.write("a.bin", std::string_view("\1\2\3\4\5\6\x0E\x0F", 8));
    folder.write("nul.c", std::string_view("one\0two\n", 8));
    folder.write("late_nul.txt", std::string(70'000, 'a') + '\0' + "end\n");
    folder.write("utf16.txt", std::string_view("h\0i\0\n\0", 6));
    folder.write("latin1.txt", "caf\xE9\n");
    folder.write("empty.c", "");
    folder.write("big.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:" +
                                std::string(64, 'a') + "\nsize 123456789\n");
    folder.write("prose.md", "version https://git-lfs.github.com/spec/v1\nis a line of text.\n");
    folder.write("huge.txt", std::string(70'000, 'a'));
    fs::resize_file(folder.at("huge.txt"), ingest::kTextBytesMax + 1);
    folder.write("huge.pdf", "%PDF-1.4\n");
    fs::resize_file(folder.at("huge.pdf"), ingest::kPdfBytesMax + 1);
    folder.write("just.txt", std::string(ingest::kTextBytesMax, 'a'));
    QCOMPARE(decisions(walk(folder.root())), (Decisions{{"a.bin", "binary"},
                                                        {"a.png", "binary"},
                                                        {"big.bin", "lfs_pointer"},
                                                        {"empty.c", "read"},
                                                        {"huge.pdf", "too_large"},
                                                        {"huge.txt", "too_large"},
                                                        {"just.txt", "read"},
                                                        {"late_nul.txt", "read"},
                                                        {"latin1.txt", "read"},
                                                        {"nul.c", "binary"},
                                                        {"prose.md", "read"},
                                                        {"utf16.txt", "read"}}));
  }

  void kindsFollowNameAndContent() {
    FolderFixture folder;
    folder.write("a.cpp");
    folder.write("README.md");
    folder.write("notes");
    folder.write("Makefile");
    folder.write("tool", "#!/bin/sh\n");
    folder.write("paper.PDF", "no PDF at all");
    folder.write("paper", "%PDF-1.7\n");
    const std::map<std::string, DocumentKind> expected = {
        {"a.cpp", DocumentKind::kCode},    {"README.md", DocumentKind::kMarkdown},
        {"notes", DocumentKind::kText},    {"Makefile", DocumentKind::kCode},
        {"tool", DocumentKind::kCode},     {"paper.PDF", DocumentKind::kPdf},
        {"paper", DocumentKind::kPdf}};
    for (const WalkedFile& entry : walk(folder.root()).files) {
      QVERIFY(entry.read);
      QVERIFY2(entry.kind == expected.at(entry.relative), entry.relative.c_str());
    }
  }

  void whatAProgramWroteIsReadWithARemark() {
    FolderFixture folder;
    folder.write("Cargo.lock");
    folder.write("api.go", "// Code generated by protoc. DO NOT EDIT.\n");
    folder.write("app.min.js");
    folder.write("data.json", std::string(10'000, '1'));
    folder.write("hand.go", "// Code generated by hand.\n");
    std::map<std::string, std::string> remarks;
    for (const WalkedFile& entry : walk(folder.root()).files) {
      QVERIFY(entry.read);
      remarks[entry.relative] = entry.reason;
    }
    QCOMPARE(remarks, (Decisions{{"Cargo.lock", "lock_file"},
                                 {"api.go", "generated"},
                                 {"app.min.js", "minified"},
                                 {"data.json", "minified"},
                                 {"hand.go", ""}}));
  }

  void oneFileIsInspectedByItself() {
    FolderFixture folder;
    folder.write("a.md", "text\n");
    folder.link("link.md", "a.md");
    const auto inspected = ingest::inspectFile(folder.at("a.md"));
    QVERIFY(inspected && inspected->read);
    QCOMPARE(inspected->relative, std::string("a.md"));
    QCOMPARE(inspected->file, folder.at("a.md"));
    QCOMPARE(inspected->bytes, std::uint64_t{5});
    QVERIFY(inspected->kind == DocumentKind::kMarkdown);
    QVERIFY(ingest::inspectFile(folder.at("link.md"))->read);
    QCOMPARE(ingest::inspectFile(folder.root()).error().code, ErrorCode::kInvalidInput);
    QCOMPARE(ingest::inspectFile(folder.at("none")).error().code, ErrorCode::kNotFound);
    QCOMPARE(ingest::inspectFile(folder.at("a.md/none")).error().code, ErrorCode::kNotFound);
  }

  void trackedButAbsentIsMissing() {
    FolderFixture folder;
    folder.git({"init", "-q"});
    folder.write("here.c");
    folder.write("gone.c");
    folder.write("dir/gone.c");
    folder.commitAll();
    fs::remove(folder.at("gone.c"));
    fs::remove_all(folder.at("dir"));
    folder.link("dir", "/etc");
    QCOMPARE(decisions(walk(folder.root())), (Decisions{{"dir", "symlink"},
                                                        {"dir/gone.c", "missing"},
                                                        {"gone.c", "missing"},
                                                        {"here.c", "read"}}));
  }

  // From here on: every way a walk can go wrong.
  void whatCannotBeWalkedIsATypedError() {
    FolderFixture folder;
    folder.write("file.txt");
    QCOMPARE(ingest::walkFolder(folder.at("none"), {}).error().code, ErrorCode::kNotFound);
    QCOMPARE(ingest::walkFolder(folder.at("file.txt"), {}).error().code,
             ErrorCode::kInvalidInput);
    QCOMPARE(ingest::walkFolder("", {}).error().code, ErrorCode::kNotFound);
    std::stop_source stop;
    stop.request_stop();
    QCOMPARE(ingest::walkFolder(folder.root(), stop.get_token()).error().code,
             ErrorCode::kCancelled);
  }

  void unreadableFilesAndFoldersSaySo() {
    FolderFixture folder;
    folder.git({"init", "-q"});
    folder.write("open.txt");
    folder.write("closed.txt");
    folder.write("closed/tracked.txt");
    folder.commitAll();
    fs::permissions(folder.at("closed.txt"), fs::perms::none);
    fs::permissions(folder.at("closed"), fs::perms::none);
    fs::permissions(folder.root(), fs::perms(0755));
    const bool root = ::geteuid() == 0;  // for whom nothing is unreadable
    if (root) QCOMPARE(::seteuid(65534), 0);
    const auto walked = ingest::walkFolder(folder.root(), {});
    const auto closed = ingest::walkFolder(folder.at("closed"), {});
    if (root) QCOMPARE(::seteuid(0), 0);
    fs::permissions(folder.at("closed"), fs::perms::owner_all);
    QVERIFY(walked);
    QCOMPARE(decisions(*walked), (Decisions{{"closed.txt", "unreadable"},
                                            {"closed/", "unreadable"},
                                            {"open.txt", "read"}}));
    QCOMPARE(closed.error().code, ErrorCode::kIo);
  }

  void foldersBelowTheLimitAreOneEntry() {
    FolderFixture folder;
    std::string path = "d";
    for (int i = 0; i < ingest::kFolderDepthMax + 20; ++i) path += "/d";
    folder.write(path + "/leaf.c");
    const WalkedSource walked = walk(folder.root());
    QCOMPARE(walked.files.size(), std::size_t{1});
    QCOMPARE(walked.files[0].reason, std::string("too_deep"));
  }

  void folderThatVanishesMeanwhileLeavesEntries() {
    int n_whole = 0, n_partial = 0, n_gone = 0;
    for (int round = 0; round < 30; ++round) {
      FolderFixture folder;
      const fs::path root = folder.root();
      for (int i = 0; i < 200; ++i)
        folder.write("tree/d" + std::to_string(i % 20) + "/f" + std::to_string(i));
      std::jthread remover([&] {
        std::this_thread::sleep_for(std::chrono::microseconds(150 * round));
        std::error_code error;
        fs::remove_all(root / "tree", error);
      });
      const auto walked = ingest::walkFolder(root / "tree", {});
      remover.join();
      if (!walked) {
        QCOMPARE(walked.error().code, ErrorCode::kNotFound);
        ++n_gone;
        continue;
      }
      QVERIFY2(brokenPromise(*walked).isEmpty(), qPrintable(brokenPromise(*walked)));
      for (const WalkedFile& entry : walked->files)
        QVERIFY2(entry.read || entry.reason == "vanished", entry.reason.c_str());
      ++(readPaths(*walked).size() == 200 ? n_whole : n_partial);
    }
    qInfo("30 folders removed while walked: %d whole, %d in part, %d gone", n_whole, n_partial,
          n_gone);
  }

  void linkPutInPlaceOfAFolderMeanwhileIsNotFollowed() {
    FolderFixture folder, outside;
    outside.write("secret.txt");
    folder.write("swap/a.txt");
    std::atomic<bool> done = false;
    std::jthread swapper([&] {
      const fs::path place = folder.at("swap"), kept = folder.at("kept");
      std::error_code error;
      while (!done) {
        fs::rename(place, kept, error);
        fs::create_symlink(outside.root(), place, error);
        fs::remove(place, error);
        fs::rename(kept, place, error);
      }
    });
    int n_secret = 0;
    for (int i = 0; i < 2000; ++i)
      for (const WalkedFile& entry : walk(folder.root()).files)
        n_secret += entry.relative.ends_with("secret.txt");
    done = true;
    QCOMPARE(n_secret, 0);
  }

 private:
  std::unique_ptr<HomeFixture> home_;
};

LECTERN_TEST(SourceWalkTest)
#include "source_walk_test.moc"
