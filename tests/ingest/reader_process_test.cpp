// Readers that die, fall silent or lie: small scripts in place of lectern-reader.
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <thread>

#include <unistd.h>

#include <QElapsedTimer>
#include <QTemporaryDir>
#include <QTest>

#include "ingest/reader_message.h"
#include "tests/ingest/reader_fixture.h"
#include "tests/support/test_main.h"

using namespace support;
using namespace ingest;
namespace fs = std::filesystem;

namespace {

PageText page(int number, const std::string& text = "two words\n") {
  return {.number = number,
          .label = "",
          .width = 100,
          .height = 200,
          .text = text,
          .words = {{0, 3, {10, 10, 20, 20}}, {4, 9, {30, 10, 60, 20}}}};
}

// A program that stands for lectern-reader: it sends prepared bytes, then does as the script says.
class FakeReader {
 public:
  template <class... Messages>
  explicit FakeReader(const std::string& then, const Messages&... messages) {
    std::string bytes;
    ((bytes += encode(messages)), ...);
    std::ofstream(path("bytes"), std::ios::binary) << bytes;
    std::ofstream(path("document.pdf")) << "%PDF-1.4";
    std::ofstream(path("reader")) << "#!/bin/sh\n/bin/cat " << path("bytes").string() << "\n"
                                  << then << "\n";
    fs::permissions(path("reader"), fs::perms::owner_all);
  }

  base::Result<base::Extracted> read(int wall_s = 20) const {
    ReaderLimits limits;
    limits.page_wall_s = wall_s;
    return readPdf(path("reader"), path("document.pdf"), "a", {}, limits);
  }
  fs::path path(const char* name) const { return fs::path(folder_.path().toStdString()) / name; }

 private:
  static std::string encode(const std::string& raw) { return raw; }
  static std::string encode(const ReaderMessage& message) { return encodeMessage(message); }

  QTemporaryDir folder_;
};

// Ends the n-th reader differently from those before: scripts count their starts in a file.
const char* const kCountStarts =
    "echo x >> ${0%reader}starts; n=$(/usr/bin/wc -l < ${0%reader}starts)\n";

// The processes whose parent we are, by name.
std::vector<pid_t> childrenNamed(const std::string& name) {
  std::vector<pid_t> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::ifstream stat(entry.path() / "stat");
    std::string pid, command, state;
    pid_t parent = 0;
    if (stat >> pid >> command >> state >> parent && parent == ::getpid() && state != "Z" &&
        command == "(" + name + ")")
      found.push_back(std::stoi(pid));
  }
  return found;
}

}  // namespace

class ReaderProcessTest : public QObject {
  Q_OBJECT
 private slots:
  void whatIsSentArrives() {
    const auto extracted =
        FakeReader("", DocumentHead{2, SandboxLevel::kFull}, page(1), page(2), Finished{}).read();
    QVERIFY2(extracted, qPrintable(errorOf(extracted)));
    QCOMPARE(extracted->document.text, std::string("two words\ntwo words\n"));
    QCOMPARE(extracted->document.spans[2].bytes, (base::ByteRange{10, 13}));
    QCOMPARE(extracted->document.spans[2].page, 2);
    QCOMPARE(extracted->document.spans[3].boxes[0], (base::Box{30, 10, 60, 20}));
  }

  // From here on: readers that end before the document does.
  void killedReaderIsATypedError() {
    const auto extracted =
        FakeReader("kill -9 $$", DocumentHead{2, SandboxLevel::kFull}, page(1)).read();
    QCOMPARE(errorOf(extracted), QStringLiteral("io"));
    QVERIFY(!extracted.error().hint.empty());
  }

  void realReaderKilledWhileReadingIsATypedError() {
    std::jthread killer([] {
      for (int i = 0; i < 500; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        const auto readers = childrenNamed("lectern-reader");
        if (readers.empty()) continue;
        ::kill(readers[0], SIGKILL);
        return;
      }
    });
    const auto extracted = read("bomb_stream_double");
    QCOMPARE(errorOf(extracted), QStringLiteral("io"));
    QVERIFY(QString::fromStdString(extracted.error().message).contains("signal 9"));
    QVERIFY(childrenNamed("lectern-reader").empty());
  }

  void crashBeforeTheFirstPageIsATypedError() {
    QCOMPARE(errorOf(FakeReader("kill -SEGV $$").read()), QStringLiteral("corrupt"));
  }

