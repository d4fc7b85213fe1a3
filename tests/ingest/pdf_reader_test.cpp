// Real PDFs through the real lectern-reader.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <thread>

#include <sys/stat.h>

#include <QElapsedTimer>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QRegularExpression>
#include <QTemporaryDir>
#include <QTest>

#include "ingest/clean_text.h"
#include "tests/ingest/reader_fixture.h"
#include "tests/support/test_main.h"

using namespace support;
using base::Document;
using base::SourceSpan;

namespace {

QStringList wordsOf(QString text) {
  text = text.normalized(QString::NormalizationForm_KC);
  return text.split(QRegularExpression(QStringLiteral("\\s+")), Qt::SkipEmptyParts);
}

QStringList wordsOf(const std::string& text) { return wordsOf(QString::fromStdString(text)); }

// What every document promises, whatever is in it.
QString brokenPromise(const Document& document) {
  if (!ingest::isCleanText(document.text)) return QStringLiteral("text is not clean");
  std::size_t end = 0;
  for (const base::Page& page : document.pages) {
    if (page.bytes.begin != end || page.bytes.end < end)
      return QStringLiteral("pages do not partition");
    end = page.bytes.end;
  }
  if (end != document.text.size()) return QStringLiteral("text beyond the last page");
  end = 0;
  for (const SourceSpan& span : document.spans) {
    if (span.bytes.begin < end || span.bytes.empty() || span.bytes.end > document.text.size())
      return QStringLiteral("spans out of order");
    end = span.bytes.end;
    const base::Page& page = document.pages.at(static_cast<std::size_t>(span.page - 1));
    if (!page.bytes.contains(span.bytes) || span.boxes.size() != 1)
      return QStringLiteral("span outside of its page");
    const base::Box& box = span.boxes[0];
    if (!(box.x0 >= -0.1 && box.x0 <= box.x1 && box.x1 <= page.width + 0.1 && box.y0 >= -0.1 &&
          box.y0 <= box.y1 && box.y1 <= page.height + 0.1))
      return QStringLiteral("box outside of its page");
  }
  return {};
}

// Words whose middle lies in one of the boxes, in reading order.
QString wordsInside(const Document& document, int page, const QJsonArray& boxes) {
  QStringList inside;
  for (const SourceSpan& span : document.spans) {
    const base::Box& box = span.boxes[0];
    const double x = (box.x0 + box.x1) / 2, y = (box.y0 + box.y1) / 2;
    const bool hit = std::any_of(boxes.begin(), boxes.end(), [&](const QJsonValue& value) {
      const QJsonArray b = value.toArray();
      return x > b[0].toDouble() - 2 && x < b[2].toDouble() + 2 && y > b[1].toDouble() - 2 &&
             y < b[3].toDouble() + 2;
    });
    if (hit && span.page == page)
      inside << QString::fromStdString(
          document.text.substr(span.bytes.begin, span.bytes.size()));
  }
  return inside.join(' ');
}

struct Ink {
  double inside =
      0;  // dark pixels of the page that lie in a word's box, as a share of all dark ones
  int n_empty = 0;     // words without a dark pixel
};

Ink inkOf(const Document& document, const ingest::PageImage& image) {
  const auto dark = [&](int x, int y) {
    return image.rgb[static_cast<std::size_t>(y * image.width_px + x) * 3] < 128;
  };
  std::vector<bool> covered(static_cast<std::size_t>(image.width_px * image.height_px));
  Ink ink;
  for (const SourceSpan& span : document.spans) {
    if (span.page != image.page) continue;
    const base::Box& box = span.boxes[0];
    const auto x0 = static_cast<int>(box.x0 * image.scale),
               x1 = static_cast<int>(std::ceil(box.x1 * image.scale));
    const auto y0 = static_cast<int>(box.y0 * image.scale),
               y1 = static_cast<int>(std::ceil(box.y1 * image.scale));
    int n_dark = 0;
    for (int y = std::max(y0, 0); y < std::min(y1, image.height_px); ++y)
      for (int x = std::max(x0, 0); x < std::min(x1, image.width_px); ++x) {
        n_dark += dark(x, y);
        covered[static_cast<std::size_t>(y * image.width_px + x)] = true;
      }
    ink.n_empty += n_dark == 0;
  }
  double n_all = 0, n_inside = 0;
  for (int y = 0; y < image.height_px; ++y)
    for (int x = 0; x < image.width_px; ++x)
      if (dark(x, y)) {
        ++n_all;
        n_inside += covered[static_cast<std::size_t>(y * image.width_px + x)];
      }
  ink.inside = n_all > 0 ? n_inside / n_all : 0;
  return ink;
}

// Objects from number 1 on, the catalog first.
std::string pdfOf(const std::vector<std::string>& objects) {
  const std::string size = std::to_string(objects.size() + 1);
  std::string pdf = "%PDF-1.4\n", table = "xref\n0 " + size + "\n0000000000 65535 f \n";
  for (std::size_t i = 0; i < objects.size(); ++i) {
    char entry[32];
    std::snprintf(entry, sizeof entry, "%010zu 00000 n \n", pdf.size());
    table += entry;
    pdf += std::to_string(i + 1) + " 0 obj\n" + objects[i] + "\nendobj\n";
  }
  return pdf + table + "trailer<</Size " + size + "/Root 1 0 R>>\nstartxref\n" +
         std::to_string(pdf.size()) + "\n%%EOF\n";
}

std::string streamOf(const std::string& entries, const std::string& bytes) {
  return "<<" + entries + "/Length " + std::to_string(bytes.size()) + ">>\nstream\n" + bytes +
         "\nendstream";
}

// A running head, two lines of text and a page number on every page, and enough beside it that
// several processes share the document.
std::string bookOf(int n_pages, const std::string& title = "The Long Book") {
  std::string kids;
  for (int i = 0; i < n_pages; ++i) kids += std::to_string(4 + 2 * i) + " 0 R ";
  std::vector<std::string> objects = {
      "<</Type/Catalog/Pages 2 0 R>>",
      "<</Type/Pages/Count " + std::to_string(n_pages) + "/Kids[" + kids + "]>>",
      "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"};
  for (int i = 1; i <= n_pages; ++i) {
    const std::string number = std::to_string(i);
    const auto line = [](int y, const std::string& text) {
      return "BT /F 10 Tf 72 " + std::to_string(y) + " Td (" + text + ") Tj ET\n";
    };
    objects.push_back("<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents " +
                      std::to_string(objects.size() + 2) +
                      " 0 R/Resources<</Font<</F 3 0 R>>>>>>");
    objects.push_back(streamOf("", line(800, title) + line(500, "Of chapter " + number) +
                                       line(488, "nothing is known.") + line(40, number) + "%" +
                                       std::string(20'000, 'x') + "\n"));
  }
  return pdfOf(objects);
}

// Each form draws the next one a hundred times: 10^12 drawings in a few kilobytes.
std::string endlessPage() {
  constexpr int kForms = 6;
  std::string draw;
  for (int i = 0; i < 100; ++i) draw += "/F Do ";
  std::vector<std::string> objects = {
      "<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Count 1/Kids[3 0 R]>>",
      "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
      "/Resources<</XObject<</F 5 0 R>>>>>>",
      streamOf("", "/F Do")};
  for (int i = 0; i < kForms; ++i)
    objects.push_back(streamOf("/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</F " +
                                   std::to_string(objects.size() + 2) + " 0 R>>>>",
                               draw));
  objects.push_back(streamOf("/Type/XObject/Subtype/Form/BBox[0 0 9 9]", "0 0 m 9 9 l S"));
  return pdfOf(objects);
}

// A PDF of one page that shows the image and has no text.
std::string scanOf(const ingest::PageImage& image) {
  std::string gray;
  for (std::size_t i = 0; i < image.rgb.size(); i += 3) gray += static_cast<char>(image.rgb[i]);
  const std::string draw = std::to_string(image.width_pt) + " 0 0 " +
                           std::to_string(image.height_pt) + " 0 0 cm /I Do";
  return pdfOf({
      "<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Count 1/Kids[3 0 R]>>",
      "<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</XObject<</I 5 0 R>>>>/MediaBox[0 0 " +
          std::to_string(image.width_pt) + " " + std::to_string(image.height_pt) + "]>>",
      streamOf("", draw),
      streamOf("/Type/XObject/Subtype/Image/ColorSpace/DeviceGray/BitsPerComponent 8/Width " +
                 std::to_string(image.width_px) + "/Height " + std::to_string(image.height_px),
               gray)});
}

}  // namespace

class PdfReaderTest : public QObject {
  Q_OBJECT
 private slots:
  void documentKnowsItsFile() {
    const auto extracted = read("columns2");
    QVERIFY2(extracted, qPrintable(errorOf(extracted)));
    const Document& document = extracted->document;
    std::ifstream file(goldenPdf("columns2"), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    QCOMPARE(document.path, std::string("shelf/it.pdf"));
    QCOMPARE(document.kind, base::DocumentKind::kPdf);
    QCOMPARE(document.file_bytes, std::uint64_t{bytes.size()});
    QCOMPARE(document.content_hash, base::hashText(bytes));
    QCOMPARE(document.pages.size(), std::size_t{2});
    QCOMPARE(document.pages[0].width, 595.0);
    QCOMPARE(document.pages[0].height, 842.0);
    QVERIFY(extracted->diagnostics.empty());
    QCOMPARE(brokenPromise(document), QString());
  }

  void columnsAreReadInOrder() {
    const auto extracted = read("columns2");
    QVERIFY(extracted);
    const std::string text = pageText(extracted->document, 1);
    std::size_t last = 0;
    for (const char* mark :
         {"On the Order of Columns", "p1c1s1.", "p1c1s16.", "p1c2s1.", "p1c2s16."}) {
      const std::size_t at = text.find(mark);
      QVERIFY2(at != std::string::npos && at >= last, mark);
      last = at;
    }
  }

  void labelsAreThosePrinted() {
    const auto extracted = read("outline_links");
    QVERIFY(extracted);
    QCOMPARE(extracted->document.pages[0].label, std::string("i"));
    QCOMPARE(extracted->document.pages[1].label, std::string("A-7"));
    const auto image = ingest::renderPage(readerProgram(), goldenPdf("outline_links"), 2, 1, {});
    QVERIFY(image);
    QCOMPARE(image->label, std::string("A-7"));
    QCOMPARE(image->n_pages, 3);
  }

  void wordsLieWhereTheImageIsDark_data() {
    QTest::addColumn<QByteArray>("name");
    for (const char* name :
         {"columns2", "rotate90", "rotate180", "rotate270", "crop_box", "table_plain", "rtl"})
      QTest::newRow(name) << QByteArray(name);
  }
  void wordsLieWhereTheImageIsDark() {
    QFETCH(QByteArray, name);
    const auto extracted = read(name);
    QVERIFY2(extracted, qPrintable(errorOf(extracted)));
    const auto image = ingest::renderPage(readerProgram(), goldenPdf(name), 1, 2, {});
    QVERIFY2(image, qPrintable(errorOf(image)));
    const base::Page& page = extracted->document.pages[0];
    QCOMPARE(image->width_pt, page.width);
    QCOMPARE(image->height_pt, page.height);
    QCOMPARE(image->width_px, static_cast<int>(std::ceil(2 * page.width)));
    QCOMPARE(image->rgb.size(), static_cast<std::size_t>(image->width_px * image->height_px * 3));
    const Ink ink = inkOf(extracted->document, *image);
    QCOMPARE(ink.n_empty, 0);
    QVERIFY2(ink.inside > 0.95, qPrintable(QString::number(ink.inside)));
  }

  // From here on: documents that are imperfect.
  void brokenTablesAreRepaired() {
    const auto extracted = read("xref_offset");
    QVERIFY(extracted);
    QVERIFY(hasDiagnostic(*extracted, "repaired"));
    QVERIFY(extracted->document.text.size() > 100);
  }

  void scansSayThatTheyHaveNoText() {
    const auto reading = ingest::readWholePdf(readerProgram(), goldenPdf("scan_no_text"), "a", {},
                                              {}, {.password = {}, .recognise = false});
    QVERIFY(reading);
    QCOMPARE(reading->extracted.document.text, std::string());
    QVERIFY(hasDiagnostic(reading->extracted, "no_text_layer"));
  }

  // With Tesseract the words of a scan have places; without it the diagnostic says what is missing.
  void scansAreRecognisedOrSayWhatIsMissing() {
    const auto image = ingest::renderPage(readerProgram(), goldenPdf("footnotes"), 1, 2, {});
    QVERIFY2(image, qPrintable(errorOf(image)));
    QTemporaryDir folder;
    const std::filesystem::path path = folder.path().toStdString() + "/scan.pdf";
    std::ofstream(path, std::ios::binary) << scanOf(*image);
    const auto extracted = ingest::readPdf(readerProgram(), path, "a", {});
    QVERIFY2(extracted, qPrintable(errorOf(extracted)));
    QVERIFY(hasDiagnostic(*extracted, "no_text_layer") != hasDiagnostic(*extracted, "ocr"));
    QCOMPARE(brokenPromise(extracted->document), QString());
    if (hasDiagnostic(*extracted, "ocr")) {
      const QString text = QString::fromStdString(extracted->document.text);
      QVERIFY2(text.contains("See the ledger of 1911, page 33."), qPrintable(text));
      QVERIFY(!extracted->document.spans.empty());
    } else {
      QCOMPARE(extracted->document.text, std::string());
      QVERIFY(extracted->diagnostics[0].message.find("tesseract-ocr") != std::string::npos);
    }
  }

  void lockedFilesOpenWithTheirPassword() {
    const auto open = [](const char* password) {
      return ingest::readWholePdf(readerProgram(), goldenPdf("enc_user_rc4"), "a", {}, {},
                                  {.password = password, .recognise = true});
    };
    QCOMPARE(errorOf(open("")), QStringLiteral("locked"));
    QCOMPARE(errorOf(open("wrong")), QStringLiteral("locked"));
    const auto reading = open("lectern");
    QVERIFY2(reading, qPrintable(errorOf(reading)));
    QVERIFY(reading->extracted.document.text.size() > 100);
  }

  void outlinesAndNotesComeWithTheirPlaces() {
    const auto reading =
        ingest::readWholePdf(readerProgram(), goldenPdf("outline_links"), "a", {}, {}, {});
    QVERIFY2(reading, qPrintable(errorOf(reading)));
    QCOMPARE(reading->headings.size(), std::size_t{6});
    QCOMPARE(reading->headings[0].title, std::string("Chapter 1: \xC3\x9C" "ber"));
    QCOMPARE(reading->headings[1].level, 1);
    QCOMPARE(reading->headings[2].page, 2);
    const auto count = [&](ingest::Aside::Kind kind, const std::string& says) {
      return std::count_if(reading->asides.begin(), reading->asides.end(), [&](const auto& aside) {
        return aside.kind == kind && (aside.text == says || aside.target == says);
      });
    };
    QCOMPARE(count(ingest::Aside::Kind::kNote, "A note by a reviewer"), 3);
    QCOMPARE(count(ingest::Aside::Kind::kNote, "marked"), 1);
    QCOMPARE(count(ingest::Aside::Kind::kLink, "https://example.invalid/a?b=c"), 3);
    for (const ingest::Aside& aside : reading->asides)
      QVERIFY(aside.box.x1 > aside.box.x0 && aside.box.y1 > aside.box.y0);
  }

  // A document read by several processes says what one says.
  void partsReadTheSame() {
    ingest::ReaderLimits one;
    one.n_readers_max = 1;
    QTemporaryDir folder;
    const std::filesystem::path path = folder.path().toStdString() + "/book.pdf";
    std::ofstream(path, std::ios::binary) << bookOf(25);
    const auto alone = ingest::readPdf(readerProgram(), path, "a", {}, one);
    const auto shared = ingest::readPdf(readerProgram(), path, "a", {});
    QVERIFY2(alone, qPrintable(errorOf(alone)));
    QVERIFY2(shared, qPrintable(errorOf(shared)));
    QCOMPARE(alone->document.pages.size(), std::size_t{25});
    QVERIFY2(alone->document.text.starts_with("Of chapter 1 nothing is known.\n"),
             alone->document.text.substr(0, 60).c_str());
    QCOMPARE(alone->document.text, shared->document.text);
    QCOMPARE(alone->document.spans.size(), shared->document.spans.size());
    QCOMPARE(alone->diagnostics.size(), shared->diagnostics.size());
  }

  // Codes in the order of their first use mean nothing in some fonts, but not where glyphs have
  // names.
  void alphabetIsText() {
    QTemporaryDir folder;
    const std::filesystem::path path = folder.path().toStdString() + "/alphabet.pdf";
    std::ofstream(path, std::ios::binary) << bookOf(1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    const auto extracted = ingest::readPdf(readerProgram(), path, "a", {});
    QVERIFY2(extracted, qPrintable(errorOf(extracted)));
    QVERIFY(extracted->document.text.find("ABCDEFGHIJKLMNOPQRSTUVWXYZ") != std::string::npos);
    QVERIFY(!hasDiagnostic(*extracted, "unmapped_glyphs"));
  }

  void unknownGlyphsAreReported() {
    const auto extracted = read("type3_unmapped");
    QVERIFY(extracted);
    QVERIFY(hasDiagnostic(*extracted, "unmapped_glyphs"));
    QCOMPARE(brokenPromise(extracted->document), QString());
  }

  // From here on: files that are refused, and how.
  void badFilesAreRefused_data() {
    QTest::addColumn<QByteArray>("name");
    QTest::addColumn<QString>("code");
    QTest::newRow("password") << QByteArray("enc_user_rc4") << "locked";
    QTest::newRow("plain text") << QByteArray("text_named_pdf") << "corrupt";
    QTest::newRow("header only") << QByteArray("header_only") << "corrupt";
    QTest::newRow("cut in the middle") << QByteArray("truncated") << "corrupt";
    QTest::newRow("no pages") << QByteArray("zero_pages") << "corrupt";
  }
  void badFilesAreRefused() {
    QFETCH(QByteArray, name);
    QFETCH(QString, code);
    const auto extracted = read(name);
    QCOMPARE(errorOf(extracted), code);
    QVERIFY(!extracted.error().hint.empty());
    QCOMPARE(errorOf(ingest::renderPage(readerProgram(), goldenPdf(name), 1, 1, {})), code);
  }

  void pathsThatAreNoFilesAreRefused() {
    QTemporaryDir folder;
    const std::filesystem::path path = folder.path().toStdString();
    QCOMPARE(errorOf(ingest::readPdf(readerProgram(), path / "absent.pdf", "a", {})),
             QStringLiteral("not_found"));
    QCOMPARE(errorOf(ingest::readPdf(readerProgram(), path, "a", {})),
             QStringLiteral("unsupported"));
    QVERIFY(::mkfifo((path / "pipe.pdf").c_str(), 0600) == 0);
    QCOMPARE(errorOf(ingest::readPdf(readerProgram(), path / "pipe.pdf", "a", {})),
             QStringLiteral("unsupported"));
  }

  void pagesAndScalesOutOfRangeAreRefused() {
    const auto render = [](int page, double scale) {
      return errorOf(ingest::renderPage(readerProgram(), goldenPdf("crop_box"), page, scale, {}));
    };
    QCOMPARE(render(2, 1), QStringLiteral("not_found"));
    QCOMPARE(render(0, 1), QStringLiteral("invalid_input"));
    QCOMPARE(render(1, 1e9), QStringLiteral("invalid_input"));
    QCOMPARE(render(1, std::nan("")), QStringLiteral("invalid_input"));
  }

  void filesBeyondTheLimitAreRefused() {
    ingest::ReaderLimits limits;
    limits.file_bytes_max = 1000;
    QCOMPARE(errorOf(ingest::readPdf(readerProgram(), goldenPdf("columns2"), "a", {}, limits)),
             QStringLiteral("too_large"));
    limits = {};
    limits.text_bytes_max = 1000;
    QCOMPARE(errorOf(ingest::readPdf(readerProgram(), goldenPdf("columns2"), "a", {}, limits)),
             QStringLiteral("too_large"));
    limits = {};
    limits.n_pages_max = 1;
    QCOMPARE(errorOf(ingest::readPdf(readerProgram(), goldenPdf("columns2"), "a", {}, limits)),
             QStringLiteral("too_large"));
  }

  void bombsAreNotUnpacked() {
    const auto extracted =
        ingest::readPdf(readerProgram(), goldenPdf("bomb_stream_double"), "a", {});
    QCOMPARE(errorOf(extracted), QStringLiteral("too_large"));
    QVERIFY(extracted.error().message.find("inflate") != std::string::npos);
    QVERIFY(!extracted.error().hint.empty());
  }

  void endlessPagesRunOutOfTime() {
    QTemporaryDir folder;
    const std::filesystem::path path = folder.path().toStdString() + "/endless.pdf";
    std::ofstream(path, std::ios::binary) << endlessPage();
    ingest::ReaderLimits limits;
    limits.page_cpu_s = 1;
    const auto extracted = ingest::readPdf(readerProgram(), path, "a", {}, limits);
    QCOMPARE(errorOf(extracted), QStringLiteral("too_large"));
    QVERIFY(extracted.error().message.find("processor time") != std::string::npos);
    QVERIFY(!extracted.error().hint.empty());
  }

  void readersOutOfMemoryAreRefused() {
    ingest::ReaderLimits limits;
    limits.memory_bytes = 8 << 20;  // less than the libraries have mapped already
    QCOMPARE(errorOf(ingest::readPdf(readerProgram(), goldenPdf("columns2"), "a", {}, limits)),
             QStringLiteral("too_large"));
  }

  void stoppingTakesNoTime() {
    QTemporaryDir folder;
    const std::filesystem::path path = folder.path().toStdString() + "/endless.pdf";
    std::ofstream(path, std::ios::binary) << endlessPage();
    ingest::ReaderLimits limits;
    limits.page_cpu_s = 600;
    std::stop_source stop;
    std::jthread stopper([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      stop.request_stop();
    });
    QCOMPARE(errorOf(ingest::readPdf(readerProgram(), path, "a", stop.get_token(), limits)),
             QStringLiteral("cancelled"));
  }

  // Every file of the corpus, against its own truth.
  void corpusAgreesWithItsTruth_data() {
    QTest::addColumn<QJsonObject>("truth");
    QTest::newRow("corpus") << QJsonObject();  // there is a row even where the corpus is not
    QFile file(QString::fromStdString(sharedPath("corpora/pdf/expected.json").string()));
    if (!file.open(QIODevice::ReadOnly)) return;
    for (const QJsonValue& value : QJsonDocument::fromJson(file.readAll()).array()) {
      const QString name = value.toObject()["file"].toString();
      const bool made = !sharedPath("corpora/pdf/" + name.toStdString()).empty();
      // Big ones are made by the corpus' script; bombs have a test of their own.
      if (made && (!name.startsWith("bomb_stream") && name != "bomb_object_stream.pdf"))
        QTest::newRow(qPrintable(name)) << value.toObject();
    }
  }
  void corpusAgreesWithItsTruth() {
    REQUIRE_SHARED(folder, "corpora/pdf");
    QFETCH(const QJsonObject, truth);
    if (truth.isEmpty()) return;
    const std::string name = truth["file"].toString().toStdString();
    QElapsedTimer timer;
    timer.start();
    const auto extracted = ingest::readPdf(readerProgram(), folder / name, name, {});
    const double limit_s = truth["limits"].toObject()["seconds"].toDouble(20);
    QVERIFY2(timer.elapsed() < 2000 * limit_s, qPrintable(QString::number(timer.elapsed())));

    if (!extracted) {
      QVERIFY2(truth.contains("error") || truth["alternative"].toString().startsWith("error"),
               qPrintable(errorOf(extracted)));
      QCOMPARE(errorOf(extracted) == "locked", truth["error"] == "needs_password");
      return;
    }
    QVERIFY2(!truth.contains("error"), "should have been refused");
    QCOMPARE(brokenPromise(extracted->document), QString());
    for (const QJsonValue& code : truth["diagnostics"].toArray()) {
      // A page that leads back into the tree is a page nobody can read.
      const std::string said =
          code.toString() == "damaged" ? "page_unreadable" : code.toString().toStdString();
      QVERIFY2(hasDiagnostic(*extracted, said), qPrintable(code.toString()));
    }
    if (!kOwnText.contains(QString::fromStdString(name))) checkText(truth, extracted->document);
  }

 private:
  void checkText(const QJsonObject& truth, const Document& document) {
    const QJsonArray pages = truth["text"].toArray();
    if (pages.isEmpty() || pages[0].isNull()) return;
    QCOMPARE(static_cast<qsizetype>(document.pages.size()), pages.size());
    for (qsizetype i = 0; i < pages.size(); ++i)
      QCOMPARE(wordsOf(pageText(document, static_cast<int>(i) + 1)), wordsOf(pages[i].toString()));
    for (const QJsonValue& phrase : truth["phrases"].toArray()) {
      const QString inside = wordsInside(document, phrase.toObject()["page"].toInt(),
                                         phrase.toObject()["boxes"].toArray());
      QCOMPARE(wordsOf(inside).join(QString()),
               wordsOf(phrase.toObject()["text"].toString()).join(QString()));
    }
  }

  // Where the text differs from the truth on purpose.
  const QStringList kOwnText{
      "rotated_text.pdf",     // the place of turned text in the order is free
      "form.pdf",             // values of fields stand beside their names
      "form_recursion.pdf",   // how often it draws itself is free
      "scan_no_text.pdf",     // read by Tesseract where that is installed
      "tree_cycle.pdf"};      // pages that lead nowhere are listed
};

LECTERN_TEST(PdfReaderTest)
#include "pdf_reader_test.moc"
