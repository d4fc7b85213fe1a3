// The main job in the window, with the real engine, reader and databases: add the samples, plan,
// read, ask, click a citation, close, reopen, go on. Pictures go to the build folder.
#include <QAbstractItemView>
#include <QDir>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QTemporaryDir>
#include <QTest>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "app/reading_service.h"
#include "app/workbench/workbench.h"
#include "storage/storage.h"
#include "tests/support/test_main.h"
#include "ui/theme.h"
#include "ui/transcript_view.h"

namespace {

constexpr int kPatience_ms = 120'000;  // machines of CI are shared

class WorkbenchTest : public QObject {
  Q_OBJECT

 private slots:
  void initTestCase() {
    QVERIFY(folder_.isValid());
    const auto paths =
        app::resolvePaths({.data = folder_.filePath("data").toStdString(), .model = {}});
    QVERIFY(paths);
    options_.paths = *paths;
    QDir().mkpath(QString(LECTERN_BUILD_DIR) + "/screenshots");
  }

  void mainJobByMouse() {
    app::Workbench workbench(options_, {});
    ui::MainWindow& window = open(workbench);
    picture(window, "1-first-run");

    click<QPushButton>(window, "sampleShelfButton");
    QTRY_VERIFY_WITH_TIMEOUT(enabled(window, "planStartButton"), kPatience_ms);
    QTest::qWait(300);
    picture(window, "2-plan");
    click<QPushButton>(window, "planStartButton");
    QTRY_VERIFY_WITH_TIMEOUT(visible(window, "ingestPage"), kPatience_ms);
    QTRY_VERIFY_WITH_TIMEOUT(window.findChild<QWidget*>("ingestPage")->property("readTokens").toLongLong() > 0 ||
                             visible(window, "composerEdit"), kPatience_ms);
    picture(window, "3-reading");
    QTRY_VERIFY_WITH_TIMEOUT(visible(window, "composerEdit"), kPatience_ms);

    ask(window, "What is the value of MAX_CLIENTS?");
    QTRY_VERIFY_WITH_TIMEOUT(answered(window) == 1, kPatience_ms);
    picture(window, "4-answer-code");
    QVERIFY(nCitations(window) >= 1);
    openCitation(window, 0);
    QTRY_VERIFY_WITH_TIMEOUT(visible(window, "codeView"), kPatience_ms);
    QTest::qWait(200);
    picture(window, "4-answer-code");

    ask(window, "What is the serial number of the copper lantern?");
    QTRY_VERIFY_WITH_TIMEOUT(answered(window) == 2, kPatience_ms);
    QVERIFY(nCitations(window) >= 1);
    openCitation(window, 0);
    QTRY_VERIFY_WITH_TIMEOUT(visible(window, "pdfView"), kPatience_ms);
    QTest::qWait(500);
    picture(window, "5-answer-pdf");
  }

  void reopenedItGoesOn() {
    {
      app::Workbench workbench(options_, "gateway");
      ui::MainWindow& window = open(workbench);
      QTRY_VERIFY_WITH_TIMEOUT(visible(window, "composerEdit"), kPatience_ms);
      QTRY_COMPARE_WITH_TIMEOUT(answered(window), 2, kPatience_ms);
      ask(window, "Where is ReadingQueue defined?");
      QTRY_COMPARE_WITH_TIMEOUT(answered(window), 3, kPatience_ms);
    }
    const auto service = app::ReadingService::open(options_);
    QVERIFY2(service, service ? "" : service.error().message.c_str());
    const auto session = (*service)->session("gateway");
    QVERIFY(session);
    const auto messages = (*service)->messages(session->id);
    QVERIFY(messages);
    QCOMPARE(messages->size(), std::size_t{6});
    const base::Usage& usage = messages->back().usage;
    QVERIFY(usage.context_tokens > 4000);
    QVERIFY(usage.reused_tokens >= usage.context_tokens * 95 / 100);
    for (const storage::Message& message : *messages)
      for (const base::Citation& citation : message.citations)
        QCOMPARE(citation.check, base::CitationCheck::kVerified);
  }

  void aPausedReadingGoesOn() {
    app::Workbench workbench(options_, {});
    ui::MainWindow& window = open(workbench);
    // As if a folder had been dropped.
    emit window.pathsChosen({QString(LECTERN_SOURCE_DIR) + "/kernels"});
    QTRY_VERIFY_WITH_TIMEOUT(enabled(window, "planStartButton"), kPatience_ms);
    click<QPushButton>(window, "planStartButton");
    const auto* page = window.findChild<QWidget*>("ingestPage");
    QTRY_VERIFY_WITH_TIMEOUT(page->property("readTokens").toLongLong() > 4096, kPatience_ms);
    click<QPushButton>(window, "ingestPauseButton");
    QTRY_COMPARE_WITH_TIMEOUT(page->property("state").toString(), QString("paused"), kPatience_ms);
    // The block read last may still be on its way to the disk.
    QVERIFY(page->property("safeTokens").toLongLong() >= 2048);
    // The badge follows when the chunk in work is done; then nothing moves.
    const auto* badge = window.findChild<QWidget*>("engineBadge");
    QTRY_COMPARE_WITH_TIMEOUT(badge->property("state").toString(), QString("Paused"), kPatience_ms);
    const qint64 n_read = page->property("readTokens").toLongLong();
    QTest::qWait(500);
    QCOMPARE(page->property("readTokens").toLongLong(), n_read);

    click<QPushButton>(window, "ingestPauseButton");
    QTRY_VERIFY_WITH_TIMEOUT(visible(window, "composerEdit"), kPatience_ms);
    ask(window, "What is the value of kBlock?");
    QTRY_COMPARE_WITH_TIMEOUT(answered(window), 1, kPatience_ms);
  }

