// Renders the window in every scene, light and dark, and looks at what is on the pictures.
// They are kept in the build folder: LECTERN_BUILD_DIR/screenshots.
#include <functional>
#include <set>

#include <QDir>
#include <QImage>
#include <QScrollBar>
#include <QTreeView>

#include "tests/support/test_main.h"
#include "tests/ui/scenes.h"
#include "ui/main_window.h"
#include "ui/theme.h"
#include "ui/transcript_view.h"

namespace {

int countNear(const QImage& image, const QRect& area, const QColor& wanted) {
  int n = 0;
  const QRect inside = area.intersected(image.rect());
  for (int y = inside.top(); y <= inside.bottom(); ++y)
    for (int x = inside.left(); x <= inside.right(); ++x) {
      const QColor pixel = image.pixelColor(x, y);
      n += std::abs(pixel.red() - wanted.red()) <= 3 &&
           std::abs(pixel.green() - wanted.green()) <= 3 &&
           std::abs(pixel.blue() - wanted.blue()) <= 3;
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
      for (int dy = 0; dy < kCell; dy += 2)
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
                              "ask-nothing-found", "pdf", "sessions", "error"})
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
    QVERIFY2(busyShare(image) > 0.10, qPrintable(QString::number(busyShare(image))));

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

  // Switching the scheme at run time leaves no pixel of the old one.
  void schemeChangesAtRunTime() {
    ui::theme().setScheme(ui::Scheme::kLight);
    ui::MainWindow window;
    render(window, QStringLiteral("ask"));
    ui::theme().setScheme(ui::Scheme::kDark);
    QCoreApplication::processEvents();
    const QImage switched = window.grab().toImage();
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
    if (scene == QLatin1String("sessions")) {
      window.setSessions(scenes::sessions());
      return window.showSessions();
    }
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
