// Viewers land on the quote and mark exactly its characters or boxes.
#include <QSignalSpy>
#include <QTabBar>
#include <QTest>
#include <QToolButton>
#include <Qsci/qscilexer.h>
#include <Qsci/qsciscintilla.h>

#include "tests/support/test_main.h"
#include "ui/code_lexer.h"
#include "ui/code_view.h"
#include "ui/error_card.h"
#include "ui/pdf_canvas.h"
#include "ui/pdf_view.h"
#include "ui/theme.h"
#include "ui/viewer_head.h"
#include "ui/viewer_tabs.h"

using namespace ui;

namespace {

QImage picture(QWidget& widget) { return widget.grab().toImage(); }

int countColor(const QImage& image, const QColor& wanted) {
  int n = 0;
  for (int y = 0; y < image.height(); ++y)
    for (int x = 0; x < image.width(); ++x) n += image.pixelColor(x, y) == wanted;
  return n;
}

// Thin strokes are painted smooth: hardly a pixel has the full colour.
int countNear(const QImage& image, const QColor& wanted) {
  int n = 0;
  for (int y = 0; y < image.height(); ++y)
    for (int x = 0; x < image.width(); ++x) {
      const QColor c = image.pixelColor(x, y);
      n += std::abs(c.red() - wanted.red()) + std::abs(c.green() - wanted.green()) +
               std::abs(c.blue() - wanted.blue()) < 60;
    }
  return n;
}

// The smallest rectangle that holds every pixel of this colour.
QRect areaOf(const QImage& image, const QColor& wanted) {
  QRect area;
  for (int y = 0; y < image.height(); ++y)
    for (int x = 0; x < image.width(); ++x)
      if (image.pixelColor(x, y) == wanted) area |= QRect(x, y, 1, 1);
  return area;
}

DocumentText longFile(int n_lines, int marked_line) {
  DocumentText document;
  document.path = QStringLiteral("src/long.cpp");
  for (int line = 1; line <= n_lines; ++line) {
    const std::string text = "int value_" + std::to_string(line) + " = 0;";
    if (line == marked_line)
      document.marks.push_back({document.text.size(), document.text.size() + text.size()});
    document.text += text + "\n";
  }
  document.current = document.marks.empty() ? -1 : 0;
  document.version = QStringLiteral("as read, 78a352f");
  return document;
}

void place(QWidget& widget, QSize size) {
  widget.resize(size);
  widget.show();
  QVERIFY(QTest::qWaitForWindowExposed(&widget));
  QCoreApplication::processEvents();
}

QImage pageImage(double width_pt, double height_pt, double scale) {
  QImage image(qRound(width_pt * scale), qRound(height_pt * scale), QImage::Format_RGB32);
  image.fill(Qt::white);
  return image;
}

PdfPage page(std::vector<base::Box> boxes, double scale) {
  PdfPage page;
  page.path = QStringLiteral("papers/report.pdf");
  page.page = 9;
  page.n_pages = 24;
  page.label = QStringLiteral("7");
  page.width_pt = 200;
  page.height_pt = 300;
  page.boxes = std::move(boxes);
  page.scale = scale;
  page.image = pageImage(200, 300, scale);
  return page;
}

}  // namespace

class CodeViewTest : public QObject {
  Q_OBJECT

 private slots:
  void textIsTheBytesThatWereRead() {
    CodeView view;
    DocumentText document;
    document.path = QStringLiteral("notes/grün.txt");
    document.text = "alpha\n\tβeta → γ\r\nlast";
    view.show(document);
    QCOMPARE(view.text().toStdString(), document.text);
    QVERIFY(view.editor()->isReadOnly());
  }

  void markCoversExactlyTheQuote() {
    CodeView view;
    DocumentText document;
    document.path = QStringLiteral("a.txt");
    document.text = "äöü quoted words end\nnext\n";
    const size_t begin = document.text.find("quoted");
    document.marks = {{begin, begin + 12}};
    document.current = 0;
    view.show(document);
    QCOMPARE(marked(view), std::string("quoted words"));
  }

  void markIsPaintedOverTheColumnsOfTheQuoteOnly() {
    CodeView view;
    DocumentText document;
    document.path = QStringLiteral("a.txt");
    document.text = "0123456789\n0123456789\n";
    document.marks = {{13, 17}};
    document.current = 0;
    view.show(document);
    place(view, {500, 300});
    const QRect area = areaOf(picture(*view.editor()->viewport()), color(Token::kMark));
    const auto x = [&](long position) {
      return static_cast<int>(view.editor()->SendScintilla(
          QsciScintillaBase::SCI_POINTXFROMPOSITION, 0UL, position));
    };
    QVERIFY2(std::abs(area.left() - x(13)) <= 1 && std::abs(area.right() + 1 - x(17)) <= 1,
             qPrintable(QStringLiteral("%1 to %2, wanted %3 to %4")
                            .arg(area.left()).arg(area.right()).arg(x(13)).arg(x(17))));
    QVERIFY(area.height() <= theme().lineHeight(FontRole::kCode) + 1);
  }

