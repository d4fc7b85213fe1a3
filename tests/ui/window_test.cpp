// The main job by mouse and by keyboard: plan, read, ask, stop, follow a quote, go on later.
#include <QAccessible>
#include <QAction>
#include <QApplication>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QMenu>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QScrollBar>
#include <QSignalSpy>
#include <QStackedWidget>
#include <QToolButton>
#include <QTreeView>

#include "tests/support/test_main.h"
#include "tests/ui/scenes.h"
#include "ui/action_registry.h"
#include "ui/ingest_plan_model.h"
#include "ui/ingest_plan_page.h"
#include "ui/main_window.h"
#include "ui/transcript_view.h"

Q_DECLARE_METATYPE(base::Citation)
Q_DECLARE_METATYPE(base::SessionId)
Q_DECLARE_METATYPE(base::BranchId)

class WindowTest : public QObject {
  Q_OBJECT

 private slots:
  void init() {
    window_ = std::make_unique<ui::MainWindow>();
    window_->show();
    window_->setEngine(scenes::engine());
    QVERIFY(QTest::qWaitForWindowExposed(window_.get()));
  }
  void cleanup() { window_.reset(); }

  void planTicksDecideWhatIsRead() {
    window_->showPlan(scenes::plan());
    QSignalSpy accepted(window_.get(), &ui::MainWindow::planAccepted);
    auto* tree = find<QTreeView>("planTree");
    const int n_files = find<ui::IngestPlanPage>("ingestPlanPage")->model().checkedFiles();
    // A click on the check box of the first folder takes it out.
    const QModelIndex folder = tree->model()->index(0, 0);
    QVERIFY(folder.data(Qt::CheckStateRole).isValid());
    const QRect row = tree->visualRect(folder);
    QTest::mouseClick(tree->viewport(), Qt::LeftButton, {},
                      QPoint(row.left() + 9, row.center().y()));
    const int n_left = find<ui::IngestPlanPage>("ingestPlanPage")->model().checkedFiles();
    QVERIFY2(n_left < n_files, "the click on the check box changed nothing");
    click("planStartButton");
    QCOMPARE(accepted.size(), 1);
    QCOMPARE(accepted[0][0].value<ui::PlanSelection>().checked.size(), n_left);
  }

  void countsThatComeInDoNotTurnThePage() {
    window_->showPlan(scenes::plan());
    window_->showSessions();
    auto* pages = find<QStackedWidget>("pages");
    ui::PlanValue later = scenes::plan();
    later.files[0].tokens += 7;
    window_->showPlan(later);
    QCOMPARE(pages->currentWidget()->objectName(), QStringLiteral("sessionsPage"));
    QTest::keyClick(window_.get(), Qt::Key_1, Qt::AltModifier);
    QCOMPARE(pages->currentWidget()->objectName(), QStringLiteral("ingestPlanPage"));
    later.title = QStringLiteral("another");
    window_->showSessions();
    window_->showPlan(later);
    QCOMPARE(pages->currentWidget()->objectName(), QStringLiteral("ingestPlanPage"));
  }

  void overBudgetCannotBeRead() {
    ui::PlanValue plan = scenes::plan();
    plan.n_context_max = 70'000;
    window_->showPlan(plan);
    auto* start = find<QPushButton>("planStartButton");
    QVERIFY(!start->isEnabled());
    QVERIFY(start->text().contains(QStringLiteral("Over by")));
    find<ui::IngestPlanPage>("ingestPlanPage")->model().setFolderChecked(
        QStringLiteral("papers"), false);
    QVERIFY(start->isEnabled());
  }

  void spacePausesReading() {
    window_->showReading(scenes::reading());
    QSignalSpy paused(window_.get(), &ui::MainWindow::pauseReadingRequested);
    find<QWidget>("ingestTable")->setFocus();
    QTest::keyClick(find<QWidget>("ingestTable"), Qt::Key_Space);
    QCOMPARE(paused.size(), 1);
    QCOMPARE(find<QWidget>("ingestPage")->property("state").toString(), QStringLiteral("paused"));
  }