  void pageOnWhichReadersCrashIsLeftOut() {
    // The first reader ends on page 2, the second, fresh one too, the third reads page 3.
    FakeReader reader("");
    std::ofstream(reader.path("first"), std::ios::binary)
        << encodeMessage(DocumentHead{3, SandboxLevel::kFull}) << encodeMessage(page(1));
    std::ofstream(reader.path("second"), std::ios::binary)
        << encodeMessage(DocumentHead{3, SandboxLevel::kFull});
    std::ofstream(reader.path("third"), std::ios::binary)
        << encodeMessage(DocumentHead{3, SandboxLevel::kFull}) << encodeMessage(page(3))
        << encodeMessage(Finished{});
    std::ofstream(reader.path("reader"))
        << "#!/bin/sh\n" << kCountStarts
        << "case $n in 1) f=first;; 2) f=second;; *) f=third;; esac\n"
        << "/bin/cat ${0%reader}$f; [ $n -lt 3 ] && kill -SEGV $$; exit 0\n";
    const auto extracted = reader.read();
    QVERIFY2(extracted, qPrintable(errorOf(extracted)));
    QCOMPARE(extracted->document.pages.size(), std::size_t{3});
    QVERIFY(extracted->document.pages[1].bytes.empty());
    QCOMPARE(pageText(extracted->document, 3), std::string("two words\n"));
    QCOMPARE(extracted->diagnostics.size(), std::size_t{1});
    QCOMPARE(extracted->diagnostics[0].code, std::string("page_unreadable"));
    QCOMPARE(extracted->diagnostics[0].page, 2);
  }

  void pageThatCannotBeDrawnIsReportedWhenItHasNoText() {
    PageText empty = page(2, "");
    empty.words.clear();
    const auto extracted =
        FakeReader("kill -SEGV $$", DocumentHead{2, SandboxLevel::kFull}, page(1), empty).read();
    QVERIFY2(extracted, qPrintable(errorOf(extracted)));
    QVERIFY(hasDiagnostic(*extracted, "no_text_layer"));
    QCOMPARE(extracted->diagnostics[0].page, 2);
  }

  void documentOnWhichEveryPageCrashesIsRefused() {
    QCOMPARE(errorOf(FakeReader("kill -SEGV $$", DocumentHead{100, SandboxLevel::kFull}).read()),
             QStringLiteral("corrupt"));
  }

