// Answers as a terminal shows them: in one piece, and in any pieces.
#include <QTest>

#include "app/cli/place_words.h"
#include "tests/support/test_main.h"

class AnswerWordsTest : public QObject {
  Q_OBJECT

 private slots:
  void quotesStandBetweenQuotationMarks_data() {
    QTest::addColumn<QString>("answer");
    QTest::addColumn<QString>("words");
    QTest::newRow("plain") << "No quote here.\n" << "No quote here.\n";
    QTest::newRow("trimmed") << "See: <quote> int x = 1;\n\t\n</quote>." << "See: “int x = 1;”.";
    QTest::newRow("inside kept") << "<quote>a\n  b\n</quote>\n" << "“a\n  b”\n";
    QTest::newRow("two") << "<quote>a</quote> and <quote> b</quote>" << "“a” and “b”";
    QTest::newRow("steering") << "<quote>a\033[2J\r\nb\x7f \\n \u009b</quote>\u202e"
                              << "“a\\u{1b}[2J\nb\\u{7f} \\n \\u{9b}”\\u{202e}";
    QTest::newRow("cut off") << "<quote>a b" << "“a b";
  }
  void quotesStandBetweenQuotationMarks() {
    QFETCH(QString, answer);
    QFETCH(QString, words);
    QCOMPARE(QString::fromStdString(app::answerWords(answer.toStdString())), words);
  }

  void piecesMakeTheSame() {
    app::AnswerWords answer;
    std::string words;
    for (const char* piece : {"See ", "<quote>", " a", " ", "\n", "b", "\n", "</quote>", "."})
      words += answer.push(piece);
    QCOMPARE(QString::fromStdString(words), QString("See “a \nb”."));
  }
};

LECTERN_TEST(AnswerWordsTest)
#include "answer_words_test.moc"
