// Saved sessions in the window, with the real engine, reader and databases: branches, search,
// archive, workspaces, exports, imports, and readings that wait.
#include <QAbstractItemView>
#include <QAction>
#include <QCheckBox>
#include <QDir>
#include <QDropEvent>
#include <QFile>
#include <QFileDialog>
#include <QLabel>
#include <QLineEdit>
#include <QMimeData>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QTemporaryDir>
#include <QTest>
#include <QToolButton>

#include "app/reading_service.h"
#include "app/session_export.h"
#include "app/workbench/workbench.h"
#include "storage/storage.h"
#include "tests/support/test_main.h"
#include "ui/session_model.h"
#include "ui/theme.h"
#include "ui/transcript_view.h"

namespace {

constexpr int kPatience_ms = 120'000;  // machines of CI are shared

class WorkbenchSessionsTest : public QObject {
  Q_OBJECT

 private slots:
  void initTestCase() {
    QVERIFY(folder_.isValid());
    const auto paths =
        app::resolvePaths({.data = folder_.filePath("data").toStdString(), .model = {}});
    QVERIFY(paths);
    options_.paths = *paths;
    QDir().mkpath(QString(LECTERN_BUILD_DIR) + "/screenshots");
    writeSource("harbour", "The value of BERTH_COUNT is 17.\nThe value of CRANE_LIMIT is 40.\n");
    writeSource("orchard", "The value of PEAR_ROWS is 12.\n");
    writeSource("quarry", "The value of STONE_DEPTH is 90.\n");
    const auto service = app::ReadingService::open(options_);
    QVERIFY2(service, service ? "" : service.error().message.c_str());
    QVERIFY((*service)->ingest({.session = "harbour", .paths = {source("harbour")}}, {}, {}));
    for (const char* question : {"What is the value of BERTH_COUNT?",
                                 "What is the value of CRANE_LIMIT?"}) {
      app::AskRequest request;
      request.session = "harbour";
      request.question = question;
      QVERIFY((*service)->ask(request, {}, {}));
    }
    for (const char* name : {"orchard", "quarry"})
      QVERIFY((*service)->queue({.session = name, .paths = {source(name)}}, {}));
  }

  // --- the queue ---------------------------------------------------------------------------------

  void waitingReadingsGoOnFromTheWelcomePage() {
    app::Workbench workbench(options_, {});
    ui::MainWindow& window = open(workbench);
    QTRY_COMPARE_WITH_TIMEOUT(queued(window).size(), 2, kPatience_ms);
    picture(window, "7-unfinished");
    click(window, "removeReadingButton", queued(window)[1]);
    click(window, "removeReadingForGoodButton", queued(window)[1]);
    QTRY_COMPARE_WITH_TIMEOUT(queued(window).size(), 1, kPatience_ms);
    click(window, "goOnButton", queued(window)[0]);
    QTRY_VERIFY_WITH_TIMEOUT(visible(window, "composerEdit"), kPatience_ms);
    click(window, "actionNewSession");
    QTRY_COMPARE_WITH_TIMEOUT(queued(window).size(), 0, kPatience_ms);
  }

  void whatWasRemovedIsGone() {
    const auto service = app::ReadingService::open(options_);
    QVERIFY(service);
    const auto sessions = (*service)->sessions();
    QVERIFY(sessions);
    QCOMPARE(sessions->size(), std::size_t{2});
    const auto waiting = (*service)->unfinishedReadings();
    QVERIFY(waiting && waiting->empty());
    const auto read = (*service)->session("orchard");
    QVERIFY(read && read->n_context_tokens > 0);
  }

  // --- branches ----------------------------------------------------------------------------------