  // The engine is killed while a question is answered: the window says so and answers all the same.
  void aKilledEngineIsStartedAgain() {
    app::Workbench workbench(options_, "kernels");
    ui::MainWindow& window = open(workbench);
    QTRY_COMPARE_WITH_TIMEOUT(answered(window), 1, kPatience_ms);
    const auto engines = enginesOf(QCoreApplication::applicationPid());
    QVERIFY(!engines.empty());
    for (const pid_t engine : engines) ::kill(engine, SIGKILL);
    ask(window, "What is the value of kBlock?");
    QTRY_VERIFY_WITH_TIMEOUT(answered(window) >= 2, kPatience_ms);
    const auto* badge = window.findChild<QWidget*>("engineBadge");
    QTRY_COMPARE_WITH_TIMEOUT(badge->property("state").toString(), QString("Ready"), kPatience_ms);
  }

  void sessionsAreListedAndDeleted() {
    app::Workbench workbench(options_, {});
    ui::MainWindow& window = open(workbench);
    window.showSessions();
    auto* table = window.findChild<QAbstractItemView*>("sessionTable");
    QVERIFY(table != nullptr);
    QTRY_VERIFY_WITH_TIMEOUT(table->model()->rowCount() > 0, kPatience_ms);
    QTest::qWait(200);
    picture(window, "6-sessions");
    table->setCurrentIndex(table->model()->index(0, 0, table->model()->index(0, 0)));
    QTest::keyClick(table, Qt::Key_Delete);
    click<QPushButton>(window, "deleteForGoodButton");
    QTRY_COMPARE_WITH_TIMEOUT(sessionCount(*table), 1, kPatience_ms);
  }

 private:
  ui::MainWindow& open(app::Workbench& workbench) {
    ui::MainWindow& window = workbench.window();
    window.resize(1440, 900);
    window.show();
    if (!QTest::qWaitForWindowExposed(&window)) qWarning("the window is not exposed");
    QTest::qWait(300);
    return window;
  }

  // Programs that this one started.
  static std::vector<pid_t> enginesOf(qint64 parent) {
    std::vector<pid_t> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      std::ifstream stat(entry.path() / "stat");
      std::string pid, name, state;
      qint64 parent_of_it = 0;
      if (stat >> pid >> name >> state >> parent_of_it && parent_of_it == parent &&
          name.find("lectern-engine") != std::string::npos)
        found.push_back(static_cast<pid_t>(std::stol(pid)));
    }
    return found;
  }

  static int sessionCount(const QAbstractItemView& table) {
    int n = 0;
    for (int row = 0; row < table.model()->rowCount(); ++row) {
      const int n_below = table.model()->rowCount(table.model()->index(row, 0));
      n += n_below > 0 ? n_below : 1;
    }
    return n;
  }
  static bool visible(ui::MainWindow& window, const char* name) {
    for (const auto* widget : window.findChildren<QWidget*>(name))
      if (widget->isVisible()) return true;
    return false;
  }
  static bool enabled(ui::MainWindow& window, const char* name) {
    const auto* widget = window.findChild<QWidget*>(name);
    return widget != nullptr && widget->isVisible() && widget->isEnabled();
  }
  template <class Widget>
  static void click(ui::MainWindow& window, const char* name) {
    auto* widget = window.findChild<Widget*>(name);
    QVERIFY2(widget != nullptr && widget->isVisible(), name);
    QTest::mouseClick(widget, Qt::LeftButton);
  }
  static void ask(ui::MainWindow& window, const QString& question) {
    auto* edit = window.findChild<QPlainTextEdit*>("composerEdit");
    QVERIFY(edit != nullptr);
    edit->setFocus();
    QTest::keyClicks(edit, question);
    click<QPushButton>(window, "sendButton");
  }
  static QAbstractItemView* evidence(ui::MainWindow& window) {
    return window.findChild<QAbstractItemView*>("evidenceList");
  }
  static int nCitations(ui::MainWindow& window) {
    const auto* list = evidence(window);
    return list == nullptr || list->model() == nullptr ? 0 : list->model()->rowCount();
  }
  static void openCitation(ui::MainWindow& window, int row) {
    auto* list = evidence(window);
    const QModelIndex index = list->model()->index(row, 0);
    const QPoint at = list->visualRect(index).center();
    QTest::mouseClick(list->viewport(), Qt::LeftButton, {}, at);
    QTest::mouseDClick(list->viewport(), Qt::LeftButton, {}, at);
  }
  // Answers in the conversation; −1 while one is being made.
  static int answered(ui::MainWindow& window) {
    const auto* transcript = window.findChild<ui::TranscriptView*>("transcript");
    return transcript == nullptr || transcript->isOpen() ? -1 : transcript->messageCount();
  }

  static void picture(ui::MainWindow& window, const QString& name) {
    for (const auto scheme : {ui::Scheme::kDark, ui::Scheme::kLight}) {
      ui::theme().setScheme(scheme);
      QTest::qWait(50);
      const QPixmap image = window.grab();
      QVERIFY(image.width() >= 1440);
      QVERIFY(image.save(QString(LECTERN_BUILD_DIR) + "/screenshots/workbench-" + name +
                         (scheme == ui::Scheme::kDark ? "-dark.png" : ".png")));
    }
  }

  QTemporaryDir folder_;
  app::ServiceOptions options_;
};

}  // namespace

LECTERN_TEST(WorkbenchTest)
#include "workbench_test.moc"