  void marginBarStandsBesideTheQuotedLines() {
    CodeView view;
    view.show(longFile(20, 3));
    place(view, {500, 300});
    const QImage image = picture(*view.editor()->viewport());
    QCOMPARE(areaOf(image, color(Token::kMarkLine)).width(), 3);
    view.show(longFile(20, -1));
    QCOMPARE(countColor(picture(*view.editor()->viewport()), color(Token::kMarkLine)), 0);
  }

  void landsOnTheQuoteInTheUpperThird() {
    CodeView view;
    place(view, {600, 400});
    view.show(longFile(1000, 700));
    const int first = view.editor()->firstVisibleLine();
    const auto on_screen =
        static_cast<int>(view.editor()->SendScintilla(QsciScintillaBase::SCI_LINESONSCREEN));
    QVERIFY(first < 699 && 699 <= first + on_screen / 2);
  }

  void landsAlsoWhenShownBeforeItHasASize() {
    CodeView view;
    view.show(longFile(1000, 700));
    place(view, {600, 400});
    QTRY_VERIFY(view.editor()->firstVisibleLine() > 600);
    QVERIFY(view.editor()->firstVisibleLine() < 699);
  }

  void headNamesPathVersionAndQuote() {
    CodeView view;
    DocumentText document = longFile(10, 4);
    document.marks.push_back({0, 3});
    document.current = 1;
    view.show(document);
    QCOMPARE(view.head()->quoteText(), QStringLiteral("quote 2 of 2"));
    document.current = -1;
    view.show(document);
    QCOMPARE(view.head()->quoteText(), QString());
  }

  void syntaxIsChosenByTheNameOfTheFile_data() {
    QTest::addColumn<QString>("path");
    QTest::addColumn<QString>("language");
    QTest::newRow("cpp") << "src/queue.cpp" << "C++";
    QTest::newRow("python") << "tools/run.PY" << "Python";
    QTest::newRow("markdown") << "README.md" << "Markdown";
    QTest::newRow("cmake") << "a/CMakeLists.txt" << "CMake";
    QTest::newRow("unknown") << "a/data.xyz" << "";
  }
  void syntaxIsChosenByTheNameOfTheFile() {
    QFETCH(QString, path);
    QFETCH(QString, language);
    const std::unique_ptr<QsciLexer> lexer(makeCodeLexer(path, nullptr));
    QCOMPARE(lexer ? QString::fromLatin1(lexer->language()) : QString(), language);
  }

  void keywordsAndCommentsHaveTheColoursOfTheTheme() {
    const Scheme before = theme().scheme();
    CodeView view;
    DocumentText document;
    document.path = QStringLiteral("a.cpp");
    document.text = "// a comment that is long enough to be seen\nreturn nullptr; class struct\n";
    view.show(document);
    place(view, {500, 200});
    for (const Scheme scheme : {Scheme::kLight, Scheme::kDark}) {
      theme().setScheme(scheme);
      const QImage image = picture(*view.editor()->viewport());
      QVERIFY(countColor(image, color(Token::kSurface)) > 10000);
      QVERIFY2(countNear(image, color(Token::kSynKey)) > 5, "keyword");
      QVERIFY2(countNear(image, color(Token::kSynCom)) > 5, "comment");
    }
    theme().setScheme(before);
  }

  // From here on: what must not disturb the view.
  void marksBeyondTheTextAreCutOff() {
    CodeView view;
    DocumentText document;
    document.path = QStringLiteral("a.txt");
    document.text = "short";
    document.marks = {{3, 900}, {700, 800}, {2, 2}};
    document.current = 1;
    view.show(document);
    QCOMPARE(marked(view), std::string("rt"));
  }

  void oldMarksGoWithTheOldText() {
    CodeView view;
    view.show(longFile(5, 1));
    DocumentText plain = longFile(5, -1);
    view.show(plain);
    QCOMPARE(marked(view), std::string());
    QCOMPARE(view.editor()->markersAtLine(0), 0u);
  }

  void theUserCannotChangeTheText() {
    CodeView view;
    view.show(longFile(3, 1));
    place(view, {400, 200});
    const QString before = view.text();
    QTest::keyClicks(view.editor(), QStringLiteral("x"));
    QTest::keyClick(view.editor(), Qt::Key_Delete);
    QCOMPARE(view.text(), before);
  }