  void aTurnInTheGraphBecomesABranch() {
    app::Workbench workbench(options_, {});
    ui::MainWindow& window = open(workbench);
    showList(window, "harbour");
    auto* graph = list(window, "branchGraph");
    QTRY_COMPARE_WITH_TIMEOUT(graph->model()->rowCount(), 3, kPatience_ms);
    graph->setFocus();
    QTest::keyClick(graph, Qt::Key_Up);  // behind the first question
    QTest::keyClick(graph, Qt::Key_Return);
    QTRY_VERIFY_WITH_TIMEOUT(visible(window, "composerEdit"), kPatience_ms);
    QTRY_COMPARE_WITH_TIMEOUT(answered(window), 1, kPatience_ms);
    QTRY_VERIFY_WITH_TIMEOUT(visible(window, "branchButton"), kPatience_ms);
    ask(window, "What is the value of CRANE_LIMIT now?");
    QTRY_COMPARE_WITH_TIMEOUT(answered(window), 2, kPatience_ms);

    // The last question, edited, goes on a branch of its own.
    auto* edit = window.findChild<QPlainTextEdit*>("composerEdit");
    edit->setFocus();
    QTest::keyClick(edit, Qt::Key_Up);
    edit->setPlainText("What is the value of BERTH_COUNT again?");
    QTest::keyClick(edit, Qt::Key_Return);
    QTRY_COMPARE_WITH_TIMEOUT(answered(window), 2, kPatience_ms);
    auto* count = window.findChild<QLabel*>("conversationCount");
    QTRY_VERIFY_WITH_TIMEOUT(count->text().contains("3 branches"), kPatience_ms);
    picture(window, "8-branches");

    showList(window, "harbour");
    QTRY_COMPARE_WITH_TIMEOUT(graph->model()->rowCount(), 5, kPatience_ms);
    picture(window, "9-sessions-branches");
    // One of the others goes, after a question.
    graph->setCurrentIndex(graph->model()->index(4, 0));
    click(window, "cutBranchButton");
    click(window, "cutForGoodButton");
    QTRY_COMPARE_WITH_TIMEOUT(graph->model()->rowCount(), 4, kPatience_ms);
    // And the active one goes back before its first question.
    graph->setCurrentIndex(graph->model()->index(0, 0));
    click(window, "cutBranchButton");
    click(window, "cutForGoodButton");
    QTRY_COMPARE_WITH_TIMEOUT(graph->model()->rowCount(), 2, kPatience_ms);
    QTRY_COMPARE_WITH_TIMEOUT(transcript(window)->messageCount(), 0, kPatience_ms);
  }

  void branchesAreAsTheyWereLeft() {
    const auto service = app::ReadingService::open(options_);
    QVERIFY(service);
    const auto session = (*service)->session("harbour");
    QVERIFY(session);
    QCOMPARE(session->n_branches, 2);
    const auto here = (*service)->messages(session->id);
    QVERIFY(here && here->empty());
    const auto tree = (*service)->database().messages().treeOf(session->id);
    QVERIFY(tree);
    QCOMPARE(tree->messages.size(), std::size_t{4});  // what the other branch holds stayed
  }

  // --- search, archive, workspaces ---------------------------------------------------------------

  void whatWasSaidIsFoundAndOpened() {
    app::Workbench workbench(options_, {});
    ui::MainWindow& window = open(workbench);
    showList(window, "orchard");
    auto* search = window.findChild<QLineEdit*>("sessionSearch");
    search->setFocus();
    QTest::keyClicks(search, "crane_limit");
    auto* table = list(window, "sessionTable");
    QTRY_COMPARE_WITH_TIMEOUT(nSessions(*table), 1, kPatience_ms);
    auto* matches = list(window, "matchList");
    QTRY_VERIFY_WITH_TIMEOUT(matches->model()->rowCount() >= 1, kPatience_ms);
    QTRY_VERIFY_WITH_TIMEOUT(
        matches->model()->index(0, 0).data(Qt::AccessibleTextRole).toString().contains(
            "another branch"), kPatience_ms);
    QVERIFY(!matches->model()->index(0, 0).data().toString().contains("<quote>"));
    picture(window, "10-matches");
    matches->setFocus();
    matches->setCurrentIndex(matches->model()->index(0, 0));
    QTest::keyClick(matches, Qt::Key_Return);
    // It stands on the other branch: that one is opened.
    QTRY_VERIFY_WITH_TIMEOUT(visible(window, "composerEdit"), kPatience_ms);
    QTRY_COMPARE_WITH_TIMEOUT(answered(window), 2, kPatience_ms);
    QCOMPARE(transcript(window)->currentTurn(), 1);
  }

