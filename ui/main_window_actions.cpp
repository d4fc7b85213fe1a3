// The commands of the window, their keys and their menus (ui.md section 6).
#include <QMenuBar>

#include "ui/action_registry.h"
#include "ui/ask_page.h"
#include "ui/composer.h"
#include "ui/icon.h"
#include "ui/ingest_page.h"
#include "ui/ingest_plan_page.h"
#include "ui/main_window.h"
#include "ui/sessions_page.h"
#include "ui/shortcuts_dialog.h"
#include "ui/theme.h"
#include "ui/transcript_view.h"
#include "ui/viewer_tabs.h"

namespace ui {
namespace {

constexpr double kScaleStep = 0.1;

void stepTab(QTabWidget& tabs, int step) {
  if (tabs.count() > 0) tabs.setCurrentIndex((tabs.currentIndex() + step + tabs.count()) %
                                             tabs.count());
}

}  // namespace

void MainWindow::buildActions() {
  const auto key = [](const char* text) { return QKeySequence(QLatin1String(text)); };
  const ActionSpec specs[] = {
      {"actionOpenFolder", tr("Open folder\u2026"), tr("Plan a folder or a git repository"),
       key("Ctrl+O"), "folder"},
      {"actionOpenPdfs", tr("Open PDFs\u2026"), tr("Plan one or more files"),
       key("Ctrl+Shift+O"), "pdf"},
      {"actionNewSession", tr("New session"), tr("Begin a session"), key("Ctrl+N"), "plus"},
      {"actionQuit", tr("Quit"), tr("Quits at once; reading and answers are kept"),
       key("Ctrl+Q")},
      {"actionCopyAnswer", tr("Copy answer"), tr("Copies the answer in view"), {}, "copy"},
      {"actionCopyWithReference", tr("Copy quote with its place"),
       tr("Copies the selected quote and where it stands"), key("Ctrl+Shift+C"), "quote"},
      {"actionToggleSources", tr("Sources"), tr("Shows or hides the sources"), key("Ctrl+B")},
      {"actionToggleEvidence", tr("Evidence"), tr("Shows or hides the quotes below the viewer"),
       key("Ctrl+J")},
      {"actionFilterSources", tr("Filter sources"), tr("Caret into the filter of the sources"),
       key("Ctrl+Shift+F"), "search"},
      {"actionToggleThinking", tr("Thinking"), tr("Folds or unfolds the thinking of the answer"),
       key("Ctrl+T")},
      {"actionTextLarger", tr("Larger text"), tr("Text of the whole window"), key("Ctrl++"),
       "zoomin"},
      {"actionTextSmaller", tr("Smaller text"), tr("Text of the whole window"), key("Ctrl+-"),
       "zoomout"},
      {"actionTextNormal", tr("Normal text"), tr("Text at 100 %"), key("Ctrl+0")},
      {"actionDark", tr("Dark"), tr("Light letters on a dark ground"), {}, "moon"},
      {"actionFullScreen", tr("Full screen"), tr("Without a frame"), key("F11")},
      {"actionPageAsk", tr("Ask"), tr("Questions and answers"), key("Alt+1"), "ask"},
      {"actionPageContext", tr("Context"), tr("The context map comes later"), key("Alt+2"),
       "context"},
      {"actionPageSessions", tr("Sessions"), tr("Saved sessions"), key("Alt+3"), "sessions"},
      {"actionPageAgent", tr("Agent"), tr("The agent comes later"), key("Alt+4"), "agent"},
      {"actionPageEngine", tr("Engine"), tr("The engine page comes later"), key("Alt+5"),
       "engine"},
      {"actionSettings", tr("Settings"), tr("Settings come later"), key("Ctrl+,"), "settings"},
      {"actionFocusComposer", tr("Write a question"), tr("Caret into the question field"),
       key("Ctrl+L"), "edit"},
      {"actionNextQuote", tr("Next quote"), tr("Shows the next quote of the answer"), key("F8"),
       "forward"},
      {"actionPrevQuote", tr("Previous quote"), tr("Shows the quote before"), key("Shift+F8"),
       "back"},
      {"actionNextTab", tr("Next tab"), tr("The next open document"), key("Ctrl+Tab")},
      {"actionPrevTab", tr("Previous tab"), tr("The open document before"), key("Ctrl+Shift+Tab")},
      {"actionCloseTab", tr("Close tab"), tr("Closes the document in front"), key("Ctrl+W"), "x"},
      {"actionNextPane", tr("Next pane"), tr("Sources, conversation, question, viewer, evidence"),
       key("F6")},
      {"actionPrevPane", tr("Previous pane"), tr("The pane before"), key("Shift+F6")},
      {"actionStop", tr("Stop"), tr("Stops the answer or the reading; what is there stays"),
       key("Esc"), "stop"},
      {"actionPauseReading", tr("Pause or continue reading"), tr("On the reading page"),
       key("Space"), "pause"},
      {"actionAllow", tr("Read the plan"), tr("Reads the ticked files of the plan"),
       key("Ctrl+Return"), "play"},
      {"actionRename", tr("Rename session"), tr("Gives the session another title"), key("F2"),
       "edit"},
      {"actionBranchHere", tr("Branch here"),
       tr("Goes on from the answer in view, on a new branch"), key("Ctrl+Shift+B"), "branch"},
      {"actionPin", tr("Pin session"), tr("Pins the selected session, or unpins it"),
       key("Ctrl+D"), "pin"},
      {"actionExport", tr("Export session\u2026"), tr("Writes the selected session into a file"),
       key("Ctrl+E"), "export"},
      {"actionImport", tr("Import session\u2026"), tr("Takes an exported session in"), {},
       "download"},
      {"actionShortcuts", tr("Keyboard"), tr("This table of commands and keys"), key("F1"),
       "help"},
  };
  for (const ActionSpec& spec : specs) actions_->add(spec);
  for (const char* name : {"actionPageAsk", "actionPageContext", "actionPageSessions",
                           "actionPageAgent", "actionPageEngine", "actionDark"})
    actions_->get(name)->setCheckable(true);
  for (const char* later :
       {"actionPageContext", "actionPageAgent", "actionPageEngine", "actionSettings"}) {
    QAction* action = actions_->get(later);
    action->setEnabled(false);
    action->setToolTip(action->statusTip());
  }
  actions_->get("actionDark")->setChecked(theme().scheme() == Scheme::kDark);
  actions_->get("actionShortcuts")
      ->setShortcuts({key("F1"), QKeySequence(QStringLiteral("Ctrl+/"))});
}

void MainWindow::connectActions() {
  const auto on = [this](const char* name, auto&& react) {
    connect(actions_->get(name), &QAction::triggered, this, std::forward<decltype(react)>(react));
  };
  on("actionOpenFolder", [this] { chooseFolder(); });
  on("actionOpenPdfs", [this] { choosePdfs(); });
  on("actionNewSession", [this] { emit newSessionRequested(); });
  on("actionQuit", [this] { close(); });
  on("actionCopyAnswer", [this] { ask_->transcript().copyAnswer(); });
  on("actionCopyWithReference", [this] { ask_->transcript().copyQuote(); });
  on("actionToggleSources", [this] { ask_->toggleSources(); });
  on("actionToggleEvidence", [this] { ask_->toggleEvidence(); });
  on("actionFilterSources", [this] { ask_->focusFilter(); });
  on("actionToggleThinking", [this] { ask_->transcript().toggleThinking(); });
  on("actionTextLarger", [] { theme().setTextScale(theme().textScale() + kScaleStep); });
  on("actionTextSmaller", [] { theme().setTextScale(theme().textScale() - kScaleStep); });
  on("actionTextNormal", [] { theme().setTextScale(1); });
  on("actionDark", [](bool dark) {
    theme().setScheme(dark ? Scheme::kDark : Scheme::kLight);
  });
  on("actionFullScreen", [this] { setWindowState(windowState() ^ Qt::WindowFullScreen); });
  on("actionPageAsk", [this] { openHome(); });
  on("actionPageSessions", [this] {
    emit sessionsRequested();
    showSessions();
  });
  on("actionFocusComposer", [this] { ask_->composer().focusEdit(); });
  on("actionNextQuote", [this] { ask_->transcript().nextQuote(); });
  on("actionPrevQuote", [this] { ask_->transcript().previousQuote(); });
  on("actionNextTab", [this] { stepTab(ask_->viewer(), 1); });
  on("actionPrevTab", [this] { stepTab(ask_->viewer(), -1); });
  on("actionCloseTab", [this] { ask_->viewer().closeCurrent(); });
  on("actionNextPane", [this] { ask_->nextPane(); });
  on("actionPrevPane", [this] { ask_->previousPane(); });
  on("actionStop", [this] { stop(); });
  on("actionPauseReading", [this] { reading_->togglePause(); });
  on("actionAllow", [this] { plan_->accept(); });
  on("actionRename", [this] { renameSession(); });
  on("actionBranchHere", [this] { ask_->branchHere(); });
  on("actionPin", [this] { sessions_->togglePinned(); });
  on("actionExport", [this] { exportSession(); });
  on("actionImport", [this] { chooseImport(); });
  on("actionShortcuts", [this] { (new ShortcutsDialog(*actions_, this))->open(); });
  connect(&theme(), &Theme::changed, this, [this] {
    actions_->get("actionDark")->setChecked(theme().scheme() == Scheme::kDark);
  });
}

void MainWindow::buildMenus() {
  struct MenuSpec {
    QString title;
    std::vector<const char*> actions;  // null: a line
  };
  const MenuSpec specs[] = {
      {tr("&File"), {"actionOpenFolder", "actionOpenPdfs", nullptr, "actionImport",
                    "actionExport", nullptr, "actionQuit"}},
      {tr("&Edit"), {"actionCopyAnswer", "actionCopyWithReference", "actionFilterSources"}},
      {tr("&View"),
       {"actionToggleSources", "actionToggleEvidence", "actionToggleThinking", nullptr,
        "actionTextLarger", "actionTextSmaller", "actionTextNormal", nullptr, "actionDark",
        "actionFullScreen"}},
      {tr("&Go"),
       {"actionPageAsk", "actionPageContext", "actionPageSessions", "actionPageAgent",
        "actionPageEngine", nullptr, "actionNextQuote", "actionPrevQuote", nullptr,
        "actionNextTab", "actionPrevTab", "actionCloseTab", nullptr, "actionNextPane",
        "actionPrevPane"}},
      {tr("&Session"),
       {"actionNewSession", "actionRename", "actionPin", nullptr, "actionFocusComposer",
        "actionBranchHere", "actionStop"}},
      {tr("&Context"), {"actionAllow", "actionPauseReading"}},
      {tr("&Agent"), {"actionPageAgent"}},
      {tr("&Help"), {"actionShortcuts", "actionSettings"}},
  };
  for (const MenuSpec& spec : specs) {
    QMenu* menu = menuBar()->addMenu(spec.title);
    for (const char* name : spec.actions) {
      if (name) menu->addAction(actions_->get(name));
      else menu->addSeparator();
    }
  }
}

}  // namespace ui
