// main_window.h: the front door of ui/: one window per workspace.
//
// Shows values (values.h) and emits wishes; it does not know who answers them, and it never waits.
// ui/ refuses to know engine, storage and ingest: the whole window runs on invented data. Every
// function is called on the GUI thread. A wish has no effect on what is shown until a slot is
// called: whoever answers decides. The exceptions, because they must be felt at once, are the
// state words "stopping" and "paused" after a click.
//
// A usual course:
//   showWelcome -> (pathsChosen) -> showPlan -> (planAccepted) -> showReading, showReadingProgress*
//   -> showSession -> (askRequested) -> beginAnswer, showAnswerDelta*, showCitation*, finishAnswer
//   -> (citationActivated) -> showDocumentText or showPdfPage.
#pragma once

#include <memory>

#include <QMainWindow>
#include <QStringList>

#include "ui/error_text.h"
#include "ui/values.h"

class QFileDialog;
class QLabel;
class QMenu;
class QStackedWidget;

namespace ui {

class ActionRegistry;
class AskPage;
class ContextStrip;
class EngineBadge;
class ErrorCard;
class HeaderBar;
class IngestPage;
class IngestPlanPage;
class NavRail;
class SessionsPage;
class StatusLine;
class Toast;
class WelcomePage;

class MainWindow : public QMainWindow {
  Q_OBJECT

 public:
  explicit MainWindow(QWidget* parent = nullptr);
  ~MainWindow() override;

  const ActionRegistry& actions() const { return *actions_; }
  base::SessionId session() const { return session_; }  // of the session shown; 0 without one

 public slots:
  // -- pages ----------------------------------------------------------------------------------
  void showWelcome(const ui::WelcomeValue& value);
  // Opens the plan page, or updates it in place while token counts come in (same files, same
  // order: the user's ticks are kept).
  void showPlan(const ui::PlanValue& value);
  // Opens the reading page. Call again whenever the file table or the receipt changed.
  void showReading(const ui::ReadingValue& value);
  // Cheap: at most once per frame. `current_file` is an index into ReadingValue::files.
  void showReadingProgress(const base::Progress& progress, int current_file, double file_fraction);
  void setReadingState(ui::ReadingState state);
  // Unfinished ones, on the welcome page; the running one follows showReadingProgress().
  void setReadings(const std::vector<ui::QueuedReading>& readings);
  // Opens the Ask page with this session; replaces what was there.
  void showSession(const ui::SessionValue& value);
  // The same session again, after a change that was not asked for on the Ask page: no page turns.
  void updateSession(const ui::SessionValue& value);
  // Scrolls the conversation to the question or answer.
  void showMessage(base::MessageId message);
  void setSessions(const std::vector<ui::SessionRow>& rows);
  void setWorkspaces(const std::vector<ui::WorkspaceValue>& workspaces);
  void setSpace(const ui::SpaceValue& value);
  void setSearchHits(const ui::SessionSearch& search, const std::vector<ui::SearchHitValue>& hits);
  void setBranches(const ui::BranchesValue& value);
  void showSessions();

  // -- exports and imports ----------------------------------------------------------------------
  // Asks what shall be taken of an exported session.
  void askImport(const QString& path);
  void showTransfer(const ui::TransferValue& value);
  void showTransferResult(const ui::TransferResult& result);
  void endTransfer();                                   // without a result: an error, or stopped

  // -- an answer -------------------------------------------------------------------------------
  // Adds the question and an open answer. One answer is open at a time.
  void beginAnswer(const QString& question);
  // The last turn leaves the view: another branch goes on without it.
  void takeBackTurn();
  // Tokens of the question and new text are being read before the first answer token.
  void showAnswerPrefill(const base::Progress& progress);
  void showAnswerDelta(const base::AnswerDelta& delta);
  // A quote of the open answer was checked; ranges are in the answer's bytes so far.
  void showCitation(const base::Citation& citation);
  // Closes the open answer with the final text, citations and figures, as they were stored.
  void finishAnswer(const ui::MessageValue& message);
  // The open answer ended by an error: its text stays, the error stands below it.
  void failAnswer(const ui::ErrorValue& error);

  // -- viewers ----------------------------------------------------------------------------------
  // Opens or reuses the tab of this path and lands on the current mark.
  void showDocumentText(const ui::DocumentText& document);
  void showPdfPage(const ui::PdfPage& page);

  // -- state ------------------------------------------------------------------------------------
  void setEngine(const ui::EngineValue& value);
  void setContext(const ui::ContextValue& value);
  void setSnapshot(const ui::SnapshotValue& value);
  void setSaved(const QDateTime& when);                 // text of the session is on disk
  void setLocalServer(const QString& address);          // empty: offline
  // In place, never a message box. Shown until its action is chosen or the place shows a value.
  void showError(const ui::ErrorValue& error);
  void clearErrors();
  // Something succeeded; shown for six seconds.
  void showToast(const QString& text);

