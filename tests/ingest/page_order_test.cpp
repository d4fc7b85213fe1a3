// Invented pages: words with places in, text in reading order out.
#include <algorithm>
#include <limits>

#include <QElapsedTimer>
#include <QTest>

#include "ingest/clean_text.h"
#include "ingest/pdf/page_text.h"
#include "ingest/pdf/word_text.h"
#include "tests/support/test_main.h"

using ingest::PageWords;
using ingest::ReadPage;

namespace {

// A page on which lines of ten-point text are set; a letter is five points wide.
class PageFixture {
 public:
  // Words of one line, as Poppler would chain them. Places count from the top left.
  PageFixture& line(double x, double y, std::u32string_view text, double height = 10) {
    std::size_t begin = 0;
    while (begin < text.size()) {
      const std::size_t end = std::min(text.find(U' ', begin), text.size());
      const double width = height / 2 * static_cast<double>(end - begin);
      page_.words.push_back({std::u32string(text.substr(begin, end - begin)),
                             {x, y, x + width, y + height}, n_lines_, end < text.size()});
      x += width + height / 2;
      begin = end + 1;
    }
    ++n_lines_;
    return *this;
  }
  PageFixture& box(const base::Box& box, std::u32string text) {
    page_.words.push_back({std::move(text), box, n_lines_++, false});
    return *this;
  }
  PageFixture& column(double x, double y, std::u32string_view name, int n_lines) {
    for (int i = 1; i <= n_lines; ++i)
      line(x, y + 12 * (i - 1),
           std::u32string(name) + U" line with enough words " + static_cast<char32_t>(U'0' + i));
    return *this;
  }

  ReadPage read() const { return ingest::readPage(page_); }
  QString text() const { return QString::fromStdString(read().text); }

 private:
  PageWords page_{.width = 600, .height = 800, .words = {}};
  int n_lines_ = 0;
};

// The lines of a column are one paragraph.
QString columnText(const char* name, int n_lines) {
  QStringList lines;
  for (int i = 1; i <= n_lines; ++i)
    lines << QStringLiteral("%1 line with enough words %2").arg(QLatin1String(name)).arg(i);
  return lines.join(QLatin1Char(' ')) + QLatin1Char('\n');
}

}  // namespace

class PageOrderTest : public QObject {
  Q_OBJECT
 private slots:
  void linesAreReadFromTopToBottom() {
    QCOMPARE(PageFixture().line(50, 112, U"second line here").line(50, 100, U"first").text(),
             QStringLiteral("first\nsecond line here\n"));
  }

  void wideGapsBeginParagraphs() {
    QCOMPARE(PageFixture().line(50, 100, U"one").line(50, 130, U"two").text(),
             QStringLiteral("one\n\ntwo\n"));
  }

  void columnsAreReadOneAfterTheOther() {
    QCOMPARE(PageFixture().column(320, 100, U"right", 4).column(50, 100, U"left", 4).text(),
             columnText("left", 4) + "\n" + columnText("right", 4));
  }

  void threeColumnsOfUnequalLength() {
    QCOMPARE(PageFixture()
                 .column(20, 100, U"a", 5)
                 .column(210, 100, U"b", 4)
                 .column(400, 100, U"c", 3)
                 .text(),
             columnText("a", 5) + "\n" + columnText("b", 4) + "\n" + columnText("c", 3));
  }

  void whatStandsAcrossColumnsStaysAboveAndBelow() {
    const QString text =
        PageFixture()
            .line(50, 60,
                  U"a heading that is set over the whole width of the page in one single line")
            .column(50, 100, U"left", 4)
            .column(320, 100, U"right", 4)
            .line(50, 200, U"a note that is set over the whole width of the page below the columns")
            .text();
    QVERIFY2(text.startsWith("a heading") &&
                 text.contains(columnText("left", 4) + "\n" + columnText("right", 4)) &&
                 text.endsWith("below the columns\n"),
             qPrintable(text));
  }

