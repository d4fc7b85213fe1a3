// Renders the window in every scene, light and dark, and looks at what is on the pictures.
// They are kept in the build folder: LECTERN_BUILD_DIR/screenshots.
#include <functional>
#include <set>

#include <QDir>
#include <QImage>
#include <QLineEdit>
#include <QScrollBar>
#include <QTreeView>

#include "tests/support/test_main.h"
#include "tests/ui/scenes.h"
#include "ui/main_window.h"
#include "ui/theme.h"
#include "ui/transcript_view.h"

namespace {

// In 32-bit pixels, as render() makes them.
int countNear(const QImage& image, const QRect& area, const QColor& wanted) {
  int n = 0;
  const QRect inside = area.intersected(image.rect());
  for (int y = inside.top(); y <= inside.bottom(); ++y) {
    const auto* line = reinterpret_cast<const QRgb*>(image.constScanLine(y));
    for (int x = inside.left(); x <= inside.right(); ++x)
      n += std::abs(qRed(line[x]) - wanted.red()) <= 3 &&
           std::abs(qGreen(line[x]) - wanted.green()) <= 3 &&
           std::abs(qBlue(line[x]) - wanted.blue()) <= 3;
  }
  return n;
}

// Cells of a raster that hold more than one colour: an empty page has few of them.
double busyShare(const QImage& image) {
  constexpr int kCell = 36;
  int n_busy = 0, n_cells = 0;
  for (int y = 0; y + kCell <= image.height(); y += kCell)
    for (int x = 0; x + kCell <= image.width(); x += kCell) {
      std::set<QRgb> colours;
      for (int dy = 0; dy < kCell && colours.size() <= 3; dy += 2)
        for (int dx = 0; dx < kCell; dx += 2) colours.insert(image.pixel(x + dx, y + dy));
      n_busy += colours.size() > 3;
      ++n_cells;
    }
  return static_cast<double>(n_busy) / n_cells;
}

}  // namespace

class ScreensTest : public QObject {
  Q_OBJECT

 private slots:
  void initTestCase() {
    QVERIFY(QDir().mkpath(QStringLiteral(LECTERN_BUILD_DIR "/screenshots")));
  }
  void cleanupTestCase() {
    ui::theme().setTextScale(1);
    ui::theme().setScheme(ui::Scheme::kLight);
  }

