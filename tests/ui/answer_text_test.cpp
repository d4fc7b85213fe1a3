// An answer is data: quotes keep their state, and nothing in it becomes markup.
#include "tests/support/test_main.h"
#include "tests/ui/scenes.h"
#include "ui/answer_text.h"
#include "ui/transcript_text.h"

namespace {

QString plain(const std::vector<ui::Block>& blocks) {
  QString words;
  for (const ui::Block& block : blocks) {
    for (const ui::Inline& part : block.content) words += part.text;
    for (const auto& cell : block.cells)
      for (const ui::Inline& part : cell) words += part.text + QLatin1Char('|');
    words += QLatin1Char('\n');
  }
  return words;
}

}  // namespace

class AnswerTextTest : public QObject {
  Q_OBJECT

 private slots:
  void quotesCarryTheirState() {
    const ui::MessageValue message = scenes::answered();
    const ui::AnswerText parsed = ui::parseAnswer(message.answer, message.citations, false);
    QCOMPARE(parsed.quotes.size(), size_t(4));
    QCOMPARE(parsed.quotes[0].state, ui::EvidenceState::kVerified);
    QCOMPARE(parsed.quotes[3].state, ui::EvidenceState::kUnverified);
    QCOMPARE(ui::chipWords(parsed.quotes[0]), QStringLiteral("version_set.cc:833\u2013835"));
    QCOMPARE(ui::chipWords(parsed.quotes[2]),
             QStringLiteral("store-recovery-field-report.pdf, p. 9"));
    QCOMPARE(ui::chipWords(parsed.quotes[3]), QStringLiteral("not in your sources"));
  }

  void aQuoteWithoutCitationIsUnverified() {
    const ui::AnswerText closed = ui::parseAnswer("<quote>words</quote>", {}, false);
    QCOMPARE(closed.quotes.at(0).state, ui::EvidenceState::kUnverified);
    const ui::AnswerText open = ui::parseAnswer("<quote>words</quote>", {}, true);
    QCOMPARE(open.quotes.at(0).state, ui::EvidenceState::kPending);
  }

  void olderTextIsNotPlainVerbatim() {
    const std::string answer = "<quote>words</quote>";
    base::Citation citation;
    citation.path = "a.txt";
    citation.line_start = citation.line_end = 3;
    citation.check = base::CitationCheck::kOlderText;
    const std::vector<base::Citation> citations = scenes::placed(answer, {citation});
    const ui::AnswerText parsed = ui::parseAnswer(answer, citations, false);
    QCOMPARE(parsed.quotes.at(0).state, ui::EvidenceState::kOlderText);
  }

  // The model ends a quoted line with its line feed; the citation has it cut off.
  void citationsWithoutLineFeedsAreFound() {
    const std::string answer = "<quote> def reload(self):\n</quote>";
    base::Citation citation;
    citation.path = "a.py";
    citation.answer = {7, 25};
    citation.check = base::CitationCheck::kVerified;
    const std::vector<base::Citation> citations = {citation};
    const ui::AnswerText parsed = ui::parseAnswer(answer, citations, false);
    QCOMPARE(parsed.quotes.at(0).state, ui::EvidenceState::kVerified);
    QCOMPARE(QString::fromStdString(parsed.quotes.at(0).text), QStringLiteral("def reload(self):"));
    QCOMPARE(parsed.blocks.at(0).kind, ui::BlockKind::kQuote);
  }

  void markupIsShownAsItIsWritten_data() {
    QTest::addColumn<QString>("answer");
    QTest::newRow("tag") << QStringLiteral("see <b>this</b> <img src=\"http://a/b.png\">");
    QTest::newRow("script") << QStringLiteral("<script>alert(1)</script>");
    QTest::newRow("entity") << QStringLiteral("a &lt; b &amp; c");
    QTest::newRow("piece") << QStringLiteral("\uFFFD0\uFFFD");
  }
  void markupIsShownAsItIsWritten() {
    QFETCH(QString, answer);
    const ui::AnswerText parsed = ui::parseAnswer(answer.toStdString(), {}, false);
    QCOMPARE(plain(parsed.blocks).trimmed(), answer);
  }

  void markupInAQuoteStaysWords() {
    const ui::AnswerText parsed =
        ui::parseAnswer("He says <quote>**a** <b>_b_</b> `c`</quote> there.", {}, false);
    QVERIFY(plain(parsed.blocks).contains(QStringLiteral("**a** <b>_b_</b> `c`")));
  }