 signals:
  // -- adding sources ---------------------------------------------------------------------------
  void pathsChosen(const QStringList& paths);           // dropped or chosen in a dialog: plan them
  void sampleRequested();                               // the sample shelf
  void chooseModelRequested();
  void planAccepted(const ui::PlanSelection& selection);
  void planCancelled();

  // -- reading ----------------------------------------------------------------------------------
  void pauseReadingRequested();
  void continueReadingRequested();
  void askWhileReadingRequested();                      // pause and show the session so far

  // -- asking -----------------------------------------------------------------------------------
  void askRequested(const QString& question, bool sources_only);
  // The last question, edited: asked in its place, on a branch of its own.
  void askInsteadRequested(const QString& question, bool sources_only);
  void stopRequested();                                 // the answer or the reading in progress
  // Show this quote: `index` counts the quotes of the answer, from 0.
  void citationActivated(const base::Citation& citation, int index);
  void documentRequested(const QString& path);          // a file of the sources tree
  // A page is needed at `scale` device pixels per point (zoom, page turn, thumbnail click).
  void pdfPageRequested(const QString& path, int page, double scale);

  // -- sessions ---------------------------------------------------------------------------------
  void newSessionRequested();
  void sessionsRequested();                             // the list is about to be shown: refresh it
  void sessionRequested(base::SessionId id);            // open, resume
  void searchRequested(const ui::SessionSearch& search);  // over what was said in all sessions
  void branchesRequested(base::SessionId id);            // of the session looked at in the list
  void matchRequested(base::SessionId id, base::MessageId message);  // open it there
  void readingRequested(base::SessionId id);             // an unfinished one shall go on
  void removeReadingRequested(base::SessionId id);       // confirmed by the user
  void pinSessionRequested(base::SessionId id, bool pinned);
  void archiveSessionRequested(base::SessionId id, bool archived);
  void moveSessionRequested(base::SessionId id, const QString& workspace);  // made if it is new
  void renameSessionRequested(base::SessionId id, const QString& title);
  void deleteSessionRequested(base::SessionId id);      // confirmed by the user

  // -- branches ---------------------------------------------------------------------------------
  // A branch that shares the first `n_turns` turns of the active one, and goes on from there.
  void branchRequested(base::SessionId id, int n_turns);
  void switchBranchRequested(base::SessionId id, base::BranchId branch);
  void rewindRequested(base::SessionId id, int n_turns);      // confirmed: the rest goes
  void removeBranchRequested(base::SessionId id, base::BranchId branch);  // confirmed

  // -- exports and imports ----------------------------------------------------------------------
  void exportRequested(base::SessionId id, ui::ExportKind kind, const QString& path);
  void importRequested(const QString& path, bool with_snapshot);
  void cancelTransferRequested();

  // -- rest -------------------------------------------------------------------------------------
  void errorActionChosen(ui::ErrorAction action, const ui::ErrorValue& error);
  void quitRequested();

 protected:
  void closeEvent(QCloseEvent* event) override;
  void dragEnterEvent(QDragEnterEvent* event) override;
  void dropEvent(QDropEvent* event) override;

 private:
  void buildActions();
  void connectActions();
  void buildMenus();
  void buildFrame();
  void connectPages();
  void openPage(QWidget* page);
  void openHome();
  void focusPage(QWidget* page);
  void chooseFolder();
  void choosePdfs();
  void choose(QFileDialog* dialog);
  void chooseExport(base::SessionId id, ExportKind kind);
  void chooseImport();
  void takePaths(const QStringList& paths);
  void showSessionMenu(const QPoint& global);
  void fillSession(const SessionValue& value);
  void renameSession();
  void exportSession();
  void stop();
  void updateFrame();
  void updateQuotes();
  void fitBadges();
  // For assistive technology: what changed without a click.
  void announce(const QString& words);
  ErrorCard* cardAt(ErrorPlace place) const;

  std::unique_ptr<ActionRegistry> actions_;
  EngineBadge* engine_badge_ = nullptr;
  HeaderBar* header_ = nullptr;
  ContextStrip* strip_ = nullptr;
  NavRail* rail_ = nullptr;
  QStackedWidget* pages_ = nullptr;
  StatusLine* status_ = nullptr;
  WelcomePage* welcome_ = nullptr;
  IngestPlanPage* plan_ = nullptr;
  IngestPage* reading_ = nullptr;
  AskPage* ask_ = nullptr;
  SessionsPage* sessions_ = nullptr;
  Toast* toast_ = nullptr;
  QLabel* live_ = nullptr;
  QWidget* home_ = nullptr;   // what the Ask entry of the rail leads to
  QString title_, workspace_;
  base::SessionId session_;
};

}  // namespace ui