  void cellsOfATableStayInTheirRows() {
    PageFixture page;
    for (int row = 0; row < 5; ++row)
      page.line(50, 100 + 20 * row, U"key")
          .line(200, 100 + 20 * row, U"12")
          .line(350, 100 + 20 * row, U"Ada L");
    QCOMPARE(page.text(), QStringLiteral("key\t12\tAda L\n").repeated(5));
  }

  void raisedMarksStayInTheirLine() {
    QCOMPARE(PageFixture()
                 .line(50, 100, U"a claim")
                 .line(86, 97, U"1", 6)
                 .line(95, 100, U"goes on")
                 .text(),
             QStringLiteral("a claim 1 goes on\n"));
  }

  // From here on: how lines make paragraphs.
  void fullLinesGoOnAndShortOnesEnd() {
    QCOMPARE(PageFixture()
                 .line(50, 100, U"a line that is full to its edge")
                 .line(50, 112, U"goes on and ends")
                 .line(50, 124, U"another one begins in a line of")
                 .line(50, 136, U"its own")
                 .text(),
             QStringLiteral("a line that is full to its edge goes on and ends\n"
                            "another one begins in a line of its own\n"));
  }

  void hyphensAtLineEndsAreJoinedAndTold() {
    const ReadPage page = PageFixture()
                              .line(50, 100, U"a word that is inter-")
                              .line(50, 112, U"national and goes on")
                              .read();
    QCOMPARE(page.text, std::string("a word that is inter-national and goes on\n"));
    QCOMPARE(page.hyphens, std::vector<std::uint32_t>{20});
  }

  void separatorsAreNeverJoined() {
    QCOMPARE(PageFixture()
                 .line(50, 100, U"--- page 2 ---")
                 .line(50, 112, U"=== secret.c ==")
                 .text(),
             QStringLiteral("--- page 2 ---\n=== secret.c ==\n"));
  }

  void itemsOfAListKeepTheirLines() {
    QCOMPARE(PageFixture()
                 .line(50, 100, U"\u2022 the first item of a list that is so long")
                 .line(60, 112, U"that it wraps")
                 .line(50, 124, U"\u2022 the second")
                 .text(),
             QString::fromUtf8("\u2022 the first item of a list that is so long that it wraps\n"
                               "\u2022 the second\n"));
  }

  void notesComeAfterTheText() {
    PageFixture page;
    page.column(50, 100, U"left", 4).column(320, 100, U"right", 4);
    page.line(50, 160, U"1 see the ledger of the harbour", 7);
    const QString end = "right line with enough words 4\n\n1 see the ledger of the harbour\n";
    QVERIFY2(page.text().endsWith(end), qPrintable(page.text()));
  }

  void wrappedCellsStayInTheirRow() {
    PageFixture page;
    for (int row = 0; row < 4; ++row)
      page.line(50, 100 + 30 * row, U"key").line(200, 100 + 30 * row, U"12");
    page.line(50, 112, U"wraps");
    QVERIFY2(page.text().startsWith("key wraps\t12\nkey\t12\n"), qPrintable(page.text()));
  }

  void turnedTextComesLast() {
    QCOMPARE(PageFixture()
                 .box({10, 100, 20, 300}, U"sideways")
                 .line(50, 100, U"upright one")
                 .line(50, 124, U"upright two")
                 .text(),
             QStringLiteral("upright one\n\nupright two\n\nsideways\n"));
  }

  void rightToLeftLinesBecomeLogical() {
    // As the eye meets it from left to right; reading begins at the right end.
    QCOMPARE(PageFixture().line(50, 100, U"main.c 42 ג\u05D1א דה").text(),
             QString::fromUtf8("הד א\u05D1ג 42 main.c\n"));
  }

