#include "ui/main_window.h"

#include <algorithm>

#include <QAccessible>
#include <QCloseEvent>
#include <QDragEnterEvent>
#include <QFileDialog>
#include <QHBoxLayout>
#include <QLabel>
#include <QMenu>
#include <QMenuBar>
#include <QMimeData>
#include <QStackedWidget>
#include <QStatusBar>
#include <QVBoxLayout>

#include "ui/action_registry.h"
#include "ui/ask_page.h"
#include "ui/context_strip.h"
#include "ui/drop_target.h"
#include "ui/engine_badge.h"
#include "ui/error_card.h"
#include "ui/header_bar.h"
#include "ui/icon.h"
#include "ui/label.h"
#include "ui/ingest_page.h"
#include "ui/ingest_plan_page.h"
#include "ui/nav_rail.h"
#include "ui/reading_queue.h"
#include "ui/sessions_page.h"
#include "ui/status_line.h"
#include "ui/theme.h"
#include "ui/toast.h"
#include "ui/transcript_view.h"
#include "ui/transfer_panel.h"
#include "ui/welcome_page.h"
#include "ui/words.h"

namespace ui {
namespace {

const QString kExportSuffix = QStringLiteral(".lectern");

}  // namespace

MainWindow::MainWindow(QWidget* parent)
    : QMainWindow(parent), actions_(std::make_unique<ActionRegistry>(this)) {
  setObjectName(QStringLiteral("mainWindow"));
  setWindowTitle(tr("Lectern"));
  setWindowIcon(icon(QStringLiteral("lectern"), Token::kAccent));
  setMinimumSize(960, 600);
  setAcceptDrops(true);
  setContextMenuPolicy(Qt::NoContextMenu);
  buildActions();
  buildMenus();
  buildFrame();
  connectActions();
  connectPages();
  resize(1440, 900);
  openPage(welcome_);
  focusPage(welcome_);
}

MainWindow::~MainWindow() = default;

void MainWindow::buildFrame() {
  auto* corner = new QWidget(this);
  auto* badges = new QHBoxLayout(corner);
  badges->setContentsMargins(0, 0, 16, 0);
  badges->setSpacing(8);
  engine_badge_ = new EngineBadge(corner);
  badges->addWidget(engine_badge_);
  auto* network = new NetworkBadge(corner);
  badges->addWidget(network);
  menuBar()->setCornerWidget(corner, Qt::TopRightCorner);
  auto* mark = new QLabel(this);
  mark->setContentsMargins(20, 4, 8, 4);
  const auto tint = [mark] {
    mark->setPixmap(icon(QStringLiteral("lectern"), Token::kAccent)
                        .pixmap(QSize(18, 18), mark->devicePixelRatioF()));
  };
  tint();
  connect(&theme(), &Theme::changed, mark, tint);
  menuBar()->setCornerWidget(mark, Qt::TopLeftCorner);

  rail_ = new NavRail(*actions_, this);
  addToolBar(Qt::LeftToolBarArea, rail_);
  header_ = new HeaderBar(this);
  strip_ = new ContextStrip(this);
  pages_ = new QStackedWidget(this);
  pages_->setObjectName(QStringLiteral("pages"));
  welcome_ = new WelcomePage(pages_);
  plan_ = new IngestPlanPage(pages_);
  reading_ = new IngestPage(pages_);
  ask_ = new AskPage(pages_);
  sessions_ = new SessionsPage(pages_);
  for (QWidget* page : std::initializer_list<QWidget*>{welcome_, plan_, reading_, ask_, sessions_})
    pages_->addWidget(page);
  home_ = welcome_;

  live_ = makeLabel(FontRole::kSmall, Token::kText, this);
  live_->setObjectName(QStringLiteral("liveRegion"));
  live_->setFixedSize(0, 0);
  auto* centre = new QWidget(this);
  auto* layout = new QVBoxLayout(centre);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  layout->addWidget(header_);
  layout->addWidget(strip_);
  layout->addWidget(pages_, 1);
  setCentralWidget(centre);
  status_ = new StatusLine(statusBar());
  toast_ = new Toast(this);
}

void MainWindow::connectPages() {
  connect(welcome_, &WelcomePage::pathsDropped, this, &MainWindow::takePaths);
  connect(welcome_, &WelcomePage::openFolderRequested, this, &MainWindow::chooseFolder);
  connect(welcome_, &WelcomePage::openPdfsRequested, this, &MainWindow::choosePdfs);
  connect(welcome_, &WelcomePage::sampleRequested, this, &MainWindow::sampleRequested);
  connect(&welcome_->readings(), &ReadingQueue::goOnRequested, this,
          &MainWindow::readingRequested);
  connect(&welcome_->readings(), &ReadingQueue::removeRequested, this,
          &MainWindow::removeReadingRequested);
  connect(&welcome_->readings(), &ReadingQueue::showRequested, this,
          [this] { openPage(reading_); });
  connect(welcome_, &WelcomePage::chooseModelRequested, this, &MainWindow::chooseModelRequested);
  connect(welcome_, &WelcomePage::sessionsRequested, actions_->get("actionPageSessions"),
          &QAction::trigger);

  // A new choice is to be seen, even if its plan is the one that was shown before.
  connect(this, &MainWindow::pathsChosen, this, [this] {
    if (home_ == plan_) home_ = welcome_;
  });
  connect(plan_, &IngestPlanPage::accepted, this, &MainWindow::planAccepted);
  connect(plan_, &IngestPlanPage::cancelled, this, &MainWindow::planCancelled);

  connect(reading_, &IngestPage::pauseRequested, this, &MainWindow::pauseReadingRequested);
  connect(reading_, &IngestPage::continueRequested, this, &MainWindow::continueReadingRequested);
  connect(reading_, &IngestPage::stopRequested, this, &MainWindow::stopRequested);
  connect(reading_, &IngestPage::askRequested, this, &MainWindow::askWhileReadingRequested);

  connect(ask_, &AskPage::askRequested, this, &MainWindow::askRequested);
  connect(ask_, &AskPage::askInsteadRequested, this, &MainWindow::askInsteadRequested);
  connect(ask_, &AskPage::branchRequested, this, [this](int n_turns) {
    if (session_) emit branchRequested(session_, n_turns);
  });
  connect(ask_, &AskPage::stopRequested, this, &MainWindow::stopRequested);
  connect(ask_, &AskPage::citationActivated, this, &MainWindow::citationActivated);
  connect(ask_, &AskPage::documentRequested, this, &MainWindow::documentRequested);
  connect(ask_, &AskPage::pdfPageRequested, this, &MainWindow::pdfPageRequested);
  connect(ask_, &AskPage::addSourceRequested, this, &MainWindow::chooseFolder);
  connect(ask_, &AskPage::quotesChanged, this, &MainWindow::updateQuotes);
  connect(ask_, &AskPage::errorActionChosen, this, &MainWindow::errorActionChosen);
  connect(strip_, &ContextStrip::fileActivated, this, &MainWindow::documentRequested);

  connect(sessions_, &SessionsPage::sessionRequested, this, &MainWindow::sessionRequested);
  connect(sessions_, &SessionsPage::newSessionRequested, this, &MainWindow::newSessionRequested);
  connect(sessions_, &SessionsPage::searchRequested, this, &MainWindow::searchRequested);
  connect(sessions_, &SessionsPage::readingRequested, this, &MainWindow::readingRequested);
  connect(sessions_, &SessionsPage::detailRequested, this, &MainWindow::branchesRequested);
  connect(sessions_, &SessionsPage::matchRequested, this, &MainWindow::matchRequested);
  connect(sessions_, &SessionsPage::pinRequested, this, &MainWindow::pinSessionRequested);
  connect(sessions_, &SessionsPage::archiveRequested, this, &MainWindow::archiveSessionRequested);
  connect(sessions_, &SessionsPage::moveRequested, this, &MainWindow::moveSessionRequested);
  connect(sessions_, &SessionsPage::branchRequested, this, &MainWindow::branchRequested);
  connect(sessions_, &SessionsPage::switchRequested, this, &MainWindow::switchBranchRequested);
  connect(sessions_, &SessionsPage::rewindRequested, this, &MainWindow::rewindRequested);
  connect(sessions_, &SessionsPage::removeBranchRequested, this,
          &MainWindow::removeBranchRequested);
  connect(sessions_, &SessionsPage::exportRequested, this, &MainWindow::chooseExport);
  connect(sessions_, &SessionsPage::importRequested, this, &MainWindow::chooseImport);
  connect(&sessions_->transfer(), &TransferPanel::importRequested, this,
          &MainWindow::importRequested);
  connect(&sessions_->transfer(), &TransferPanel::cancelRequested, this,
          &MainWindow::cancelTransferRequested);
  connect(sessions_, &SessionsPage::renameRequested, this, &MainWindow::renameSessionRequested);
  connect(sessions_, &SessionsPage::deleteRequested, this, &MainWindow::deleteSessionRequested);
  connect(header_, &HeaderBar::branchChosen, this, [this](base::BranchId branch) {
    emit switchBranchRequested(session_, branch);
  });
  connect(header_, &HeaderBar::sessionMenuRequested, this, &MainWindow::showSessionMenu);

  for (const ErrorPlace place : {ErrorPlace::kWelcome, ErrorPlace::kPlan, ErrorPlace::kReading,
                                 ErrorPlace::kConversation, ErrorPlace::kSessions})
    connect(cardAt(place), &ErrorCard::actionChosen, this, &MainWindow::errorActionChosen);
}

// --- pages ---------------------------------------------------------------------------------------

void MainWindow::openPage(QWidget* page) {
  if (page != sessions_) home_ = page;
  const bool turned = pages_->currentWidget() != page;
  pages_->setCurrentWidget(page);
  updateFrame();
  if (turned) focusPage(page);
}

// The caret or the list one came for, not the rail.
void MainWindow::focusPage(QWidget* page) {
  const char* name = page == welcome_    ? "openFolderButton"
                     : page == plan_     ? "planTree"
                     : page == reading_  ? "ingestTable"
                     : page == sessions_ ? "sessionTable"
                                         : "composerEdit";
  page->findChild<QWidget*>(QLatin1String(name))->setFocus();
}

void MainWindow::openHome() { openPage(home_); }

// What surrounds the page that is in front.
void MainWindow::updateFrame() {
  const QWidget* page = pages_->currentWidget();
  const bool sessions = page == sessions_;
  header_->setVisible(page != welcome_);
  strip_->setVisible(page == ask_ || page == reading_);
  if (page == ask_) header_->showSession(workspace_, title_);
  else if (page == reading_) header_->showTitle(visibleText(reading_->value().title));
  else header_->showTitle(sessions ? tr("Sessions") : tr("Plan"));
  actions_->get(sessions ? "actionPageSessions" : "actionPageAsk")->setChecked(true);
  // Keys that would mean something else on another page.
  actions_->get("actionPauseReading")->setEnabled(page == reading_);
  actions_->get("actionAllow")->setEnabled(page == plan_);
  actions_->get("actionRename")->setEnabled(sessions || (page == ask_ && session_));
  actions_->get("actionExport")->setEnabled(sessions || (page == ask_ && session_));
  actions_->get("actionPin")->setEnabled(sessions);
  for (const char* name :
       {"actionCopyAnswer", "actionCopyWithReference", "actionToggleSources",
        "actionToggleEvidence", "actionFilterSources", "actionToggleThinking",
        "actionFocusComposer", "actionBranchHere", "actionNextQuote", "actionPrevQuote",
        "actionNextTab",
        "actionPrevTab", "actionCloseTab", "actionNextPane", "actionPrevPane"})
    actions_->get(name)->setEnabled(page == ask_);
  if (page != ask_) status_->setCursor({});
}

void MainWindow::showWelcome(const WelcomeValue& value) {
  welcome_->errorCard()->hide();
  welcome_->show(value);
  openPage(welcome_);
}

void MainWindow::showPlan(const PlanValue& value) {
  // Token counts that come in later leave the user where he went meanwhile.
  const bool fresh = home_ != plan_ || !plan_->shows(value);
  plan_->show(value);
  if (fresh) openPage(plan_);
}

void MainWindow::showReading(const ReadingValue& value) {
  const bool fresh = home_ != reading_ || reading_->value().title != value.title;
  reading_->show(value);
  if (!fresh) return;
  announce(tr("Reading %1").arg(visibleText(value.title)));
  openPage(reading_);
}

void MainWindow::showReadingProgress(const base::Progress& progress, int current_file,
                                     double file_fraction) {
  reading_->setProgress(progress, current_file, file_fraction);
  const std::int64_t n_reused = reading_->value().n_reused;
  welcome_->readings().setProgress(n_reused + progress.n_done, n_reused + progress.n_total);
}

void MainWindow::setReadingState(ReadingState state) {
  reading_->setState(state);
  if (state == ReadingState::kPaused) announce(tr("Reading paused"));
  if (state == ReadingState::kDone) announce(tr("Reading is done"));
}

void MainWindow::setReadings(const std::vector<QueuedReading>& readings) {
  welcome_->readings().setReadings(readings);
}

void MainWindow::showSession(const SessionValue& value) {
  fillSession(value);
  openPage(ask_);
}

void MainWindow::updateSession(const SessionValue& value) {
  fillSession(value);
  updateFrame();
}

void MainWindow::showMessage(base::MessageId message) { ask_->transcript().showMessage(message); }

void MainWindow::fillSession(const SessionValue& value) {
  if (session_ != value.id) setBranches({});
  session_ = value.id;
  title_ = value.title;
  workspace_ = value.workspace;
  setWindowTitle(tr("%1 \u2013 Lectern", "session title").arg(visibleText(value.title)));
  setContext(value.context);
  setSnapshot(value.snapshot);
  ask_->showSession(value);
  strip_->setStaleFiles(ask_->changedFiles());
}

void MainWindow::setSessions(const std::vector<SessionRow>& rows) { sessions_->setRows(rows); }

void MainWindow::setWorkspaces(const std::vector<WorkspaceValue>& workspaces) {
  sessions_->setWorkspaces(workspaces);
}

void MainWindow::setSpace(const SpaceValue& value) { sessions_->setSpace(value); }

void MainWindow::setSearchHits(const SessionSearch& search,
                               const std::vector<SearchHitValue>& hits) {
  sessions_->setHits(search, hits);
}

void MainWindow::setBranches(const BranchesValue& value) {
  sessions_->setBranches(value);
  if (value.session != session_) return;
  header_->setBranches(value);
  ask_->setBranches(static_cast<int>(value.others.size()) + 1);
}

void MainWindow::showSessions() {
  if (session_) sessions_->select(session_);
  openPage(sessions_);
}

// --- exports and imports -------------------------------------------------------------------------

void MainWindow::askImport(const QString& path) {
  sessions_->transfer().askImport(path);
  openPage(sessions_);
}

void MainWindow::showTransfer(const TransferValue& value) {
  sessions_->errorCard()->hide();
  sessions_->transfer().showProgress(value);
}

void MainWindow::showTransferResult(const TransferResult& result) {
  sessions_->transfer().showResult(result);
  announce(visibleText(result.words));
}

void MainWindow::endTransfer() { sessions_->transfer().dismiss(); }

// --- an answer -----------------------------------------------------------------------------------

void MainWindow::beginAnswer(const QString& question) {
  ask_->beginAnswer(question);
  openPage(ask_);
}

void MainWindow::takeBackTurn() { ask_->transcript().takeBackTurn(); }

void MainWindow::showAnswerPrefill(const base::Progress& progress) {
  ask_->showPrefill(progress);
}

void MainWindow::showAnswerDelta(const base::AnswerDelta& delta) { ask_->showDelta(delta); }

void MainWindow::showCitation(const base::Citation& citation) { ask_->showCitation(citation); }

void MainWindow::finishAnswer(const MessageValue& message) { ask_->finishAnswer(message); }

void MainWindow::failAnswer(const ErrorValue& error) { ask_->failAnswer(error); }

void MainWindow::updateQuotes() { strip_->setQuotes(ask_->quotePaths(), ask_->currentQuote()); }

// --- viewers -------------------------------------------------------------------------------------

void MainWindow::showDocumentText(const DocumentText& document) {
  ask_->showDocumentText(document);
  QString words = fileName(visibleText(document.path));
  if (document.current >= 0 && static_cast<size_t>(document.current) < document.marks.size()) {
    const auto end = document.text.begin() +
                     static_cast<std::ptrdiff_t>(std::min(
                         document.marks[static_cast<size_t>(document.current)].begin,
                         document.text.size()));
    words = tr("%1, line %2", "file, line")
                .arg(words)
                .arg(std::count(document.text.begin(), end, '\n') + 1);
  }
  status_->setCursor(words);
}

void MainWindow::showPdfPage(const PdfPage& page) {
  ask_->showPdfPage(page);
  status_->setCursor(tr("Page %1 of %2").arg(page.page).arg(page.n_pages));
}

// --- state ---------------------------------------------------------------------------------------

void MainWindow::setEngine(const EngineValue& value) {
  const QString before = engine_badge_->state();
  engine_badge_->setValue(value);
  status_->setEngine(value);
  ask_->setEngine(value);
  fitBadges();
  if (before != engine_badge_->state()) announce(tr("Engine: %1").arg(engine_badge_->state()));
}

void MainWindow::setContext(const ContextValue& value) { strip_->setValue(value); }

void MainWindow::setSnapshot(const SnapshotValue& value) { header_->setSnapshot(value); }

void MainWindow::setSaved(const QDateTime& when) { status_->setSaved(when); }

void MainWindow::setLocalServer(const QString& address) {
  findChild<NetworkBadge*>()->setLocalServer(address);
  fitBadges();
}

// A menu bar asks its corner for a size only when the corner appears.
void MainWindow::fitBadges() {
  QWidget* corner = menuBar()->cornerWidget(Qt::TopRightCorner);
  if (corner->size() == corner->sizeHint()) return;
  corner->hide();
  corner->show();
}

ErrorCard* MainWindow::cardAt(ErrorPlace place) const {
  switch (place) {
    case ErrorPlace::kWelcome: return welcome_->errorCard();
    case ErrorPlace::kPlan: return plan_->errorCard();
    case ErrorPlace::kReading: return reading_->errorCard();
    case ErrorPlace::kConversation: return ask_->errorCard();
    case ErrorPlace::kSessions: return sessions_->errorCard();
    case ErrorPlace::kViewer: break;   // stands in the tab of its document
  }
  return nullptr;
}

void MainWindow::showError(const ErrorValue& error) {
  if (ErrorCard* card = cardAt(error.place)) card->show(error);
  else ask_->showViewerError(error);
}

void MainWindow::clearErrors() {
  for (const ErrorPlace place :
       {ErrorPlace::kWelcome, ErrorPlace::kPlan, ErrorPlace::kReading, ErrorPlace::kSessions})
    cardAt(place)->hide();
  ask_->clearErrors();
}

void MainWindow::showToast(const QString& text) { toast_->show(text); }

void MainWindow::announce(const QString& words) {
  live_->setText(words);
  live_->setAccessibleName(words);
  QAccessibleEvent alert(live_, QAccessible::Alert);
  QAccessible::updateAccessibility(&alert);
}

// --- wishes --------------------------------------------------------------------------------------

void MainWindow::stop() {
  if (ask_->isAnswering()) ask_->stop();
  else reading_->stop();
}

void MainWindow::choose(QFileDialog* dialog) {
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  connect(dialog, &QFileDialog::filesSelected, this, &MainWindow::pathsChosen);
  dialog->open();
}

void MainWindow::chooseFolder() {
  auto* dialog = new QFileDialog(this, tr("Open folder"));
  dialog->setFileMode(QFileDialog::Directory);
  dialog->setOption(QFileDialog::ShowDirsOnly);
  choose(dialog);
}

void MainWindow::choosePdfs() {
  auto* dialog = new QFileDialog(this, tr("Open PDFs"));
  dialog->setFileMode(QFileDialog::ExistingFiles);
  dialog->setNameFilters({tr("PDFs (*.pdf)"), tr("All files (*)")});
  choose(dialog);
}

void MainWindow::chooseExport(base::SessionId id, ExportKind kind) {
  auto* dialog = new QFileDialog(this, tr("Export session"));
  dialog->setAcceptMode(QFileDialog::AcceptSave);
  dialog->setNameFilter(tr("Lectern sessions (*%1)").arg(kExportSuffix));
  dialog->setDefaultSuffix(kExportSuffix.mid(1));
  QString name = visibleText(id == session_ ? title_ : sessions_->titleOf(id));
  for (const QChar c : QStringLiteral("/\\:*?\"<>|")) name.replace(c, QLatin1Char('-'));
  constexpr int kNameMax = 80;
  dialog->selectFile(name.left(kNameMax) + kExportSuffix);
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  connect(dialog, &QFileDialog::fileSelected, this, [this, id, kind](const QString& path) {
    emit exportRequested(id, kind, path);
  });
  dialog->open();
}

void MainWindow::chooseImport() {
  auto* dialog = new QFileDialog(this, tr("Import session"));
  dialog->setFileMode(QFileDialog::ExistingFile);
  dialog->setNameFilters({tr("Lectern sessions (*%1)").arg(kExportSuffix), tr("All files (*)")});
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  connect(dialog, &QFileDialog::fileSelected, this, &MainWindow::askImport);
  dialog->open();
}

// Dropped: an exported session is taken in, everything else is planned.
void MainWindow::takePaths(const QStringList& paths) {
  if (paths.size() == 1 && paths[0].endsWith(kExportSuffix, Qt::CaseInsensitive))
    return askImport(paths[0]);
  emit pathsChosen(paths);
}

void MainWindow::showSessionMenu(const QPoint& global) {
  auto* menu = new QMenu(this);
  menu->setAttribute(Qt::WA_DeleteOnClose);
  for (const char* name : {"actionRename", "actionNewSession", "actionPageSessions"})
    menu->addAction(actions_->get(name));
  menu->popup(global);
}

void MainWindow::renameSession() {
  if (pages_->currentWidget() != sessions_) actions_->get("actionPageSessions")->trigger();
  sessions_->rename();
}

// The one selected in the list, or the one that is shown.
void MainWindow::exportSession() {
  if (pages_->currentWidget() == sessions_) sessions_->exportText();
  else if (session_) chooseExport(session_, ExportKind::kText);
}

void MainWindow::closeEvent(QCloseEvent* event) {
  emit quitRequested();
  event->accept();
}

void MainWindow::dragEnterEvent(QDragEnterEvent* event) {
  if (!droppedPaths(*event->mimeData()).isEmpty()) event->acceptProposedAction();
}

void MainWindow::dropEvent(QDropEvent* event) {
  const QStringList paths = droppedPaths(*event->mimeData());
  if (paths.isEmpty()) return;
  event->acceptProposedAction();
  takePaths(paths);
}

}  // namespace ui
