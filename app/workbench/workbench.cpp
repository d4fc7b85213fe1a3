#include "app/workbench/workbench.h"

#include <QFileDialog>

#include <utility>

#include "app/workbench/shown_values.h"
#include "engine/base/log.h"

namespace app {

using base::Error;
using base::ErrorCode;
using ui::EngineState;
using ui::ErrorPlace;

Workbench::Workbench(const ServiceOptions& options, std::string name, QObject* parent)
    : QObject(parent),
      options_(options),
      first_session_(std::move(name)),
      pages_(options.paths.reader_program, *this),
      service_(*this) {
  connectWishes();
  openService();
}

Workbench::~Workbench() = default;

void Workbench::connectWishes() {
  using ui::MainWindow;
  const auto on = [this](auto wish, auto&& answer) {
    connect(&window_, wish, this, std::forward<decltype(answer)>(answer));
  };
  on(&MainWindow::pathsChosen, &Workbench::plan);
  on(&MainWindow::sampleRequested, &Workbench::planSamples);
  on(&MainWindow::chooseModelRequested, &Workbench::chooseModel);
  on(&MainWindow::planAccepted, &Workbench::read);
  on(&MainWindow::planCancelled, &Workbench::cancelPlan);

  on(&MainWindow::pauseReadingRequested, [this] { service_.stop(); });
  on(&MainWindow::continueReadingRequested, &Workbench::continueReading);
  on(&MainWindow::askWhileReadingRequested, &Workbench::askWhileReading);

  on(&MainWindow::askRequested, [this](const QString& question, bool) { ask(question); });
  on(&MainWindow::askInsteadRequested,
     [this](const QString& question, bool) { askInstead(question); });
  on(&MainWindow::stopRequested, [this] { service_.stop(); });
  on(&MainWindow::citationActivated,
     [this](const base::Citation& citation, int) { showCitation(citation); });
  on(&MainWindow::documentRequested, &Workbench::showDocument);
  on(&MainWindow::pdfPageRequested, &Workbench::showPage);

  on(&MainWindow::newSessionRequested,
     [this] {
       window_.showWelcome(welcomeValue(options_.paths));
       listSessions();
     });
  on(&MainWindow::sessionsRequested, &Workbench::listSessions);
  on(&MainWindow::sessionRequested, &Workbench::openSessionById);
  on(&MainWindow::searchRequested, &Workbench::search);
  on(&MainWindow::readingRequested, &Workbench::continueReadingOf);
  on(&MainWindow::removeReadingRequested, &Workbench::removeReading);
  on(&MainWindow::pinSessionRequested, &Workbench::pinSession);
  on(&MainWindow::archiveSessionRequested, &Workbench::archiveSession);
  on(&MainWindow::moveSessionRequested, &Workbench::moveSession);
  on(&MainWindow::renameSessionRequested, &Workbench::renameSession);
  on(&MainWindow::deleteSessionRequested, &Workbench::deleteSession);

  on(&MainWindow::branchesRequested, &Workbench::showBranches);
  on(&MainWindow::matchRequested, &Workbench::openMatch);
  on(&MainWindow::branchRequested, &Workbench::branch);
  on(&MainWindow::switchBranchRequested, &Workbench::switchBranch);
  on(&MainWindow::rewindRequested, &Workbench::rewind);
  on(&MainWindow::removeBranchRequested, &Workbench::removeBranch);

  on(&MainWindow::exportRequested, &Workbench::exportSession);
  on(&MainWindow::importRequested, &Workbench::importFile);
  on(&MainWindow::cancelTransferRequested, [this] { transfer_stop_.request_stop(); });
  connect(&transfer_poll_, &QTimer::timeout, this, &Workbench::pollTransfer);

  on(&MainWindow::errorActionChosen, &Workbench::act);
  on(&MainWindow::quitRequested, [this] { service_.stop(); });
}

// --- start ---------------------------------------------------------------------------------------

void Workbench::openService() {
  window_.showWelcome(welcomeValue(options_.paths));
  setEngine(EngineState::kLoading);
  service_.open(options_, [this](const base::Status& opened) {
    if (!opened) {
      setEngine(EngineState::kStopped);
      return fail(opened.error(), ErrorPlace::kWelcome, shown(options_.paths.data.string()),
                  [this] { openService(); });
    }
    loadEngine();
    if (!first_session_.empty())
      openSession(std::exchange(first_session_, {}), ErrorPlace::kWelcome);
    else
      listSessions();
  });
}

void Workbench::loadEngine(const Again& then) {
  setEngine(EngineState::kLoading);
  service_.post([this, then](ReadingService& service, std::stop_token stop) {
    const auto info = service.engine().load(stop);
    service_.inWindow([this, info, then] {
      if (!info) {
        setEngine(EngineState::kStopped);
        return fail(info.error(), ErrorPlace::kWelcome, shown(options_.paths.model.string()),
                    [this] { loadEngine(); });
      }
      engine_ = *info;
      setEngine(EngineState::kReady);
      if (then) then();
    });
  }, ServiceThread::Until::kClosed);
}

void Workbench::chooseModel() {
  const QString folder = QFileDialog::getExistingDirectory(&window_, "Folder of the model");
  if (folder.isEmpty()) return;
  makeWay();
  ++course_;
  options_.paths.model = folder.toStdString();
  shown_.reset();
  engine_ = {};
  stored_ = {};
  speed_ = {};
  openService();
}

void Workbench::makeWay() {
  if (engine_value_.state == EngineState::kAnswering)
    window_.showToast("The answer was stopped. What it said is kept.");
  if (engine_value_.state == EngineState::kReading)
    window_.showToast("The reading was paused. What was read is kept.");
  service_.stop();
}

// --- errors and state ----------------------------------------------------------------------------

void Workbench::act(ui::ErrorAction action, const ui::ErrorValue& error) {
  const Again again = again_[error.place];
  switch (action) {
    case ui::ErrorAction::kTryAgain:
    case ui::ErrorAction::kReadAgain:
      if (again) again();
      break;
    case ui::ErrorAction::kRestartEngine:
      service_.post(
          [](ReadingService& service, std::stop_token) { service.engine().restart(); },
          ServiceThread::Until::kClosed);
      loadEngine(again);
      break;
    case ui::ErrorAction::kFreeSpace:
      listSessions();
      window_.showSessions();
      break;
    case ui::ErrorAction::kLeaveOut: window_.showPlan(plan_value_); break;
    case ui::ErrorAction::kChooseModel: chooseModel(); break;
    case ui::ErrorAction::kChooseFiles:
    case ui::ErrorAction::kChooseFolders: window_.showWelcome(welcomeValue(options_.paths)); break;
    case ui::ErrorAction::kEnterPassword:
      window_.showToast("Save a copy without the password and read that.");
      break;
    case ui::ErrorAction::kShowDetails:
      window_.showToast("Details are in " + shown(options_.paths.log.string()) + ".");
      break;
    case ui::ErrorAction::kClose: break;
  }
}

void Workbench::fail(const Error& error, ErrorPlace place, const QString& subject, Again again) {
  if (error.code == ErrorCode::kCancelled) return;
  base::logWarn("app", "shown to the user code=" + std::string(base::errorCodeName(error.code)));
  again_[place] = std::move(again);
  window_.showError(errorValue(error, place, subject));
}

void Workbench::setEngine(EngineState state) {
  const double read = engine_value_.read_tok_s, answer = engine_value_.answer_tok_s;
  engine_value_ = engineValue(engine_, state);
  if (engine_value_.model.isEmpty())
    engine_value_.model = modelWords(options_.paths.model.filename().string());
  engine_value_.read_tok_s = read;
  engine_value_.answer_tok_s = answer;
  window_.setEngine(engine_value_);
}

}  // namespace app