  void silentReaderIsATypedError() {
    QElapsedTimer timer;
    timer.start();
    QCOMPARE(
        errorOf(FakeReader("exec /bin/sleep 60", DocumentHead{1, SandboxLevel::kFull}).read(1)),
        QStringLiteral("too_large"));
    QVERIFY2(timer.elapsed() < 10'000, qPrintable(QString::number(timer.elapsed())));
  }

  void readerThatHangsUpAndStaysIsRefused() {
    const FakeReader reader("exec >/dev/null; exec /bin/sleep 60",
                            DocumentHead{1, SandboxLevel::kFull});
    QCOMPARE(errorOf(reader.read()), QStringLiteral("corrupt"));
  }

  void missingReaderIsATypedError() {
    const auto extracted = readPdf("/nowhere/lectern-reader", goldenPdf("columns2"), "a", {});
    QCOMPARE(errorOf(extracted), QStringLiteral("io"));
    QVERIFY(!extracted.error().hint.empty());
  }

  // From here on: readers that lie.
  void lyingReaderIsRefused_data() {
    QTest::addColumn<std::string>("bytes");
    const auto row = [](const char* name, auto... messages) {
      std::string bytes;
      ((bytes += encodeMessage(messages)), ...);
      QTest::newRow(name) << bytes;
    };
    const DocumentHead head{2, SandboxLevel::kFull};
    const auto with = [](auto change) {
      PageText bad = page(1);
      change(bad);
      return bad;
    };
    row("page before the head", page(1));
    row("pages in wrong order", head, page(2));
    row("page twice", head, page(1), page(1));
    row("end before the last page", head, page(1), Finished{});
    row("more pages than said", head, page(1), page(2), page(3));
    row("other page count", head, DocumentHead{3, SandboxLevel::kFull});
    row("no pages", DocumentHead{0, SandboxLevel::kFull});
    row("too many pages", DocumentHead{1'000'000'000, SandboxLevel::kFull});
    row("an image", head, RenderedPage{1, "", 1, 1, 1, 1, 1, "rgb"});
    row("remark about no page", head, PageRemark{Remark::kNoTextLayer, 3});
    row("words out of order", head, with([](PageText& p) { std::swap(p.words[0], p.words[1]); }));
    row("words that overlap", head, with([](PageText& p) { p.words[1].begin = 2; }));
    row("empty word", head, with([](PageText& p) { p.words[0].end = 0; }));
    row("word beyond the text", head, with([](PageText& p) { p.words[1].end = 11; }));
    row("box beyond the page", head, with([](PageText& p) { p.words[1].box.x1 = 101; }));
    row("box inside out", head, with([](PageText& p) { p.words[1].box.x1 = 1; }));
    row("box of no number", head,
        with([](PageText& p) { p.words[0].box.y1 = std::numeric_limits<double>::quiet_NaN(); }));
    row("page of infinite size", head,
        with([](PageText& p) { p.width = std::numeric_limits<double>::infinity(); }));
    row("page of no size", head, with([](PageText& p) { p.height = 0; }));
    row("text that is not UTF-8", head, with([](PageText& p) { p.text = "two \xff\xfe...\n"; }));
    row("control characters", head, with([](PageText& p) { p.text = "two \x1b[2J...\n"; }));
    row("text direction", head, with([](PageText& p) { p.text = "two \u202E...\n"; }));
    row("word that cuts a character", head, with([](PageText& p) { p.text = "tw\u00E4 words\n"; }));
    row("label of two lines", head, with([](PageText& p) { p.label = "a\nb"; }));
    row("long label", head, with([](PageText& p) { p.label = std::string(65, 'a'); }));
    row("line beyond the text", head, with([](PageText& p) { p.lines = {{0, 99, {}, 1}}; }));
    row("line that cuts a word's letters", head, with([](PageText& p) {
          p.text = "tw\u00F6 wo\n";
          p.words.clear();
          p.lines = {{0, 3, {}, 1}};
        }));
    row("line of no size", head, with([](PageText& p) { p.lines = {{0, 3, {}, -1}}; }));
    row("hyphen that is none", head, with([](PageText& p) { p.hyphens = {3}; }));
    row("hyphen beyond the text", head, with([](PageText& p) { p.hyphens = {1'000'000}; }));
    row("note beyond the page", head, with([](PageText& p) {
          p.asides = {{PageAside::Kind::kNote, "a", "", {0, 0, 1000, 1}}};
        }));
    row("note with control characters", head, with([](PageText& p) {
          p.asides = {{PageAside::Kind::kNote, "\x1b[2J", "", {0, 0, 1, 1}}};
        }));
    row("too many notes", head, with([](PageText& p) { p.asides.resize(kAsidesMax + 1); }));
    row("outline that leads nowhere", head, Outline{{{0, "a", 3, 0}}});
    row("outline of no depth", head, Outline{{{-1, "a", 1, 0}}});
    row("title with control characters", head, Outline{{{0, "\x07", 1, 0}}});
    QTest::newRow("unknown kind") << std::string("\x63\0\0\0\0\0\0\0", 8);
    QTest::newRow("endless message") << std::string("\x01\0\0\0\xff\xff\xff\xff", 8);
    QTest::newRow("short page") << encodeMessage(head) + std::string("\x01\0\0\0\x02\0\0\0ab", 10);
    QTest::newRow("text instead of messages") << std::string(4096, 'A');
  }
  void lyingReaderIsRefused() {
    QFETCH(std::string, bytes);
    const auto extracted = FakeReader("exec /bin/sleep 1", bytes).read();
    QCOMPARE(errorOf(extracted), QStringLiteral("corrupt"));
  }

  void chatteringReaderIsRefused() {
    std::string bytes = encodeMessage(DocumentHead{1, SandboxLevel::kFull});
    for (int i = 0; i < 1000; ++i) bytes += encodeMessage(PageRemark{Remark::kRepaired, 0});
    QCOMPARE(errorOf(FakeReader("", bytes).read()), QStringLiteral("corrupt"));
  }

  void imageWithMissingPixelsIsRefused() {
    const FakeReader reader("", DocumentHead{1, SandboxLevel::kFull},
                            RenderedPage{1, "", 10, 10, 1, 10, 10, "rgb"});
    QCOMPARE(errorOf(renderPage(reader.path("reader"), reader.path("document.pdf"), 1, 1, {})),
             QStringLiteral("corrupt"));
  }

  // Our descriptors are none of its business, nor is our environment.
  void readerInheritsOnlyItsDocument() {
    constexpr int kSecret = 200;  // not even close-on-exec, as some library may leave it
    QCOMPARE(::dup2(STDIN_FILENO, kSecret), kSecret);
    const FakeReader reader("");
    std::ofstream(reader.path("bytes"), std::ios::binary)
        << encodeMessage(DocumentHead{1, SandboxLevel::kFull}) << encodeMessage(page(1))
        << encodeMessage(Finished{});
    std::ofstream(reader.path("reader"))
        << "#!/bin/sh\n/bin/ls /proc/$$/fd > ${0%reader}fds\n/usr/bin/env > ${0%reader}env\n"
        << "/bin/cat ${0%reader}bytes\n";
    QVERIFY(reader.read());
    ::close(kSecret);
    std::ifstream fds(reader.path("fds")), env(reader.path("env"));
    const std::string open((std::istreambuf_iterator<char>(fds)), {});
    const std::string variables((std::istreambuf_iterator<char>(env)), {});
    QVERIFY2(open.starts_with("0\n1\n") && open.find("\n3\n") != std::string::npos, open.c_str());
    QVERIFY2(open.find("200") == std::string::npos, open.c_str());
    QVERIFY2(variables.find("HOME=") == std::string::npos, variables.c_str());
    QVERIFY2(variables.find("LC_ALL=C.UTF-8") != std::string::npos, variables.c_str());
  }
};

LECTERN_TEST(ReaderProcessTest)
#include "reader_process_test.moc"