  void rightToLeftColumnsBeginAtTheRight() {
    PageFixture page;
    for (int i = 0; i < 4; ++i)
      page.line(50, 100 + 12 * i, U"בבבבבבב בבבבבבבבב")
          .line(320, 100 + 12 * i, U"אאאאאאא אאאאאאאאא");
    QVERIFY(page.text().startsWith(QString::fromUtf8("אאא")));
  }

  void everyWordKnowsItsPlace() {
    const ReadPage page = PageFixture().line(50, 100, U"über alles").read();
    QCOMPARE(page.text, std::string("über alles\n"));
    QCOMPARE(page.words.size(), std::size_t{2});
    QCOMPARE(page.text.substr(page.words[0].begin, page.words[0].end - page.words[0].begin),
             std::string("über"));
    QCOMPARE(page.words[1].box, (base::Box{75, 100, 100, 110}));
  }

  // From here on: characters and places that nobody should meet.
  void ligaturesBecomeLetters() {
    QCOMPARE(PageFixture().line(50, 100, U"o\uFB03ce \uFB01led").text(),
             QStringLiteral("office filed\n"));
  }

  void controlsAndInvisibleCharactersVanish() {
    std::u32string word = U"a";
    for (const char32_t c :
         {U'\u200B', U'\u202E', U'\u2066', U'\uFEFF', char32_t{0xE0041}, U'\u00AD'})
      word += c;
    QCOMPARE(PageFixture().line(50, 100, word + U"b").text(), QStringLiteral("ab\n"));
  }

  void softHyphensAtLineEndsAreHyphens() {
    QCOMPARE(PageFixture().line(50, 100, U"inter\u00AD").text(), QStringLiteral("inter-\n"));
  }

  void unknownGlyphsAreCounted() {
    std::u32string word = U"x\uE001";
    word += char32_t{0};
    word += char32_t{7};
    const ReadPage page = PageFixture().line(50, 100, word).read();
    QCOMPARE(page.n_unmapped, 3);
    QCOMPARE(page.text, std::string("x\uFFFD\uFFFD\uFFFD\n"));
    QVERIFY(ingest::isCleanText(page.text));
  }

  void surrogatesAndNoncharactersVanish() {
    std::u32string word = U"ab";
    word += char32_t{0xD800};
    word += char32_t{0xFFFF};
    word += char32_t{0x110000};
    QCOMPARE(PageFixture().line(50, 100, word).text(), QStringLiteral("ab\n"));
  }

  void wordsOffThePageAreLeftOutAndCounted() {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const ReadPage page = PageFixture()
                              .line(50, 100, U"seen")
                              .box({700, 100, 720, 110}, U"beside")
                              .box({nan, 100, 60, 110}, U"nowhere")
                              .box({60, 130, 50, 120}, U"inverted")
                              .read();
    QCOMPARE(page.text, std::string("seen\n"));
    QCOMPARE(page.n_off_page, 3);
  }

  void boxesAreCutToThePage() {
    const ReadPage page = PageFixture().box({580, 100, 610, 110}, U"edge").read();
    QCOMPARE(page.words.at(0).box, (base::Box{580, 100, 600, 110}));
  }

  void emptyPagesHaveNoText() { QCOMPARE(PageFixture().read().text, std::string()); }

  // A map or plot: nothing to read, but it has to end.
  void scatteredLabelsEnd() {
    PageFixture page;
    unsigned random = 7;
    const auto next = [&] { return (random = random * 1664525u + 1013904223u) >> 8; };
    for (int i = 0; i < 40'000; ++i) page.line(next() % 590, next() % 780, U"x", 3);
    QElapsedTimer timer;
    timer.start();
    QCOMPARE(page.read().words.size(), std::size_t{40'000});
    QVERIFY2(timer.elapsed() < 5000, qPrintable(QString::number(timer.elapsed())));
  }
};

LECTERN_TEST(PageOrderTest)
#include "page_order_test.moc"
