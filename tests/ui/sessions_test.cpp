// The list of sessions by mouse and by keyboard: search, filters, branches, space, exports and
// imports.
#include <QAbstractItemModelTester>
#include <QAction>
#include <QApplication>
#include <QCheckBox>
#include <QDropEvent>
#include <QFileDialog>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QMenu>
#include <QMimeData>
#include <QPushButton>
#include <QScrollBar>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTreeView>

#include "tests/support/test_main.h"
#include "tests/ui/scenes.h"
#include "ui/branch_model.h"
#include "ui/main_window.h"
#include "ui/marked_text.h"
#include "ui/match_model.h"
#include "ui/session_model.h"
#include "ui/theme.h"

Q_DECLARE_METATYPE(base::SessionId)
Q_DECLARE_METATYPE(base::BranchId)
Q_DECLARE_METATYPE(base::MessageId)
Q_DECLARE_METATYPE(ui::SessionSearch)
Q_DECLARE_METATYPE(ui::ExportKind)

namespace {

std::vector<ui::SessionRow> manyRows(int n) {
  const QDateTime now = QDateTime::currentDateTime();
  std::vector<ui::SessionRow> rows(static_cast<size_t>(n));
  for (int i = 0; i < n; ++i) {
    ui::SessionRow& row = rows[static_cast<size_t>(i)];
    row.id = {i + 1};
    row.title = QStringLiteral("Session %1").arg(i + 1);
    row.last_used = now.addSecs(-60 * i);
  }
  return rows;
}

}  // namespace

class SessionsPageTest : public QObject {
  Q_OBJECT

 private slots:
  void init() {
    window_ = std::make_unique<ui::MainWindow>();
    window_->show();
    window_->setEngine(scenes::engine());
    QVERIFY(QTest::qWaitForWindowExposed(window_.get()));
    window_->setWorkspaces(scenes::workspaces());
    window_->setSessions(scenes::sessions());
    window_->setSpace(scenes::space());
    window_->showSessions();
    window_->setBranches(scenes::branches());
  }
  void cleanup() { window_.reset(); }

  // --- search ------------------------------------------------------------------------------------

  void whatWasSaidIsFoundAndMarked() {
    QSignalSpy searched(window_.get(), &ui::MainWindow::searchRequested);
    find<QLineEdit>("sessionSearch")->setFocus();
    QTest::keyClicks(find<QLineEdit>("sessionSearch"), QStringLiteral("zebra"));
    const auto search = searched.back()[0].value<ui::SessionSearch>();
    QCOMPARE(search.words, QStringLiteral("zebra"));
    QCOMPARE(nSessions(), 0);
    QVERIFY(find<QLabel>("sessionsEmpty")->isVisible());
    window_->setSearchHits({QStringLiteral("zeb"), {}, false},
                           {{{3}, QStringLiteral("late"), {}, ui::HitPlace::kTitle}});
    QCOMPARE(nSessions(), 0);  // an answer to other words
    window_->setSearchHits(search, {{{3}, QStringLiteral("a \u2068zebra\u2069 <img src=x>\u202E"),
                                     {9}, ui::HitPlace::kAnswer}});
    QCOMPARE(nSessions(), 1);
    auto* list = find<QListView>("matchList");
    QTRY_VERIFY(list->isVisible());
    QCOMPARE(list->model()->rowCount(), 1);
    const QString shown = list->model()->index(0, 0).data().toString();
    QCOMPARE(shown, QStringLiteral("a zebra <img src=x>\u25AF"));  // text, not markup
    // The word stands out on the screen.
    const auto marked = [list] {
      const QImage image = list->viewport()->grab().toImage();
      int n_pixels = 0;
      for (int y = 0; y < image.height(); ++y)
        for (int x = 0; x < image.width(); ++x)
          n_pixels += image.pixelColor(x, y) == ui::color(ui::Token::kMark);
      return n_pixels;
    };
    QTRY_VERIFY(marked() > 100);
    QVERIFY(find<QWidget>("sessionCount")->accessibleName().contains(QStringLiteral("1 passage")));
  }

