// Invented characters with places in, words and lines out.
#include "ingest/pdf/glyph_words.h"

#include <QTest>
#include <limits>
#include <string>

#include "tests/support/test_main.h"

using ingest::Glyph;
using ingest::PageGlyphs;
using ingest::PageWord;
using ingest::PageWords;
using namespace std::string_literals;

namespace {

// Letters of ten-point type, five points wide.
class GlyphFixture {
 public:
  GlyphFixture& text(double x, double y, std::u32string_view letters, double spacing = 0) {
    for (const char32_t letter : letters) {
      glyph(x, y, {letter}).spacing = spacing;
      x += 5 + spacing;
    }
    return *this;
  }
  Glyph& glyph(double x, double y, std::u32string text, double size = 10) {
    Glyph one;
    one.text = std::move(text);
    one.x = x;
    one.y = y;
    one.size = size;
    one.advance = size / 2;
    one.ascent = 0.9;
    one.descent = -0.2;
    page_.glyphs.push_back(one);
    return page_.glyphs.back();
  }
  PageGlyphs& page() { return page_; }

  PageWords words() const { return ingest::wordsOf(page_); }
  // Lines in braces, words separated by blanks.
  QString shown() const {
    QString shown;
    int line = -1;
    bool blank = false;
    for (const PageWord& word : words().words) {
      if (word.line != line)
        shown += line < 0 ? "{" : "}{";
      else if (blank)
        shown += ' ';
      line = word.line;
      blank = word.space_after;
      if (word.hidden) shown += '?';
      shown += QString::fromUcs4(word.text.data(), static_cast<qsizetype>(word.text.size()));
    }
    return shown + "}";
  }

 private:
  PageGlyphs page_{.width = 600, .height = 800, .glyphs = {}};
};

}  // namespace

class GlyphWordsTest : public QObject {
  Q_OBJECT
 private slots:
  void blanksAndGapsDivideWords() {
    QCOMPARE(GlyphFixture().text(50, 100, U"two words").text(100, 100, U"more").shown(),
             QStringLiteral("{two words more}"));
  }

  void wideGapsDivideLines() {
    QCOMPARE(GlyphFixture().text(50, 100, U"key").text(120, 100, U"12").shown(),
             QStringLiteral("{key}{12}"));
  }

  void drawingOrderIsNotReadingOrder() {
    QCOMPARE(GlyphFixture().text(70, 100, U"words").text(50, 100, U"two").shown(),
             QStringLiteral("{two words}"));
  }

  void lettersSetWideAreOneWord() {
    QCOMPARE(GlyphFixture().text(50, 100, U"Spaced", 6).shown(), QStringLiteral("{Spaced}"));
    GlyphFixture by_hand;
    for (int i = 0; i < 6; ++i) by_hand.text(50 + 8 * i, 100, U"Spaced"s.substr(i, 1));
    QCOMPARE(by_hand.shown(), QStringLiteral("{Spaced}"));
  }

  void whatIsDrawnTwiceIsReadOnce() {
    QCOMPARE(GlyphFixture().text(50, 100, U"bold").text(50.3, 100, U"bold").shown(),
             QStringLiteral("{bold}"));
    GlyphFixture in_turn;
    for (int i = 0; i < 4; ++i)
      for (const double shift : {0.0, 0.3})
        in_turn.text(50 + 5 * i + shift, 100, U"bold"s.substr(i, 1));
    QCOMPARE(in_turn.shown(), QStringLiteral("{bold}"));
  }

  void accentsJoinTheirLetters() {
    GlyphFixture page;
    page.text(50, 100, U"r").text(55, 100, U"e").text(55, 100, U"\u00B4").text(60, 100, U"sum");
    QCOMPARE(page.shown(), QString::fromUtf8("{r\u00E9sum}"));
  }

  void marksStandInTheirLine() {
    GlyphFixture page;
    page.text(50, 100, U"claim.").text(88, 100, U"More");
    page.glyph(81, 96, U"1", 6);
    QCOMPARE(page.shown(), QStringLiteral("{claim. 1 More}"));
  }