  void sessionsAreArchivedAndMoved() {
    app::Workbench workbench(options_, {});
    ui::MainWindow& window = open(workbench);
    auto* table = list(window, "sessionTable");
    showList(window, "orchard");
    QCOMPARE(nSessions(*table), 2);
    click(window, "archiveAction");
    QTRY_COMPARE_WITH_TIMEOUT(nSessions(*table), 1, kPatience_ms);
    click(window, "showArchivedAction");
    QTRY_COMPARE_WITH_TIMEOUT(nSessions(*table), 2, kPatience_ms);
    showList(window, "harbour");
    click(window, "moveAction");
    auto* edit = window.findChild<QLineEdit*>("sessionTitleEdit");
    edit->setText("Coast & <b>cliffs</b>");
    QTest::keyClick(edit, Qt::Key_Return);
    const auto subtitle = [table] {
      return table->currentIndex().data(ui::SessionModel::kSubtitleRole).toString();
    };
    QTRY_COMPARE_WITH_TIMEOUT(subtitle(), QString("Coast & <b>cliffs</b>"), kPatience_ms);
    QTRY_VERIFY_WITH_TIMEOUT(
        window.findChild<QLabel*>("spaceFigure")->text().contains(" of "), kPatience_ms);
  }

  // --- exports and imports -----------------------------------------------------------------------

  void aSessionGoesOutAndComesIn() {
    app::Workbench workbench(options_, {});
    ui::MainWindow& window = open(workbench);
    showList(window, "harbour");
    auto* graph = list(window, "branchGraph");
    QTRY_COMPARE_WITH_TIMEOUT(graph->model()->rowCount(), 4, kPatience_ms);
    // Its parent was removed: that does not make it the main one.
    QCOMPARE(graph->model()->index(3, 0).data().toString(), QString("branch 2"));
    const QString file = folder_.filePath("harbour.lectern");
    click(window, "exportSnapshotAction");
    auto* dialog = window.findChild<QFileDialog*>();
    QVERIFY(dialog != nullptr);
    dialog->setDirectory(folder_.path());
    dialog->selectFile("harbour.lectern");
    QMetaObject::invokeMethod(dialog, "accept");
    const auto* words = window.findChild<QLabel*>("transferWords");
    QTRY_VERIFY_WITH_TIMEOUT(words->text().startsWith("Exported"), kPatience_ms);
    QVERIFY(QFile::exists(file));
    QCOMPARE(QDir(folder_.path()).entryList({"*.partial*"}).size(), 0);

    drop(window, file);
    QVERIFY(visible(window, "importSnapshotBox"));
    window.findChild<QCheckBox*>("importSnapshotBox")->setChecked(true);
    click(window, "importNowButton");
    QTRY_VERIFY_WITH_TIMEOUT(words->text().startsWith("Imported"), kPatience_ms);
    QVERIFY2(words->text().contains("harbour 2"), qPrintable(words->text()));  // the name was taken
    QVERIFY2(window.findChild<QLabel*>("transferRemark")->text().contains("need not be read again"),
             qPrintable(window.findChild<QLabel*>("transferRemark")->text()));
    picture(window, "11-imported");
    showList(window, "harbour 2");
    click(window, "importOpenButton");
    QTRY_VERIFY_WITH_TIMEOUT(visible(window, "composerEdit"), kPatience_ms);
    QTRY_COMPARE_WITH_TIMEOUT(answered(window), 2, kPatience_ms);
  }

  void aDamagedExportIsRefusedAndNothingIsKept() {
    QFile file(folder_.filePath("bad.lectern"));
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write("{\"lectern\": <script>}");
    file.close();
    app::Workbench workbench(options_, {});
    ui::MainWindow& window = open(workbench);
    showList(window, "harbour");
    const int n_before = nSessions(*list(window, "sessionTable"));
    drop(window, file.fileName());
    click(window, "importNowButton");
    QTRY_VERIFY_WITH_TIMEOUT(visible(window, "sessionsErrorCard"), kPatience_ms);
    QVERIFY(!visible(window, "transferPanel"));
    QCOMPARE(nSessions(*list(window, "sessionTable")), n_before);
  }