  void aMatchLeadsToItsPlace() {
    find<QLineEdit>("sessionSearch")->setText(QStringLiteral("rename durable"));
    window_->setSearchHits({QStringLiteral("rename durable"), {}, false}, scenes::hits());
    window_->setBranches(scenes::branches());
    auto* list = find<QListView>("matchList");
    QCOMPARE(list->model()->index(0, 0).data(ui::MatchModel::kPlaceRole).toString(),
             QStringLiteral("answer 4"));
    QCOMPARE(list->model()->index(1, 0).data(ui::MatchModel::kPlaceRole).toString(),
             QStringLiteral("question 4, another branch"));
    QSignalSpy opened(window_.get(), &ui::MainWindow::matchRequested);
    list->setFocus();
    list->setCurrentIndex(list->model()->index(1, 0));
    QTest::keyClick(list, Qt::Key_Return);
    QCOMPARE(opened.size(), 1);
    QCOMPARE(opened[0][0].value<base::SessionId>().value, std::int64_t(42));
    QCOMPARE(opened[0][1].value<base::MessageId>().value, std::int64_t(121));
  }

  // Marks that do not fit together, as a hostile text may hold them.
  void strangeMarksAreHarmless() {
    const auto marked = ui::markedText(
        QStringLiteral("\u2069a\u2068\u2068b\u2069\u2069c\u2068d"));
    QCOMPARE(marked.text, QStringLiteral("abcd"));
    QCOMPARE(marked.marks.size(), size_t(1));
    QCOMPARE(marked.marks[0].begin, 1);
    QCOMPARE(marked.marks[0].length, 1);
  }

  // --- filters -----------------------------------------------------------------------------------

  void theWorkspaceFilterNarrowsListAndSearch() {
    QSignalSpy searched(window_.get(), &ui::MainWindow::searchRequested);
    click("workspaceFilter");
    auto* menu = find<QMenu>("workspaceMenu");
    QTRY_VERIFY(menu->isVisible());
    QTest::keyClick(menu, Qt::Key_Down);
    QTest::keyClick(menu, Qt::Key_Down);
    QTest::keyClick(menu, Qt::Key_Return);
    QCOMPARE(nSessions(), 3);
    QCOMPARE(searched.back()[0].value<ui::SessionSearch>().workspace.value, std::int64_t(1));
    QCOMPARE(find<QPushButton>("workspaceFilter")->text(), QStringLiteral("Storage engines"));
  }

  void archivedSessionsAreShownWhenAskedFor() {
    auto rows = scenes::sessions();
    rows[1].archived = true;
    window_->setSessions(rows);
    QCOMPARE(nSessions(), 5);
    QSignalSpy searched(window_.get(), &ui::MainWindow::searchRequested);
    find<QAction>("showArchivedAction")->trigger();
    QCOMPARE(nSessions(), 6);
    QVERIFY(searched.back()[0].value<ui::SessionSearch>().with_archived);
    QSignalSpy archived(window_.get(), &ui::MainWindow::archiveSessionRequested);
    find<QAction>("archiveAction")->trigger();
    QCOMPARE(archived.size(), 1);
    QCOMPARE(archived[0][0].value<base::SessionId>().value, std::int64_t(42));
    QVERIFY(archived[0][1].toBool());
  }

  void aSessionMovesToAnotherWorkspace() {
    QSignalSpy moved(window_.get(), &ui::MainWindow::moveSessionRequested);
    click("moreButton");
    auto* menu = find<QMenu>("moreMenu");
    QTRY_VERIFY(menu->isVisible());
    menu->close();
    find<QAction>("moveAction")->trigger();
    auto* edit = find<QLineEdit>("sessionTitleEdit");
    QVERIFY(edit->isVisible());
    QCOMPARE(edit->text(), QStringLiteral("Storage engines"));
    edit->setText(QStringLiteral("Elsewhere"));
    QTest::keyClick(edit, Qt::Key_Return);
    QCOMPARE(moved.size(), 1);
    QCOMPARE(moved[0][1].toString(), QStringLiteral("Elsewhere"));
    QVERIFY(!edit->isVisible());
  }