  void escapeStopsReading() {
    window_->showReading(scenes::reading());
    QSignalSpy stopped(window_.get(), &ui::MainWindow::stopRequested);
    QTest::keyClick(window_.get(), Qt::Key_Escape);
    QCOMPARE(stopped.size(), 1);
  }

  void enterSendsAndShiftEnterDoesNot() {
    window_->showSession(scenes::session());
    QSignalSpy asked(window_.get(), &ui::MainWindow::askRequested);
    auto* edit = find<QPlainTextEdit>("composerEdit");
    QTest::keyClicks(edit, QStringLiteral("Where is it"));
    QTest::keyClick(edit, Qt::Key_Return, Qt::ShiftModifier);
    QCOMPARE(asked.size(), 0);
    QTest::keyClicks(edit, QStringLiteral("defined?"));
    QTest::keyClick(edit, Qt::Key_Return);
    QCOMPARE(asked.size(), 1);
    QCOMPARE(asked[0][0].toString(), QStringLiteral("Where is it\ndefined?"));
    QCOMPARE(asked[0][1].toBool(), true);
  }

  // Up recalls the last question; what is sent then takes its place, on a branch.
  void theLastQuestionIsEdited() {
    window_->showSession(scenes::session());
    QSignalSpy asked(window_.get(), &ui::MainWindow::askRequested);
    QSignalSpy instead(window_.get(), &ui::MainWindow::askInsteadRequested);
    auto* edit = find<QPlainTextEdit>("composerEdit");
    QTest::keyClick(edit, Qt::Key_Up);
    QVERIFY(!edit->toPlainText().isEmpty());
    QVERIFY(find<QLabel>("composerHint")->text().contains(QStringLiteral("branch")));
    QTest::keyClick(edit, Qt::Key_Return);
    QCOMPARE(instead.size(), 1);
    QCOMPARE(asked.size(), 0);
    // Cleared away, it is an ordinary question again.
    edit->selectAll();
    QTest::keyClick(edit, Qt::Key_Delete);
    QTest::keyClicks(edit, QStringLiteral("Why?"));
    QTest::keyClick(edit, Qt::Key_Return);
    QCOMPARE(asked.size(), 1);
  }

  void anAnswerBranchesByClickAndByKey() {
    window_->showSession(scenes::session());
    QSignalSpy branched(window_.get(), &ui::MainWindow::branchRequested);
    QTest::keyClick(window_.get(), Qt::Key_B, Qt::ControlModifier | Qt::ShiftModifier);
    QCOMPARE(branched.size(), 1);
    QCOMPARE(branched[0][1].toInt(), 1);
    auto* view = find<ui::TranscriptView>("transcript");
    view->verticalScrollBar()->setValue(view->verticalScrollBar()->maximum());
    for (int y = 0; y < view->viewport()->height() && branched.size() < 2; y += 6)
      for (int x = 0; x < view->viewport()->width() && branched.size() < 2; x += 6)
        if (view->hitAt({x, y}) == ui::TurnHit::Kind::kBranch)
          QTest::mouseClick(view->viewport(), Qt::LeftButton, {}, {x, y});
    QCOMPARE(branched.size(), 2);
  }

  void theHeaderLeadsToAnotherBranch() {
    window_->showSession(scenes::session());
    auto* button = find<QToolButton>("branchButton");
    QVERIFY(!button->isVisible());
    window_->setBranches(scenes::branches());
    QVERIFY(button->isVisible());
    QCOMPARE(button->text(), QStringLiteral("main"));
    QVERIFY(find<QLabel>("conversationCount")->text().contains(QStringLiteral("3 branches")));
    QSignalSpy chosen(window_.get(), &ui::MainWindow::switchBranchRequested);
    click("branchButton");
    auto* menu = find<QMenu>("branchMenu");
    QTRY_VERIFY(menu->isVisible());
    QTest::keyClick(menu, Qt::Key_Down);
    QTest::keyClick(menu, Qt::Key_Down);
    QTest::keyClick(menu, Qt::Key_Return);
    QCOMPARE(chosen.size(), 1);
    QCOMPARE(chosen[0][1].value<base::BranchId>().value, std::int64_t(12));
  }