 private:
  static std::string marked(const CodeView& view) {
    std::string bytes, text = view.text().toStdString();
    for (size_t i = 0; i < text.size(); ++i)
      if (view.editor()->SendScintilla(QsciScintillaBase::SCI_INDICATORVALUEAT, 8UL,
                                       static_cast<long>(i)) != 0)
        bytes += text[i];
    return bytes;
  }
};
LECTERN_TEST(CodeViewTest)

class PdfViewTest : public QObject {
  Q_OBJECT

 private slots:
  void boxesLieOnTheWordsAtEveryZoom_data() {
    QTest::addColumn<double>("zoom");
    for (const double zoom : {1.0, 1.5, 2.0})
      QTest::newRow(qPrintable(QString::number(zoom))) << zoom;
  }
  void boxesLieOnTheWordsAtEveryZoom() {
    QFETCH(double, zoom);
    PdfView view;
    place(view, {700, 900});
    view.setZoom(zoom);
    const double scale = view.canvas()->zoom();
    // Two lines at the foot of the left column, one at the head of the right.
    view.show(page({{20, 60, 90, 70}, {20, 72, 60, 82}, {110, 20, 180, 30}}, scale));
    const QImage image = picture(*view.canvas()->viewport());
    const QRectF sheet = view.canvas()->pageRect();
    const QColor mark = theme().color(Token::kMark, Scheme::kLight);
    for (const base::Box& box : view.canvas()->page().boxes) {
      const QRectF wanted(sheet.x() + box.x0 * scale, sheet.y() + box.y0 * scale,
                          (box.x1 - box.x0) * scale, (box.y1 - box.y0) * scale);
      // Around each box the first pixels outside are white, the first inside are marked.
      const int y = qRound(wanted.center().y());
      QCOMPARE(image.pixelColor(qRound(wanted.left()) + 1, y), mark);
      QCOMPARE(image.pixelColor(qRound(wanted.right()) - 2, y), mark);
      QCOMPARE(image.pixelColor(qRound(wanted.left()) - 2, y), QColor(Qt::white));
      QCOMPARE(image.pixelColor(qRound(wanted.right()) + 2, y), QColor(Qt::white));
      QCOMPARE(image.pixelColor(qRound(wanted.center().x()), qRound(wanted.top()) - 2),
               QColor(Qt::white));
    }
  }

  void greyPageOfTheRightSizeStandsInForThePicture() {
    PdfView view;
    place(view, {700, 900});
    view.setZoom(1);
    PdfPage blank = page({}, 1);
    blank.image = QImage();
    QSignalSpy asked(&view, &PdfView::pageRequested);
    view.show(blank);
    QCOMPARE(asked.size(), 1);
    QCOMPARE(asked[0][0].toString(), blank.path);
    QCOMPARE(asked[0][1].toInt(), 9);
    const double scale = view.canvas()->zoom() * view.devicePixelRatioF();
    QCOMPARE(asked[0][2].toDouble(), scale);
    const QRectF sheet = view.canvas()->pageRect();
    QCOMPARE(sheet.size(), QSizeF(200, 300) * view.canvas()->zoom());
    const QImage image = picture(*view.canvas()->viewport());
    QCOMPARE(image.pixelColor(sheet.center().toPoint()), color(Token::kHover));

    view.show(page({}, scale));
    QCOMPARE(asked.size(), 1);
  }

  void scrollsToTheFirstBox() {
    PdfView view;
    place(view, {400, 300});
    view.setZoom(3);
    view.show(page({{20, 200, 90, 210}}, 1));
    const QRectF box = view.canvas()->boxRect(view.canvas()->page().boxes[0]);
    QVERIFY(box.top() > 0 && box.bottom() < view.canvas()->viewport()->height());
  }

  void zoomAsksForASharperPicture() {
    PdfView view;
    place(view, {700, 900});
    view.setZoom(1);
    view.show(page({}, view.canvas()->zoom()));
    QSignalSpy asked(&view, &PdfView::pageRequested);
    view.zoomIn();
    QCOMPARE(view.zoom(), 1.1);
    QVERIFY(asked.wait());
    QCOMPARE(asked[0][2].toDouble(), view.canvas()->zoom() * view.devicePixelRatioF());
    view.zoomOut();
    view.zoomOut();
    QCOMPARE(view.zoom(), 0.9);
  }

  void fitWidthFollowsTheWindow() {
    PdfView view;
    place(view, {500, 600});
    view.fitWidth();
    view.show(page({}, 1));
    const double narrow = view.canvas()->pageRect().width();
    QVERIFY(narrow > 400 && narrow < 500);
    view.resize(900, 600);
    QTRY_VERIFY(view.canvas()->pageRect().width() > narrow + 300);
  }