  void whatIsDrawnAsOneWordIsOne() {
    GlyphFixture power;
    power.glyph(50, 100, U"x");
    power.glyph(55, 97, U"2", 6);
    power.text(58.5, 100, U"y");
    QCOMPARE(power.shown(), QStringLiteral("{x2y}"));
    GlyphFixture logo;  // of LaTeX: letters of two sizes on three base lines, pushed together
    logo.glyph(50, 100, U"L");
    logo.glyph(52, 98, U"A", 7);
    logo.glyph(55, 100, U"T");
    logo.glyph(58.5, 102, U"E");
    logo.glyph(62, 100, U"X");
    QCOMPARE(logo.shown(), QStringLiteral("{LATEX}"));
    GlyphFixture double_index;
    double_index.text(50, 100, U"(x");
    double_index.glyph(60, 101.5, U"N", 7);
    double_index.text(63.5, 100, U")");
    double_index.glyph(68.5, 102.5, U"1", 7);
    QCOMPARE(double_index.shown(), QStringLiteral("{(xN)1}"));
  }

  void marksOfNotesStandBesideTheirWords() {
    GlyphFixture page;
    page.text(50, 100, U"claim.");
    page.glyph(80, 96, U"1", 6);
    page.glyph(50, 196, U"1", 6);
    page.text(53, 200, U"note");
    QCOMPARE(page.shown(), QStringLiteral("{claim. 1}{1 note}"));
  }

  void scriptsWithoutBlanksMeetOthersWithOne() {
    GlyphFixture page;
    page.text(50, 100, U"\u6587\u4EF6").text(62.5, 100, U"tool").text(85, 100, U"\u7684");
    QCOMPARE(page.shown(), QString::fromUtf8("{\u6587\u4EF6 tool \u7684}"));
  }

  void onlyLettersAndDotsAreClosed() {
    GlyphFixture sum, leader;
    double x = 50;
    for (const char32_t c : U"a=b+c"s) {
      sum.glyph(x, 100, {c});
      leader.glyph(x, 100, U".");
      x += 7.5;
    }
    QCOMPARE(sum.shown(), QStringLiteral("{a = b + c}"));
    QCOMPARE(leader.shown(), QStringLiteral("{.....}"));
  }

  void charactersLargerThanAnyPageAreNone() {
    GlyphFixture page;
    page.text(50, 100, U"seen");
    page.glyph(80, 100, U"X", 1e300);
    page.glyph(90, 100, U"Y", std::numeric_limits<double>::infinity());
    QCOMPARE(page.shown(), QStringLiteral("{seen}"));
  }

  void turnedTextHasADirection() {
    GlyphFixture page;
    for (int i = 0; i < 4; ++i) {
      Glyph& glyph = page.glyph(50, 200 - 5 * i, U"side"s.substr(i, 1));
      glyph.direction_x = 0;
      glyph.direction_y = -1;
    }
    const PageWords words = page.words();
    QCOMPARE(words.words.size(), std::size_t{1});
    QCOMPARE(words.words[0].direction, 270);
    QCOMPARE(words.words[0].box, (base::Box{41, 180, 52, 200}));
  }

  void slantedTextStaysTogether() {
    GlyphFixture page;
    for (int i = 0; i < 5; ++i) {
      Glyph& glyph = page.glyph(100 + 4 * i, 300 - 3 * i, U"DRAFT"s.substr(i, 1));
      glyph.direction_x = 0.8;
      glyph.direction_y = -0.6;
    }
    QCOMPARE(page.shown(), QStringLiteral("{DRAFT}"));
  }

  void textWithoutInkIsHiddenUnlessItLiesUnderAPicture() {
    GlyphFixture page;
    page.text(50, 100, U"seen").text(50, 120, U"lost");
    for (std::size_t i = 4; i < 8; ++i) page.page().glyphs[i].invisible = true;
    QCOMPARE(page.shown(), QStringLiteral("{seen}{?lost}"));
    page.page().image_share = 0.9;
    QCOMPARE(page.shown(), QStringLiteral("{seen}{lost}"));
    QVERIFY(page.words().has_text_layer);
  }

  void charactersNobodyKnowsAreMarked() {
    GlyphFixture page;
    page.text(50, 100, U"a");
    page.glyph(55, 100, U"");
    QCOMPARE(page.shown(), QString::fromUtf8("{a\uFFFD}"));
  }

  void placesThatAreNoneAreLeftOut() {
    GlyphFixture page;
    page.text(50, 100, U"a");
    page.glyph(std::numeric_limits<double>::quiet_NaN(), 100, U"b");
    page.glyph(60, std::numeric_limits<double>::infinity(), U"c");
    page.glyph(60, 100, U"d", 0);
    QCOMPARE(page.shown(), QStringLiteral("{a}"));
  }
};

LECTERN_TEST(GlyphWordsTest)
#include "glyph_words_test.moc"