 private:
  void writeSource(const char* name, const char* text) {
    QVERIFY(QDir().mkpath(folder_.filePath(name)));
    QFile file(folder_.filePath(QString(name) + "/notes.txt"));
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write(text);
  }
  std::filesystem::path source(const char* name) {
    return folder_.filePath(name).toStdString();
  }

  ui::MainWindow& open(app::Workbench& workbench) {
    ui::MainWindow& window = workbench.window();
    window.resize(1440, 900);
    window.show();
    if (!QTest::qWaitForWindowExposed(&window)) qWarning("the window is not exposed");
    return window;
  }

  // The list of sessions, with this one selected.
  void showList(ui::MainWindow& window, const QString& title) {
    auto* table = list(window, "sessionTable");
    click(window, "actionPageSessions");
    const auto found = [&] {
      for (int group = 0; group < table->model()->rowCount(); ++group) {
        const QModelIndex parent = table->model()->index(group, 0);
        for (int row = 0; row < table->model()->rowCount(parent); ++row)
          if (const QModelIndex at = table->model()->index(row, 0, parent);
              at.data().toString() == title) {
            table->setCurrentIndex(at);
            return true;
          }
      }
      return false;
    };
    QTRY_VERIFY_WITH_TIMEOUT(found(), kPatience_ms);
  }

  static void drop(ui::MainWindow& window, const QString& path) {
    QMimeData data;
    data.setUrls({QUrl::fromLocalFile(path)});
    QDropEvent event(QPointF(300, 300), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
    static_cast<QObject&>(window).event(&event);  // QApplication wants a whole drag
  }

  static QList<QWidget*> queued(ui::MainWindow& window) {
    QList<QWidget*> shown;
    for (auto* row : window.findChildren<QWidget*>("queuedReading"))
      if (row->isVisible()) shown << row;
    return shown;
  }
  static QAbstractItemView* list(ui::MainWindow& window, const char* name) {
    auto* view = window.findChild<QAbstractItemView*>(name);
    if (view == nullptr) qFatal("no view %s", name);
    return view;
  }
  static int nSessions(const QAbstractItemView& table) {
    int n = 0;
    for (int group = 0; group < table.model()->rowCount(); ++group)
      n += table.model()->rowCount(table.model()->index(group, 0));
    return n;
  }
  static bool visible(ui::MainWindow& window, const char* name) {
    for (const auto* widget : window.findChildren<QWidget*>(name))
      if (widget->isVisible()) return true;
    return false;
  }
  // A button that is seen, or a command of the menus.
  static void click(ui::MainWindow& window, const char* name, QWidget* inside = nullptr) {
    if (auto* action = window.findChild<QAction*>(name)) return action->trigger();
    auto* widget = (inside ? inside : &window)->findChild<QWidget*>(name);
    QVERIFY2(widget != nullptr && widget->isVisible() && widget->isEnabled(), name);
    QTest::mouseClick(widget, Qt::LeftButton);
  }
  static void ask(ui::MainWindow& window, const QString& question) {
    auto* edit = window.findChild<QPlainTextEdit*>("composerEdit");
    edit->setFocus();
    QTest::keyClicks(edit, question);
    QTest::keyClick(edit, Qt::Key_Return);
  }
  static ui::TranscriptView* transcript(ui::MainWindow& window) {
    return window.findChild<ui::TranscriptView*>("transcript");
  }
  // Answers in the conversation; −1 while one is being made.
  static int answered(ui::MainWindow& window) {
    return transcript(window)->isOpen() ? -1 : transcript(window)->messageCount();
  }
  static void picture(ui::MainWindow& window, const QString& name) {
    for (const auto scheme : {ui::Scheme::kDark, ui::Scheme::kLight}) {
      ui::theme().setScheme(scheme);
      QTest::qWait(50);
      QVERIFY(window.grab().save(QString(LECTERN_BUILD_DIR) + "/screenshots/workbench-" + name +
                                 (scheme == ui::Scheme::kDark ? "-dark.png" : ".png")));
    }
  }

  QTemporaryDir folder_;
  app::ServiceOptions options_;
};

}  // namespace

LECTERN_TEST(WorkbenchSessionsTest)
#include "workbench_sessions_test.moc"