  // --- branches ----------------------------------------------------------------------------------

  void branchesAreRowsWithTheActiveOneFirst() {
    ui::BranchModel model;
    new QAbstractItemModelTester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest,
                                 &model);
    model.setBranches(scenes::branches());
    QCOMPARE(model.rowCount(), 7);  // sources, four turns, two branches
    QCOMPARE(model.headRow(), 4);
    QCOMPARE(model.forkRow(5), 2);
    QCOMPARE(model.index(6).data().toString(), QStringLiteral("Same question, thinking off"));
    QVERIFY(model.index(4).data(Qt::AccessibleTextRole).toString().contains(
        QStringLiteral("end of the active branch main")));
    model.setBranches({});
    QCOMPARE(model.rowCount(), 0);
  }

  void aTurnIsBranchedFromByKey() {
    QSignalSpy branched(window_.get(), &ui::MainWindow::branchRequested);
    auto* graph = find<QListView>("branchGraph");
    graph->setFocus();
    QCOMPARE(graph->currentIndex().row(), 4);
    QTest::keyClick(graph, Qt::Key_Up);
    QTest::keyClick(graph, Qt::Key_Up);
    QTest::keyClick(graph, Qt::Key_Return);
    QCOMPARE(branched.size(), 1);
    QCOMPARE(branched[0][0].value<base::SessionId>().value, std::int64_t(42));
    QCOMPARE(branched[0][1].toInt(), 2);
    QTest::keyClick(graph, Qt::Key_Home);  // the sources: before the first question
    QTest::keyClick(graph, Qt::Key_Return);
    QCOMPARE(branched[1][1].toInt(), 0);
  }

  void anotherBranchIsChosenByClick() {
    QSignalSpy chosen(window_.get(), &ui::MainWindow::switchBranchRequested);
    auto* graph = find<QListView>("branchGraph");
    QTest::mouseClick(graph->viewport(), Qt::LeftButton, {},
                      graph->visualRect(graph->model()->index(5, 0)).center());
    QVERIFY(!find<QPushButton>("branchHereButton")->isVisible());
    click("switchBranchButton");
    QCOMPARE(chosen.size(), 1);
    QCOMPARE(chosen[0][1].value<base::BranchId>().value, std::int64_t(12));
  }

  void goingBackAsksFirst() {
    QSignalSpy back(window_.get(), &ui::MainWindow::rewindRequested);
    auto* graph = find<QListView>("branchGraph");
    QVERIFY(!find<QPushButton>("cutBranchButton")->isVisible());  // at the end there is no way back
    graph->setCurrentIndex(graph->model()->index(2, 0));
    click("cutBranchButton");
    QCOMPARE(back.size(), 0);
    QCOMPARE(QApplication::focusWidget(), find<QPushButton>("cutKeepButton"));
    click("cutForGoodButton");
    QCOMPARE(back.size(), 1);
    QCOMPARE(back[0][1].toInt(), 2);

    QSignalSpy removed(window_.get(), &ui::MainWindow::removeBranchRequested);
    graph->setCurrentIndex(graph->model()->index(6, 0));
    graph->setFocus();
    QTest::keyClick(graph, Qt::Key_Delete);
    QCOMPARE(removed.size(), 0);
    click("cutForGoodButton");
    QCOMPARE(removed.size(), 1);
    QCOMPARE(removed[0][1].value<base::BranchId>().value, std::int64_t(13));
  }

  void branchesOfAnotherSessionAreNotShown() {
    auto* table = find<QTreeView>("sessionTable");
    table->setFocus();
    QSignalSpy wanted(window_.get(), &ui::MainWindow::branchesRequested);
    QTest::keyClick(table, Qt::Key_Down);
    QVERIFY(!find<QWidget>("branchPane")->isVisible());
    window_->setBranches(scenes::branches());  // of the session before
    QVERIFY(!find<QWidget>("branchPane")->isVisible());
    QTRY_COMPARE(wanted.size(), 1);
    QCOMPARE(wanted[0][0].value<base::SessionId>().value, std::int64_t(2));
  }

  // --- space -------------------------------------------------------------------------------------

  void theSpaceIsSaidAndLowDisksAreTold() {
    QCOMPARE(find<QLabel>("spaceFigure")->text(), QStringLiteral("41.6 GB of 120.0 GB"));
    const QString parts = find<QWidget>("snapshotSpaceBar")->accessibleDescription();
    for (const char* part : {"11.2 GB pinned", "14.3 GB of one session", "9.9 GB shared",
                             "6.2 GB cache"})
      QVERIFY2(parts.contains(QLatin1String(part)), qPrintable(parts));
    auto* warning = find<QLabel>("spaceWarning");
    QVERIFY(!warning->isVisible());
    ui::SpaceValue value = scenes::space();
    value.disk_free_bytes = 12'000'000;
    window_->setSpace(value);
    QVERIFY(warning->isVisible() && warning->text().contains(QStringLiteral("12.0 MB free")));
    value.reserve = false;
    window_->setSpace(value);
    QVERIFY(warning->text().contains(QStringLiteral("reserve")));
  }

  // --- exports and imports -----------------------------------------------------------------------

  void aSessionIsExportedThroughTheDialog() {
    QTemporaryDir folder;
    QSignalSpy exported(window_.get(), &ui::MainWindow::exportRequested);
    click("exportButton");
    auto* menu = find<QMenu>("exportMenu");
    QTRY_VERIFY(menu->isVisible());
    QTest::keyClick(menu, Qt::Key_Down);
    QTest::keyClick(menu, Qt::Key_Down);
    QTest::keyClick(menu, Qt::Key_Return);
    auto* dialog = window_->findChild<QFileDialog*>();
    QVERIFY(dialog != nullptr);
    dialog->setDirectory(folder.path());
    dialog->selectFile(QStringLiteral("out"));
    QMetaObject::invokeMethod(dialog, "accept");
    QTRY_COMPARE(exported.size(), 1);
    QCOMPARE(exported[0][1].value<ui::ExportKind>(), ui::ExportKind::kWithSnapshot);
    QCOMPARE(exported[0][2].toString(), folder.filePath(QStringLiteral("out.lectern")));

    window_->showTransfer({QStringLiteral("Exporting <b>x</b>"), 3'000'000, 12'000'000});
    QVERIFY(find<QWidget>("transferBar")->isVisible());
    QSignalSpy cancelled(window_.get(), &ui::MainWindow::cancelTransferRequested);
    click("transferCloseButton");
    QCOMPARE(cancelled.size(), 1);
    QVERIFY(!find<QPushButton>("transferCloseButton")->isEnabled());
    window_->showTransfer({QStringLiteral("Exporting <b>x</b>"), 4'000'000, 12'000'000});
    QVERIFY(!find<QPushButton>("transferCloseButton")->isEnabled());  // once is enough
    window_->endTransfer();
    QVERIFY(!find<QWidget>("transferPanel")->isVisible());
  }

  void aDroppedSessionIsImportedAfterAQuestion() {
    QTemporaryDir folder;
    const QString path = folder.filePath(QStringLiteral("shelf.lectern"));
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.close();
    QSignalSpy planned(window_.get(), &ui::MainWindow::pathsChosen);
    QSignalSpy imported(window_.get(), &ui::MainWindow::importRequested);
    QMimeData data;
    data.setUrls({QUrl::fromLocalFile(path)});
    QDropEvent drop(QPointF(200, 200), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
    static_cast<QObject*>(window_.get())->event(&drop);  // QApplication wants a whole drag
    QCOMPARE(planned.size(), 0);
    QVERIFY(find<QWidget>("transferPanel")->isVisible());
    QVERIFY(!find<QCheckBox>("importSnapshotBox")->isChecked());  // nobody's word is taken
    click("importNowButton");
    QCOMPARE(imported.size(), 1);
    QCOMPARE(imported[0][0].toString(), path);
    QVERIFY(!imported[0][1].toBool());
    window_->showTransferResult({QStringLiteral("Imported"), {}, {3}});
    QSignalSpy opened(window_.get(), &ui::MainWindow::sessionRequested);
    click("importOpenButton");
    QCOMPARE(opened.size(), 1);
    QCOMPARE(opened[0][0].value<base::SessionId>().value, std::int64_t(3));
  }

  // --- many and hostile --------------------------------------------------------------------------

  void manySessionsAreFetchedAsOneScrolls() {
    ui::SessionModel model;
    new QAbstractItemModelTester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest,
                                 &model);
    model.setRows(manyRows(1000), QDateTime::currentDateTime());
    QCOMPARE(model.shownCount(), 1000);
    QVERIFY(model.indexOf({990}).isValid());
    QCOMPARE(model.row(model.indexOf({990}))->id.value, std::int64_t(990));

    window_->setSessions(manyRows(10'000));
    auto* table = find<QTreeView>("sessionTable");
    QVERIFY2(nSessions() < 1000, qPrintable(QString::number(nSessions())));
    QVERIFY(find<QWidget>("sessionCount")->accessibleName().contains(QStringLiteral("10,000")));
    const int n_before = nSessions();
    table->verticalScrollBar()->setValue(table->verticalScrollBar()->maximum());
    QTRY_VERIFY(nSessions() > n_before);
    QTest::keyClick(table, Qt::Key_PageDown);
    // A search looks through all of them, fetched or not.
    find<QLineEdit>("sessionSearch")->setText(QStringLiteral("session 9999"));
    QCOMPARE(nSessions(), 1);
  }

  void hostileNamesAreText() {
    auto rows = scenes::sessions();
    const QString name = QStringLiteral("<b>x</b>\u202E\x1B\ny & z");
    rows[0].title = rows[0].workspace = name;
    window_->setSessions(rows);
    ui::BranchesValue branches = scenes::branches();
    branches.turns[0].words = branches.active_title = branches.others[0].title = name;
    window_->setBranches(branches);
    window_->setWorkspaces({{{1}, name}});
    for (const QLabel* label : window_->findChildren<QLabel*>()) {
      QVERIFY2(label->text().isEmpty() || label->textFormat() == Qt::PlainText,
               qPrintable(label->objectName() + label->text()));
      QVERIFY(!label->text().contains(QChar(0x202E)));
    }
    const auto* graph = find<QListView>("branchGraph")->model();
    const auto* table = find<QTreeView>("sessionTable")->model();
    const QModelIndex first = table->index(0, 0, table->index(0, 0));
    for (const QModelIndex& index : {graph->index(1, 0), graph->index(5, 0), first}) {
      const QString shown = index.data().toString();
      for (const QChar hidden : {QChar(0x202E), QChar(0x1B), QChar(u'\n')})
        QVERIFY(!shown.contains(hidden));
      QVERIFY(index.data(Qt::ToolTipRole).toString().contains(QStringLiteral("&lt;b&gt;")));
    }
    for (const QAction* action : find<QMenu>("workspaceMenu")->actions())
      QVERIFY(!action->text().contains(QChar(0x202E)));
  }

 private:
  template <class T>
  T* find(const char* name) {
    T* found = window_->findChild<T*>(QLatin1String(name));
    if (!found) qFatal("no widget %s", name);
    return found;
  }
  void click(const char* name) {
    auto* widget = find<QWidget>(name);
    QVERIFY2(widget->isVisible(), name);
    QTest::mouseClick(widget, Qt::LeftButton);
  }
  int nSessions() {
    const QAbstractItemModel* model = find<QTreeView>("sessionTable")->model();
    int n = 0;
    for (int group = 0; group < model->rowCount(); ++group)
      n += model->rowCount(model->index(group, 0));
    return n;
  }

  std::unique_ptr<ui::MainWindow> window_;
};

LECTERN_TEST(SessionsPageTest)
#include "sessions_test.moc"