  void turningThePageAsksForItOnce() {
    PdfView view;
    place(view, {500, 600});
    view.show(page({{20, 60, 90, 70}}, view.canvas()->fitZoom()));
    QSignalSpy asked(&view, &PdfView::pageRequested);
    view.goToPage(10);
    QCOMPARE(asked.size(), 1);
    QCOMPARE(asked[0][1].toInt(), 10);
    QVERIFY(view.canvas()->page().boxes.empty());
    view.goToPage(0);
    view.goToPage(25);
    QCOMPARE(asked.size(), 1);
  }

  void anotherQuoteOnThePageKeepsItsPicture() {
    PdfView view;
    place(view, {500, 600});
    view.show(page({{20, 60, 90, 70}}, 2));
    PdfPage next = page({{20, 200, 90, 210}}, 2);
    next.image = QImage();
    view.show(next);
    QVERIFY(!view.canvas()->page().image.isNull());
    QCOMPARE(view.canvas()->page().boxes, next.boxes);
  }
};
LECTERN_TEST(PdfViewTest)

class ViewerTabsTest : public QObject {
  Q_OBJECT

 private slots:
  void eachPathHasOneTab() {
    ViewerTabs tabs;
    tabs.showDocumentText(longFile(10, 3));
    tabs.showPdfPage(page({}, 1));
    tabs.showDocumentText(longFile(10, 5));
    QCOMPARE(tabs.count(), 2);
    QCOMPARE(tabs.currentPath(), QStringLiteral("src/long.cpp"));
    QCOMPARE(tabs.tabText(0), QStringLiteral("long.cpp"));
    QVERIFY(tabs.codeView() != nullptr && tabs.pdfView() == nullptr);
  }

  void objectNamesAreUnique() {
    ViewerTabs tabs;
    DocumentText other = longFile(10, 3);
    other.path = QStringLiteral("src/other.cpp");
    tabs.showDocumentText(longFile(10, 3));
    tabs.showDocumentText(other);
    tabs.showPdfPage(page({}, 1));
    tabs.setCurrentIndex(0);
    QCOMPARE(tabs.findChildren<CodeView*>(QStringLiteral("codeView")).size(), 1);
    QCOMPARE(tabs.findChild<CodeView*>(QStringLiteral("codeView")), tabs.codeView());
    QVERIFY(tabs.findChild<PdfView*>(QStringLiteral("pdfView")) == nullptr);
  }

  void closeButtonClosesItsTab() {
    ViewerTabs tabs;
    tabs.showDocumentText(longFile(10, 3));
    tabs.showPdfPage(page({}, 1));
    QSignalSpy shown(&tabs, &ViewerTabs::pathShown);
    auto* close = qobject_cast<QToolButton*>(tabs.tabBar()->tabButton(1, QTabBar::RightSide));
    QVERIFY(close != nullptr);
    close->click();
    QCOMPARE(tabs.count(), 1);
    QCOMPARE(tabs.currentPath(), QStringLiteral("src/long.cpp"));
    tabs.closeCurrent();
    QCOMPARE(tabs.currentPath(), QString());
    QCOMPARE(shown.last()[0].toString(), QString());
  }

  void pagesAreAskedForThroughTheTabs() {
    ViewerTabs tabs;
    place(tabs, {500, 600});
    QSignalSpy asked(&tabs, &ViewerTabs::pdfPageRequested);
    PdfPage blank = page({}, 1);
    blank.image = QImage();
    tabs.showPdfPage(blank);
    QTRY_VERIFY(!asked.empty());
    QCOMPARE(asked.last()[0].toString(), blank.path);
  }

  void errorStandsInTheTabOfItsFileUntilTheFileIsShown() {
    ViewerTabs tabs;
    place(tabs, {500, 600});
    ErrorValue error;
    error.error = {base::ErrorCode::kCorrupt, "the file is damaged", ""};
    error.place = ErrorPlace::kViewer;
    error.subject = QStringLiteral("papers/report.pdf");
    tabs.showError(error);
    QCOMPARE(tabs.currentPath(), error.subject);
    auto* card = tabs.currentWidget()->findChild<ErrorCard*>();
    QVERIFY(card->isVisible());
    tabs.showPdfPage(page({}, 1));
    QVERIFY(!card->isVisible());
    QCOMPARE(tabs.count(), 1);
  }

  void namesOfFilesAreTextNotMarkup() {
    ViewerTabs tabs;
    DocumentText document = longFile(3, -1);
    document.path = QStringLiteral("a&b\u202Egpj.txt");
    tabs.showDocumentText(document);
    QVERIFY(!tabs.tabText(0).contains(QChar(0x202E)));
    QVERIFY(tabs.tabText(0).contains(QLatin1String("&&")));
  }
};
LECTERN_TEST(ViewerTabsTest)

#include "viewers_test.moc"