  void scenes_data() {
    QTest::addColumn<QString>("scene");
    QTest::addColumn<bool>("dark");
    for (const char* scene : {"first-run", "ingest-plan", "ingest", "ask", "ask-streaming",
                              "ask-nothing-found", "pdf", "sessions", "sessions-search",
                              "sessions-hostile", "sessions-import", "sessions-empty",
                              "first-run-queue", "error"})
      for (const bool dark : {false, true})
        QTest::addRow("%s-%s", scene, dark ? "dark" : "light") << QString(scene) << dark;
  }
  void scenes() {
    QFETCH(QString, scene);
    QFETCH(bool, dark);
    ui::theme().setScheme(dark ? ui::Scheme::kDark : ui::Scheme::kLight);
    ui::MainWindow window;
    const QImage image = render(window, scene);
    save(image, scene + (dark ? QStringLiteral("-dark") : QString()));
    QCOMPARE(image.size(), QSize(1440, 900));
    const double busy = busyShare(image);
    const bool empty = scene == QLatin1String("sessions-empty");
    QVERIFY2(busy > (empty ? 0.03 : 0.10), qPrintable(QString::number(busy)));

    // The ground is that of the scheme, and no large area of the other one is left over.
    const auto other = dark ? ui::Scheme::kLight : ui::Scheme::kDark;
    QVERIFY(countNear(image, image.rect(), ui::color(ui::Token::kSurface)) > 50'000);
    if (scene != QLatin1String("pdf"))
      QVERIFY(countNear(image, image.rect(),
                        ui::theme().color(ui::Token::kSurface, other)) < 3'000);

    if (scene == QLatin1String("ingest-plan"))   // ticked boxes stand out in either scheme
      QVERIFY(countNear(image, areaOf(window, "planTree"), ui::color(ui::Token::kAccent)) > 1'000);

    const QRect viewer = areaOf(window, "viewerTabs"), talk = areaOf(window, "transcript");
    if (scene == QLatin1String("ask"))
      QVERIFY(countNear(image, viewer, ui::color(ui::Token::kMark)) > 4'000);
    if (scene == QLatin1String("ask") || scene == QLatin1String("pdf")) {
      QVERIFY(countNear(image, talk, ui::color(ui::Token::kAccentSoft)) > 5'000);
      QVERIFY(countNear(image, talk, ui::color(ui::Token::kOkSoft)) > 500);
      QVERIFY(countNear(image, talk, ui::color(ui::Token::kWarnSoft)) > 300);
    }
    if (scene == QLatin1String("ingest"))
      QVERIFY(countNear(image, areaOf(window, "ingestBar"), ui::color(ui::Token::kAccent)) > 500);
  }

  void largeText_data() {
    QTest::addColumn<QString>("scene");
    for (const char* scene : {"ask", "ingest", "sessions", "ingest-plan"})
      QTest::addRow("%s", scene) << QString(scene);
  }
  void largeText() {
    QFETCH(QString, scene);
    ui::theme().setScheme(ui::Scheme::kLight);
    ui::theme().setTextScale(1.5);
    ui::MainWindow window;
    const QImage image = render(window, scene);
    save(image, scene + QStringLiteral("-150"));
    ui::theme().setTextScale(1);
    QVERIFY(busyShare(image) > 0.10);
  }

  void smallWindow() {
    ui::theme().setScheme(ui::Scheme::kLight);
    ui::MainWindow window;
    const QImage image = render(window, QStringLiteral("ask"), QSize(960, 600));
    save(image, QStringLiteral("ask-960"));
    QCOMPARE(image.size(), QSize(960, 600));
    // The sources give way, the conversation keeps a readable width.
    QVERIFY(!window.findChild<QWidget*>(QStringLiteral("sourcesPane"))->isVisible());
    QVERIFY(window.findChild<QWidget*>(QStringLiteral("transcript"))->width() >= 340);
  }

  void sessionsInSmallWindows_data() {
    QTest::addColumn<QSize>("size");
    QTest::addRow("1280") << QSize(1280, 800);
    QTest::addRow("960") << QSize(960, 600);
  }
  void sessionsInSmallWindows() {
    QFETCH(QSize, size);
    ui::theme().setScheme(ui::Scheme::kLight);
    ui::MainWindow window;
    const QImage image = render(window, QStringLiteral("sessions-search"), size);
    save(image, QStringLiteral("sessions-%1").arg(size.width()));
    QCOMPARE(image.size(), size);
    // The titles keep the most room.
    const auto* table = window.findChild<QTreeView*>(QStringLiteral("sessionTable"));
    QVERIFY2(table->columnWidth(0) >= 200, qPrintable(QString::number(table->columnWidth(0))));
    // Nothing of the selected session is cut off.
    const auto* detail = window.findChild<QWidget*>(QStringLiteral("sessionDetail"));
    QVERIFY2(detail->width() <= detail->parentWidget()->width(),
             qPrintable(QString::number(detail->width())));
  }

  // Switching the scheme at run time leaves no pixel of the old one.
  void schemeChangesAtRunTime() {
    ui::theme().setScheme(ui::Scheme::kLight);
    ui::MainWindow window;
    render(window, QStringLiteral("ask"));
    ui::theme().setScheme(ui::Scheme::kDark);
    QCoreApplication::processEvents();
    const QImage switched = window.grab().toImage().convertToFormat(QImage::Format_RGB32);
    QVERIFY(countNear(switched, switched.rect(),
                      ui::theme().color(ui::Token::kSurface, ui::Scheme::kLight)) < 3'000);
  }

 private:
  static QImage render(ui::MainWindow& window, const QString& scene,
                       const QSize& size = QSize(1440, 900)) {
    window.resize(size);
    window.show();
    window.setEngine(scenes::engine());
    window.setSaved(scenes::moment());
    fill(window, scene);
    // Viewers may settle their layout one turn of the loop later.
    QTest::qWait(60);
    return window.grab().toImage().convertToFormat(QImage::Format_RGB32);
  }

  static void fill(ui::MainWindow& window, const QString& scene) {
    if (scene == QLatin1String("first-run")) return window.showWelcome(scenes::welcome());
    if (scene == QLatin1String("ingest-plan")) return window.showPlan(scenes::plan());
    if (scene == QLatin1String("ingest")) return fillReading(window);
    if (scene == QLatin1String("first-run-queue")) {
      window.showWelcome(scenes::welcome());
      return window.setReadings({{{7}, QStringLiteral("Lease agreements 2019\u20132026"), 409'600,
                                  872'900, true, true},
                                 {{8}, QStringLiteral("Kernel scheduler"), 0, 0, false, true}});
    }
    if (scene.startsWith(QLatin1String("sessions"))) return fillSessions(window, scene);
    window.showSession(scenes::session());
    auto* view = window.findChild<ui::TranscriptView*>();
    if (scene == QLatin1String("ask-streaming")) return fillStreaming(window);
    if (scene == QLatin1String("ask-nothing-found")) return fillNothingSaid(window);
    if (scene == QLatin1String("error")) {
      window.showError({{base::ErrorCode::kEngineStopped, "it ended", ""},
                        ui::ErrorPlace::kConversation, {}, QStringLiteral("attempt 1 of 3")});
      return;
    }
    view->nextQuote();
    window.showDocumentText(scenes::sourceText());
    if (scene != QLatin1String("pdf")) return;
    for (int quote = 1; quote < 3; ++quote) view->nextQuote();
    window.showPdfPage(scenes::pdfPage());
  }

  static void fillSessions(ui::MainWindow& window, const QString& scene) {
    auto rows = scenes::sessions();
    ui::BranchesValue branches = scenes::branches();
    if (scene == QLatin1String("sessions-empty")) rows.clear();
    if (scene == QLatin1String("sessions-hostile")) {
      const QString name = QStringLiteral("<img src=x onerror=1> \u202Eevil\u202C \n line ");
      rows[0].title = name.repeated(6);
      rows[1].title = QString::fromUtf8("\u05D4\u05D0\u05DD \u05D4\u05DE\u05E2\u05D1\u05E8 "
                                        "\u05D1\u05D8\u05D5\u05D7? \u0647\u0644 abc");
      rows[2].title = QString(400, QLatin1Char('W'));
      rows[2].workspace = QStringLiteral("<b>bold</b> & more");
      branches.turns[0].words = name;
      branches.active_title = QStringLiteral("<u>under & line</u>\u202E");
      branches.others[0].title = QString(300, QLatin1Char('M'));
    }
    window.setWorkspaces(scenes::workspaces());
    window.setSessions(rows);
    window.setSpace(scenes::space());
    window.showSessions();
    if (scene == QLatin1String("sessions-search")) {
      window.findChild<QLineEdit*>(QStringLiteral("sessionSearch"))
          ->setText(QStringLiteral("rename durable"));
      window.setSearchHits({QStringLiteral("rename durable"), {}, false}, scenes::hits());
    }
    if (scene == QLatin1String("sessions-import")) {
      window.askImport(QStringLiteral("/tmp/a <b>shelf</b>.lectern"));
      ui::SpaceValue low = scenes::space();
      low.disk_free_bytes = 12'000'000;
      window.setSpace(low);
    }
    window.setBranches(branches);
  }

  static void fillReading(ui::MainWindow& window) {
    window.setEngine(scenes::engine(ui::EngineState::kReading));
    ui::ContextValue context = scenes::session().context;
    context.segments.pop_back();
    context.n_read = 37'480;
    context.reading = true;
    window.setContext(context);
    const ui::ReadingValue value = scenes::reading();
    window.showReading(value);
    base::Progress progress = value.progress;
    for (int step = 0; step <= 60; ++step) {
      progress.n_done = value.progress.n_done * step / 60;
      progress.tokens_per_s = 2100 - 10 * step + (step % 3) * 20;
      window.showReadingProgress(progress, 6, 0.4);
    }
  }

  static void fillStreaming(ui::MainWindow& window) {
    window.setEngine(scenes::engine(ui::EngineState::kAnswering));
    window.beginAnswer(QStringLiteral("Show me every place that assumes the rename is durable"));
    const ui::MessageValue message = scenes::answered();
    window.showAnswerDelta({"The switch is in LogAndApply.", true, 8, {}});
    window.showAnswerDelta({message.answer.substr(0, 330), false, 80, {}});
  }

  static void fillNothingSaid(ui::MainWindow& window) {
    window.beginAnswer(QStringLiteral("Who wrote the first storage engine?"));
    ui::MessageValue message;
    message.question = "Who wrote the first storage engine?";
    message.asked_at = scenes::moment();
    message.answer = "<none/>";
    message.finish = base::FinishReason::kEnd;
    message.model = QStringLiteral("Lectern Mini");
    window.finishAnswer(message);
  }

  static QRect areaOf(const ui::MainWindow& window, const char* name) {
    const auto* widget = window.findChild<QWidget*>(QLatin1String(name));
    return QRect(widget->mapTo(&window, QPoint()), widget->size());
  }

  static void save(const QImage& image, const QString& name) {
    image.save(QStringLiteral(LECTERN_BUILD_DIR "/screenshots/%1.png").arg(name));
  }
};

LECTERN_TEST(ScreensTest)
#include "screens_test.moc"
