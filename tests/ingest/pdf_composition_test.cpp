// Invented pages of one document: furniture, hyphens and headings need to know more than one.
#include "ingest/pdf_composition.h"

#include <QTest>

#include "ingest/clean_text.h"
#include "tests/support/test_main.h"

using namespace ingest;

namespace {

// Lines at given heights, each a paragraph.
class PageBuilder {
 public:
  explicit PageBuilder(int number) {
    page_.number = number;
    page_.width = 600;
    page_.height = 800;
  }
  PageBuilder& line(double y, const std::string& text, double size = 10, bool bold = false) {
    if (!page_.text.empty()) page_.text.back() = '\n', page_.text += "\n";
    const auto begin = static_cast<std::uint32_t>(page_.text.size());
    page_.text += text;
    const auto end = static_cast<std::uint32_t>(page_.text.size());
    const base::Box box{50, y, 300, y + size};
    page_.words.push_back({begin, end, box});
    page_.lines.push_back({begin, end, box, size, bold, false});
    page_.text += '\n';
    return *this;
  }
  PageBuilder& hyphenAt(const std::string& before) {
    page_.hyphens.push_back(static_cast<std::uint32_t>(page_.text.find(before) + before.size()));
    return *this;
  }
  PageText page() const { return page_; }

 private:
  PageText page_;
};

PdfReading composed(std::vector<PageText> pages, Outline outline = {}) {
  ReadPages read;
  read.pages = std::move(pages);
  read.outline = std::move(outline);
  return composePdf(std::move(read));
}

std::string textOf(const PdfReading& reading, int page) {
  const base::Document& document = reading.extracted.document;
  const base::ByteRange bytes = document.pages.at(static_cast<std::size_t>(page - 1)).bytes;
  return document.text.substr(bytes.begin, bytes.size());
}

// The text of one page on which a line ended behind `before`.
std::string joined(const std::string& text, const std::string& before,
                   const std::string& elsewhere = "nothing of it") {
  return textOf(composed({PageBuilder(1).line(100, text).hyphenAt(before).page(),
                          PageBuilder(2).line(100, elsewhere).page()}),
                1);
}

}  // namespace

class PdfCompositionTest : public QObject {
  Q_OBJECT
 private slots:
  void headsAndNumbersAreSetAside() {
    std::vector<PageText> pages;
    for (int i = 1; i <= 6; ++i)
      pages.push_back(PageBuilder(i)
                          .line(30, i % 2 == 0 ? "Annual Report" : "Part Two")
                          .line(100, "sentence " + std::string(1, static_cast<char>('a' + i)))
                          .line(770, "- " + std::to_string(i) + " -")
                          .page());
    const PdfReading reading = composed(pages);
    QCOMPARE(textOf(reading, 3), std::string("sentence d\n"));
    QCOMPARE(reading.asides.size(), std::size_t{12});
    QCOMPARE(reading.asides[0].text, std::string("Part Two"));
    QCOMPARE(reading.extracted.document.spans.size(), std::size_t{6});
    for (const base::SourceSpan& span : reading.extracted.document.spans)
      QVERIFY(reading.extracted.document.text.substr(span.bytes.begin, 8) == "sentence");
    QCOMPARE(reading.extracted.diagnostics.size(), std::size_t{1});
  }

  void pagesBeginWithTheirText() {
    std::vector<PageText> pages;
    for (int i = 1; i <= 4; ++i)
      pages.push_back(PageBuilder(i)
                          .line(30, "Annual Report")
                          .line(45, "of the harbour")
                          .line(100, "    indented " + std::string(1, static_cast<char>('a' + i)))
                          .page());
    QCOMPARE(textOf(composed(pages), 3), std::string("    indented d\n"));
  }

  void whatOnlyLooksLikeFurnitureStays() {
    std::vector<PageText> pages;
    for (int i = 1; i <= 4; ++i)  // a title, a line in the middle, and a page that is all alike
      pages.push_back(PageBuilder(i).line(40, "Results", 20).line(400, "the same again").page());
    QVERIFY(composed(pages).asides.empty());
    pages.clear();
    for (int i = 1; i <= 4; ++i)
      pages.push_back(PageBuilder(i).line(40, "This page is blank").page());
    QVERIFY(composed(pages).asides.empty());
  }

  void softHyphensGoAndRealOnesStay() {
    QCOMPARE(joined("an inter-national word", "inter"), std::string("an international word\n"));
    QCOMPARE(joined("a well-known word", "well"), std::string("a well-known word\n"));
    QCOMPARE(joined("an e-mail", "an e"), std::string("an e-mail\n"));
    QCOMPARE(joined("in the mid-1990s", "mid"), std::string("in the mid-1990s\n"));
    QCOMPARE(joined("a state-of-the-art one", "of-the"), std::string("a state-of-the-art one\n"));
  }

  void theDocumentKnowsItsWords() {
    QCOMPARE(joined("a harbour-master", "harbour", "the harbour-master again"),
             std::string("a harbour-master\n"));
    QCOMPARE(joined("a well-known", "well", "this is wellknown"), std::string("a wellknown\n"));
  }

  void spansFollowTheirWords() {
    const PdfReading reading = composed({PageBuilder(1)
                                             .line(100, "an inter-national")
                                             .line(150, "after")
                                             .hyphenAt("inter")
                                             .page()});
    const base::Document& document = reading.extracted.document;
    QCOMPARE(document.text, std::string("an international\n\nafter\n"));
    QCOMPARE(document.spans.size(), std::size_t{2});
    QCOMPARE(document.text.substr(document.spans[1].bytes.begin, document.spans[1].bytes.size()),
             std::string("after"));
  }

  void outlinesNameTheLinesThatSayThem() {
    const PdfReading reading =
        composed({PageBuilder(1).line(50, "1.1 The  Start").line(100, "text").page()},
                 Outline{{{0, "1.1 The Start", 1, 40}, {1, "Elsewhere", 1, 300}}});
    QCOMPARE(reading.headings.size(), std::size_t{2});
    QCOMPARE(reading.headings[0].bytes, (base::ByteRange{0, 14}));
    QCOMPARE(reading.headings[1].title, std::string("Elsewhere"));
    QVERIFY(reading.headings[1].bytes.empty());
  }

  void largeAndBoldLinesAreHeadings() {
    const PdfReading reading = composed({PageBuilder(1)
                                             .line(50, "Chapter", 18)
                                             .line(100, "a sentence that is long enough to count")
                                             .line(150, "Section", 10, true)
                                             .line(200, "one more sentence of the text")
                                             .page()});
    QCOMPARE(reading.headings.size(), std::size_t{2});
    QCOMPARE(reading.headings[0].title, std::string("Chapter"));
    QCOMPARE(reading.headings[0].level, 0);
    QCOMPARE(reading.headings[1].title, std::string("Section"));
    QCOMPARE(reading.headings[1].level, 1);
  }
};

LECTERN_TEST(PdfCompositionTest)
#include "pdf_composition_test.moc"