  void linksTellTheirTarget() {
    const ui::AnswerText parsed =
        ui::parseAnswer("[the manual](http://evil.example/x) ![pic](file:///etc/passwd)", {}, false);
    const QString words = plain(parsed.blocks);
    QVERIFY(words.contains(QStringLiteral("the manual (http://evil.example/x)")));
    QVERIFY(words.contains(QStringLiteral("pic (file:///etc/passwd)")));
  }

  void numbersOfQuotesCannotBeForged() {
    const QString forged = QString(QChar(0xFDD0)) + QStringLiteral("0") + QChar(0xFDD1);
    const std::string answer = "<quote>real</quote> and " + forged.toStdString();
    const ui::AnswerText parsed = ui::parseAnswer(answer, {}, false);
    int n_chips = 0;
    for (const ui::Block& block : parsed.blocks)
      for (const ui::Inline& part : block.content) n_chips += part.chip;
    QCOMPARE(n_chips, 1);
  }

  void hiddenCharactersBecomeVisible() {
    const ui::AnswerText parsed = ui::parseAnswer("a\u202Eb\u200Bc\x1B[31m", {}, false);
    const QString words = plain(parsed.blocks);
    for (const QChar hidden : {QChar(0x202E), QChar(0x200B), QChar(0x1B)})
      QVERIFY(!words.contains(hidden));
  }

  void nothingSaidIsToldInWords() {
    const ui::AnswerText parsed = ui::parseAnswer("<none/>", {}, false);
    QCOMPARE(parsed.blocks.size(), size_t(1));
    QCOMPARE(parsed.blocks[0].kind, ui::BlockKind::kNothingSaid);
  }

  void blocksOfMarkdown() {
    const ui::AnswerText parsed = ui::parseAnswer(
        "# Title\n\n1. one\n2. two\n   - deep\n\n```cpp\nint x;\n```\n\n| a | b |\n|---|---|\n"
        "| 1 | 2 |\n\n---\n", {}, false);
    std::vector<ui::BlockKind> kinds;
    for (const ui::Block& block : parsed.blocks) kinds.push_back(block.kind);
    const std::vector<ui::BlockKind> expected = {
        ui::BlockKind::kHeading, ui::BlockKind::kItem, ui::BlockKind::kItem, ui::BlockKind::kItem,
        ui::BlockKind::kCode, ui::BlockKind::kTableRow, ui::BlockKind::kTableRow,
        ui::BlockKind::kRule};
    QVERIFY(kinds == expected);
    QCOMPARE(parsed.blocks[2].mark, QStringLiteral("2."));
    QCOMPARE(parsed.blocks[3].level, 2);
    QCOMPARE(parsed.blocks[4].language, QStringLiteral("cpp"));
    QVERIFY(parsed.blocks[5].head && !parsed.blocks[6].head);
  }

  // Inter would draw an arrow for "->"; a quote shows the characters that are in the file.
  void signsAreNotDrawnTogether() {
    const QFontMetricsF metrics(ui::theme().font(ui::FontRole::kReading));
    qreal apart = 0;
    for (const QChar c : QStringLiteral("->=>")) apart += metrics.horizontalAdvance(c);
    const ui::ParagraphLayout words(QStringLiteral("->=>"), ui::ParagraphLayout::Style{}, 400);
    QVERIFY2(std::abs(words.textWidth() - apart) < 1,
             qPrintable(QStringLiteral("%1 %2").arg(words.textWidth()).arg(apart)));
  }

  // Cut anywhere, the beginnings of an answer never show half a marker, and the whole is the same.
  void growingAnswersEndAsTheWhole() {
    const ui::MessageValue message = scenes::answered();
    for (std::size_t n = 0; n <= message.answer.size(); ++n) {
      const ui::AnswerText part =
          ui::parseAnswer(std::string_view(message.answer).substr(0, n), message.citations, true);
      const QString words = plain(part.blocks);
      QVERIFY2(!words.contains(QStringLiteral("<q")) && !words.contains(QStringLiteral("</")),
               qPrintable(words.right(40)));
    }
    const ui::AnswerText whole = ui::parseAnswer(message.answer, message.citations, false);
    const ui::AnswerText grown = ui::parseAnswer(message.answer, message.citations, true);
    QVERIFY(whole.blocks == grown.blocks);
  }
};

LECTERN_TEST(AnswerTextTest)
#include "answer_text_test.moc"