  void unfinishedReadingsAreOnTheWelcomePage() {
    window_->showWelcome(scenes::welcome());
    auto* queue = find<QWidget>("readingQueue");
    QVERIFY(!queue->isVisible());
    window_->setReadings({{{7}, QStringLiteral("<b>x</b>"), 4096, 16'384, false, true},
                          {{8}, QStringLiteral("later"), 0, 0, false, false}});
    QVERIFY(queue->isVisible());
    QSignalSpy on(window_.get(), &ui::MainWindow::readingRequested);
    QSignalSpy removed(window_.get(), &ui::MainWindow::removeReadingRequested);
    click("goOnButton");
    QCOMPARE(on.size(), 1);
    QCOMPARE(on[0][0].value<base::SessionId>().value, std::int64_t(7));
    click("removeReadingButton");
    QCOMPARE(removed.size(), 0);
    click("removeReadingForGoodButton");
    QCOMPARE(removed.size(), 1);

    window_->setReadings({{{7}, QStringLiteral("x"), 4096, 16'384, true, true}});
    window_->showReading(scenes::reading());
    window_->showWelcome(scenes::welcome());
    base::Progress progress = scenes::reading().progress;
    progress.n_done = 1234;
    window_->showReadingProgress(progress, 0, 0.5);
    const QString figure = find<QLabel>("readingFigure")->text();
    QVERIFY2(figure.contains(QStringLiteral("1,234")), qPrintable(figure));
    click("goOnButton");  // "Show"
    QCOMPARE(find<QStackedWidget>("pages")->currentWidget()->objectName(),
             QStringLiteral("ingestPage"));
  }

  void nothingIsSentWithoutAModel() {
    window_->setEngine(scenes::engine(ui::EngineState::kNoModel));
    window_->showSession(scenes::session());
    QSignalSpy asked(window_.get(), &ui::MainWindow::askRequested);
    auto* edit = find<QPlainTextEdit>("composerEdit");
    QTest::keyClicks(edit, QStringLiteral("Where?"));
    QTest::keyClick(edit, Qt::Key_Return);
    QCOMPARE(asked.size(), 0);
    QVERIFY(find<QPushButton>("sendButton")->toolTip().contains(QStringLiteral("model")));
  }

  void anAnswerStreamsAndStops() {
    window_->showSession(scenes::session());
    QSignalSpy stopped(window_.get(), &ui::MainWindow::stopRequested);
    window_->beginAnswer(QStringLiteral("And without a sync?"));
    QVERIFY(find<QPushButton>("stopButton")->isVisible());
    QVERIFY(!find<QPushButton>("sendButton")->isVisible());
    window_->showAnswerDelta({"Then the ", false, 2, {}});
    window_->showAnswerDelta({"<quote>rename", false, 2, {}});
    auto* view = find<ui::TranscriptView>("transcript");
    QTRY_COMPARE(view->turn(1).quotes().size(), size_t(1));
    QCOMPARE(view->turn(1).quotes()[0].state, ui::EvidenceState::kPending);
    click("stopButton");
    QCOMPARE(stopped.size(), 1);
    QVERIFY(!find<QPushButton>("stopButton")->isEnabled());

    ui::MessageValue message;
    message.question = "And without a sync?";
    message.answer = "Then the <quote>rename</quote>";
    message.finish = base::FinishReason::kStopped;
    window_->finishAnswer(message);
    QVERIFY(find<QPushButton>("sendButton")->isVisible());
    QCOMPARE(view->turn(1).quotes()[0].state, ui::EvidenceState::kUnverified);
    QCOMPARE(view->messageCount(), 2);
  }

  void anErrorKeepsTheTextOfTheAnswer() {
    window_->showSession(scenes::session());
    window_->beginAnswer(QStringLiteral("Why?"));
    window_->showAnswerDelta({"Because of the rename.", false, 5, {}});
    window_->failAnswer({{base::ErrorCode::kEngineStopped, "it ended", ""},
                         ui::ErrorPlace::kConversation, {}, {}});
    QVERIFY(find<QWidget>("conversationErrorCard")->isVisible());
    auto* view = find<ui::TranscriptView>("transcript");
    QVERIFY(!view->isOpen());
    QCOMPARE(QString::fromStdString(view->turn(1).message().answer),
             QStringLiteral("Because of the rename."));
    QSignalSpy chosen(window_.get(), &ui::MainWindow::errorActionChosen);
    click("errorPrimary", find<QWidget>("conversationErrorCard"));
    QCOMPARE(chosen.size(), 1);
  }

  void aClickOnAQuoteAsksForItsPlace() {
    window_->showSession(scenes::session());
    auto* view = find<ui::TranscriptView>("transcript");
    QSignalSpy activated(window_.get(), &ui::MainWindow::citationActivated);
    for (const int quote : {1, 0, 2}) {
      view->selectQuote(0, quote);
      const QRect rect = view->quoteAt(quote);
      QVERIFY2(view->viewport()->rect().contains(rect.center()), "the quote is not in view");
      QTest::mouseClick(view->viewport(), Qt::LeftButton, {}, rect.center());
      QCOMPARE(activated.last()[1].toInt(), quote);
    }
    QCOMPARE(activated.size(), 3);
    const auto citation = activated[1][0].value<base::Citation>();
    QCOMPARE(QString::fromStdString(citation.path), QStringLiteral("leveldb/db/version_set.cc"));
    QCOMPARE(citation.line_start, 833);
  }

  void anUnprovenQuoteLeadsNowhere() {
    window_->showSession(scenes::session());
    auto* view = find<ui::TranscriptView>("transcript");
    QSignalSpy activated(window_.get(), &ui::MainWindow::citationActivated);
    view->selectQuote(0, 3);
    QTest::mouseClick(view->viewport(), Qt::LeftButton, {}, view->quoteAt(3).center());
    QCOMPARE(activated.size(), 0);
    QCOMPARE(view->currentQuote(), 3);
  }

  void f8GoesThroughTheQuotes() {
    window_->showSession(scenes::session());
    auto* view = find<ui::TranscriptView>("transcript");
    auto* list = find<QListView>("evidenceList");
    QCOMPARE(list->model()->rowCount(), 4);
    for (int i = 0; i < 5; ++i) {
      QTest::keyClick(window_.get(), Qt::Key_F8);
      QCOMPARE(view->currentQuote(), i % 4);
      QCOMPARE(list->currentIndex().row(), i % 4);
    }
    QTest::keyClick(window_.get(), Qt::Key_F8, Qt::ShiftModifier);
    QCOMPARE(view->currentQuote(), 3);
  }

  void theEvidenceListLeadsToThePlace() {
    window_->showSession(scenes::session());
    QSignalSpy activated(window_.get(), &ui::MainWindow::citationActivated);
    auto* list = find<QListView>("evidenceList");
    list->setCurrentIndex(list->model()->index(2, 0));
    QTest::keyClick(list, Qt::Key_Return);
    QCOMPARE(activated.size(), 1);
    QCOMPARE(activated[0][1].toInt(), 2);
  }

  void aSourceOpensByClickAndByEnter() {
    window_->showSession(scenes::session());
    QSignalSpy requested(window_.get(), &ui::MainWindow::documentRequested);
    auto* tree = find<QTreeView>("sourcesTree");
    const QModelIndex file = tree->model()->index(0, 0, tree->model()->index(0, 0,
                                                          tree->model()->index(0, 0)));
    QCOMPARE(file.data().toString(), QStringLiteral("db_impl.cc"));
    QTest::mouseClick(tree->viewport(), Qt::LeftButton, {}, tree->visualRect(file).center());
    QCOMPARE(requested.size(), 1);
    QCOMPARE(requested[0][0].toString(), QStringLiteral("leveldb/db/db_impl.cc"));
  }

  void sessionsAreResumedRenamedAndDeleted() {
    window_->setSessions(scenes::sessions());
    window_->showSessions();
    QSignalSpy opened(window_.get(), &ui::MainWindow::sessionRequested);
    QSignalSpy renamed(window_.get(), &ui::MainWindow::renameSessionRequested);
    QSignalSpy deleted(window_.get(), &ui::MainWindow::deleteSessionRequested);
    auto* table = find<QTreeView>("sessionTable");
    QTest::keyClick(table, Qt::Key_Return);
    QCOMPARE(opened.size(), 1);
    QCOMPARE(opened[0][0].value<base::SessionId>().value, std::int64_t(42));

    QTest::keyClick(window_.get(), Qt::Key_F2);
    auto* edit = find<QLineEdit>("sessionTitleEdit");
    edit->setText(QStringLiteral("Another title"));
    QTest::keyClick(edit, Qt::Key_Return);
    QCOMPARE(renamed.size(), 1);
    QCOMPARE(renamed[0][1].toString(), QStringLiteral("Another title"));

    QTest::keyClick(table, Qt::Key_Delete);
    QCOMPARE(deleted.size(), 0);
    click("deleteForGoodButton");
    QCOMPARE(deleted.size(), 1);
  }

  void searchNarrowsTheSessions() {
    window_->setSessions(scenes::sessions());
    window_->showSessions();
    QTest::keyClicks(find<QLineEdit>("sessionSearch"), QStringLiteral("kernel"));
    auto* table = find<QTreeView>("sessionTable");
    QCOMPARE(table->model()->rowCount(), 1);
    QCOMPARE(table->model()->rowCount(table->model()->index(0, 0)), 1);
  }

  void anUnfinishedReadingIsGoneOnWith() {
    auto rows = scenes::sessions();
    rows[0].unfinished = true;
    rows[0].tokens_read = 40;
    rows[0].tokens_to_read = 100;
    window_->setSessions(rows);
    window_->showSessions();
    QSignalSpy reading(window_.get(), &ui::MainWindow::readingRequested);
    QSignalSpy opened(window_.get(), &ui::MainWindow::sessionRequested);
    QSignalSpy pinned(window_.get(), &ui::MainWindow::pinSessionRequested);
    click("resumeButton");
    QCOMPARE(reading.size(), 1);
    QCOMPARE(opened.size(), 0);
    QTest::keyClick(window_.get(), Qt::Key_D, Qt::ControlModifier);
    QCOMPARE(pinned.size(), 1);
    QVERIFY(pinned[0][1].toBool());
  }

  void namesAreNeverMarkup() {
    ui::SessionValue value = scenes::session();
    const QString name = QStringLiteral("<img src=x>\u202Eevil.cc");
    value.sources = {{name, base::DocumentKind::kCode, 10, false}};
    value.title = QStringLiteral("<b>bold</b>");
    window_->showSession(value);
    auto* tree = find<QTreeView>("sourcesTree");
    const QString shown = tree->model()->index(0, 0).data().toString();
    QVERIFY(shown.startsWith(QStringLiteral("<img src=x>")));
    QVERIFY(!shown.contains(QChar(0x202E)));
    for (const QLabel* label : window_->findChildren<QLabel*>())
      QVERIFY2(label->text().isEmpty() || label->textFormat() == Qt::PlainText,
               qPrintable(label->objectName() + label->text()));
  }

  void shortcutsAreUnique() {
    QStringList keys, names;
    for (const QAction* action : window_->actions().all()) {
      QVERIFY2(!action->text().isEmpty() && !action->statusTip().isEmpty(),
               qPrintable(action->objectName()));
      names << action->objectName();
      for (const QKeySequence& key : action->shortcuts()) keys << key.toString();
    }
    for (QStringList* list : {&keys, &names}) {
      const qsizetype n = list->size();
      list->removeDuplicates();
      QCOMPARE(list->size(), n);
    }
  }

  void everyActionableWidgetHasAName() {
    window_->showSession(scenes::session());
    window_->showDocumentText(scenes::sourceText());
    QStringList nameless;
    int n_seen = 0;
    collectNameless(QAccessible::queryAccessibleInterface(window_.get()), nameless, n_seen);
    QVERIFY2(nameless.isEmpty(), qPrintable(nameless.join(QLatin1Char('\n'))));
    QVERIFY(n_seen > 20);

    window_->setWorkspaces(scenes::workspaces());
    window_->setSessions(scenes::sessions());
    window_->setSpace(scenes::space());
    window_->showSessions();
    window_->setBranches(scenes::branches());
    window_->askImport(QStringLiteral("/tmp/x.lectern"));
    n_seen = 0;
    collectNameless(QAccessible::queryAccessibleInterface(window_.get()), nameless, n_seen);
    QVERIFY2(nameless.isEmpty(), qPrintable(nameless.join(QLatin1Char('\n'))));
    QVERIFY(n_seen > 20);
  }

  void quotesAreLinksForAssistiveTechnology() {
    window_->showSession(scenes::session());
    QSignalSpy activated(window_.get(), &ui::MainWindow::citationActivated);
    QAccessibleInterface* list =
        QAccessible::queryAccessibleInterface(find<QWidget>("transcript"));
    QCOMPARE(list->role(), QAccessible::List);
    QCOMPARE(list->childCount(), 6);   // question, answer, four quotes
    QAccessibleInterface* link = list->child(2);
    QCOMPARE(link->role(), QAccessible::Link);
    QCOMPARE(link->text(QAccessible::Name),
             QStringLiteral("Verbatim quote, leveldb/db/version_set.cc, lines 833 to 835"));
    link->actionInterface()->doAction(QAccessibleActionInterface::pressAction());
    QCOMPARE(activated.size(), 1);
  }

  // F6 reaches every pane, and comes round.
  void f6GoesRound() {
    window_->showSession(scenes::session());
    window_->showDocumentText(scenes::sourceText());
    QStringList visited;
    const QStringList panes = {"sourcesPane", "transcript", "composer", "viewerTabs",
                               "evidencePane"};
    for (int i = 0; i < 5; ++i) {
      QTest::keyClick(window_.get(), Qt::Key_F6);
      for (const QString& pane : panes) {
        const QWidget* widget = window_->findChild<QWidget*>(pane);
        QWidget* focused = QApplication::focusWidget();
        if (focused == widget || (widget && widget->isAncestorOf(focused))) visited << pane;
      }
    }
    visited.removeDuplicates();
    QCOMPARE(visited.size(), panes.size());
  }

  // A long conversation is laid out only where it is seen.
  void longConversationsAreLaidOutLazily() {
    ui::SessionValue value = scenes::session();
    value.messages.assign(400, scenes::answered());
    window_->showSession(value);
    auto* view = find<ui::TranscriptView>("transcript");
    QVERIFY2(view->laidOutTurns() < 30, qPrintable(QString::number(view->laidOutTurns())));
    QCOMPARE(view->verticalScrollBar()->value(), view->verticalScrollBar()->maximum());
    view->verticalScrollBar()->setValue(0);
    QVERIFY(view->turn(0).isLaidOut());
    QVERIFY(view->laidOutTurns() < 30);
  }

 private:
  template <class T>
  T* find(const char* name) {
    T* found = window_->findChild<T*>(QLatin1String(name));
    if (!found) qFatal("no widget %s", name);
    return found;
  }

  void click(const char* name, QWidget* inside = nullptr) {
    QWidget* above = inside ? inside : window_.get();
    QTest::mouseClick(above->findChild<QWidget*>(QLatin1String(name)), Qt::LeftButton);
  }

  static void collectNameless(QAccessibleInterface* node, QStringList& nameless, int& n_seen) {
    if (!node) return;
    static const QList<QAccessible::Role> roles = {
        QAccessible::PushButton, QAccessible::CheckBox, QAccessible::EditableText,
        QAccessible::Link, QAccessible::MenuItem, QAccessible::PageTab};
    if (roles.contains(node->role()) && !node->state().invisible) {
      ++n_seen;
      if (node->text(QAccessible::Name).isEmpty())
        nameless << QStringLiteral("%1 in %2").arg(
            node->object() ? node->object()->objectName() + QLatin1Char(' ') +
                                 QLatin1String(node->object()->metaObject()->className())
                           : QStringLiteral("item"),
            node->parent() ? node->parent()->text(QAccessible::Name) : QString());
    }
    for (int i = 0; i < node->childCount(); ++i) collectNameless(node->child(i), nameless, n_seen);
  }

  std::unique_ptr<ui::MainWindow> window_;
};

LECTERN_TEST(WindowTest)
#include "window_test.moc"
