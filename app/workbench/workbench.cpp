#include "app/workbench/workbench.h"

#include <QFileDialog>
#include <QThreadPool>

#include <algorithm>

#include "app/workbench/shown_values.h"
#include "engine/base/log.h"

namespace app {

using base::Error;
using base::ErrorCode;
using ui::EngineState;
using ui::ErrorPlace;

namespace {

// Width of a page on screen before the user zooms.
constexpr double kPageScale = 1.6;

QString pageKey(const QString& path, int page) { return path + "\n" + QString::number(page); }

ui::ErrorValue errorValue(const Error& error, ErrorPlace place, const QString& subject) {
  ui::ErrorValue value;
  value.error = error;
  value.place = place;
  value.subject = subject;
  return value;
}

// "gateway", or "gateway 2" when that is taken.
std::string freeName(const std::vector<storage::Session>& sessions, const std::string& wanted) {
  const auto taken = [&](const std::string& name) {
    return std::any_of(sessions.begin(), sessions.end(),
                       [&](const storage::Session& session) { return session.name == name; });
  };
  std::string name = wanted;
  for (int n = 2; taken(name); ++n) name = wanted + " " + std::to_string(n);
  return name;
}

}  // namespace

Workbench::Workbench(const ServiceOptions& options, std::string name, QObject* parent)
    : QObject(parent), options_(options), first_session_(std::move(name)), service_(*this) {
  connectWishes();
  openService();
}

Workbench::~Workbench() = default;

void Workbench::connectWishes() {
  using ui::MainWindow;
  connect(&window_, &MainWindow::pathsChosen, this, &Workbench::plan);
  connect(&window_, &MainWindow::sampleRequested, this, &Workbench::planSamples);
  connect(&window_, &MainWindow::chooseModelRequested, this, &Workbench::chooseModel);
  connect(&window_, &MainWindow::planAccepted, this, &Workbench::read);
  connect(&window_, &MainWindow::planCancelled, this, [this] {
    service_.stop();
    window_.showWelcome(welcomeValue(options_.paths));
  });
  connect(&window_, &MainWindow::pauseReadingRequested, this, [this] { service_.stop(); });
  connect(&window_, &MainWindow::continueReadingRequested, this, &Workbench::continueReading);
  connect(&window_, &MainWindow::askWhileReadingRequested, this, [this] {
    service_.stop();
    openSession(request_.session);
  });
  connect(&window_, &MainWindow::askRequested, this,
          [this](const QString& question, bool) { ask(question); });
  connect(&window_, &MainWindow::stopRequested, this, [this] { service_.stop(); });
  connect(&window_, &MainWindow::citationActivated, this,
          [this](const base::Citation& citation, int) { showCitation(citation); });
  connect(&window_, &MainWindow::documentRequested, this, &Workbench::showDocument);
  connect(&window_, &MainWindow::pdfPageRequested, this,
          [this](const QString& path, int page, double scale) {
            renderPdf(path, page, scale, boxes_[pageKey(path, page)]);
          });
  connect(&window_, &MainWindow::newSessionRequested, this,
          [this] { window_.showWelcome(welcomeValue(options_.paths)); });
  connect(&window_, &MainWindow::sessionsRequested, this, &Workbench::listSessions);
  connect(&window_, &MainWindow::sessionRequested, this, &Workbench::openSessionById);
  connect(&window_, &MainWindow::renameSessionRequested, this, &Workbench::renameSession);
  connect(&window_, &MainWindow::deleteSessionRequested, this, &Workbench::deleteSession);
  connect(&window_, &MainWindow::errorActionChosen, this, &Workbench::act);
  connect(&window_, &MainWindow::quitRequested, this, [this] { service_.stop(); });
}

// --- start ----------------------------------------------------------------------------------------

void Workbench::openService() {
  window_.showWelcome(welcomeValue(options_.paths));
  setEngine(EngineState::kLoading);
  again_ = [this] { openService(); };
  service_.open(options_, [this](const base::Status& opened) {
    if (!opened) {
      setEngine(EngineState::kStopped);
      return fail(opened.error(), ErrorPlace::kWelcome, shown(options_.paths.data.string()));
    }
    loadEngine();
    if (!first_session_.empty()) openSession(std::exchange(first_session_, {}));
    else listSessions();
  });
}

void Workbench::loadEngine() {
  setEngine(EngineState::kLoading);
  service_.post([this](ReadingService& service, std::stop_token stop) {
    const auto info = service.engine().load(stop);
    service_.inWindow([this, info] {
      if (!info) {
        setEngine(EngineState::kStopped);
        again_ = [this] { loadEngine(); };
        return fail(info.error(), ErrorPlace::kWelcome, shown(options_.paths.model.string()));
      }
      engine_ = *info;
      setEngine(EngineState::kReady);
    });
  });
}

void Workbench::chooseModel() {
  const QString folder = QFileDialog::getExistingDirectory(&window_, "Folder of the model");
  if (folder.isEmpty()) return;
  service_.stop();
  options_.paths.model = folder.toStdString();
  shown_.reset();
  openService();
}

// --- plan and read --------------------------------------------------------------------------------

void Workbench::planSamples() {
  const auto samples = samplesFolder();
  if (samples.empty())
    return fail({ErrorCode::kNotFound, "the samples are not installed", "Choose a folder instead."},
                ErrorPlace::kWelcome);
  plan({shown((samples / "gateway").string()), shown((samples / "handbook.pdf").string())});
}

void Workbench::plan(const QStringList& chosen) {
  std::vector<std::filesystem::path> paths;
  for (const QString& path : chosen) paths.emplace_back(path.toStdString());
  again_ = [this, chosen] { plan(chosen); };
  service_.post([this, paths](ReadingService& service, std::stop_token stop) {
    const auto show = [&](const SourcePlan& plan, bool counting) {
      const std::string wanted =
          plan.sources.empty() ? std::string("session") : plan.sources[0].name;
      const auto sessions = service.sessions();
      const QString title = shown(sessions ? freeName(*sessions, wanted) : wanted);
      const auto speed = service.forecast();
      service_.inWindow([this, plan, title, counting, speed] {
        plan_ = plan;
        plan_title_ = title;
        ui::PlanValue value = planValue(plan, title);
        value.counting = counting;
        value.n_context_max = engine_.context_max;
        if (speed) {
          value.tok_s_low = speed->tok_s_low;
          value.tok_s_high = speed->tok_s_high;
          value.first_run = !speed->measured;
        }
        window_.showPlan(value);
      });
    };
    const auto seen = service.plan(paths, false, nullptr, stop);
    if (seen) show(*seen, true);
    const auto counted = seen ? service.plan(paths, true, nullptr, stop) : seen;
    if (counted) return show(*counted, false);
    service_.inWindow([this, error = counted.error()] { fail(error, ErrorPlace::kWelcome); });
  });
}

void Workbench::read(const QStringList& checked_paths) {
  service_.stop();  // counting need not be finished
  SourcePlan plan = plan_;
  for (PlannedFile& file : plan.files) {
    if (!file.entry.read || checked_paths.contains(shown(file.entry.path))) continue;
    file.entry.read = false;
    file.entry.reason = "left_out";
    file.entry.detail = "Left out by you.";
  }
  IngestRequest request;
  request.session = plan_title_.toStdString();
  request.plan = std::move(plan);
  runReading(request);
}

void Workbench::continueReading() {
  window_.setReadingState(ui::ReadingState::kReading);
  runReading(request_);
}

void Workbench::runReading(const IngestRequest& request) {
  request_ = request;
  again_ = [this] { continueReading(); };
  reading_ = readingValue(shown(request.session), request.plan, nullptr);
  window_.showReading(reading_);
  setEngine(EngineState::kReading);
  service_.post([this, request](ReadingService& service, std::stop_token stop) {
    IngestEvents events;
    events.on_plan = [&](const IngestPlan& plan) {
      service_.inWindow([this, request, plan] {
        reading_ = readingValue(shown(request.session), request.plan, &plan);
        window_.showReading(reading_);
        window_.setContext(contextValue(plan.spans, plan.n_context_max, 0));
      });
    };
    events.on_progress = [&](const base::Progress& progress) {
      service_.inWindow([this, progress] {
        if (const std::int64_t n_reused = reading_.n_context - progress.n_total;
            n_reused != reading_.n_reused) {
          reading_.n_reused = n_reused;
          reading_.progress = progress;
          window_.showReading(reading_);
        }
        double fraction = 0;
        const int file = fileAt(reading_, reading_.n_reused + progress.n_done, &fraction);
        window_.showReadingProgress(progress, file, fraction);
        engine_value_.read_tok_s = progress.tokens_per_s;
        window_.setEngine(engine_value_);
      });
    };
    const auto report = service.ingest(request, events, stop);
    service_.inWindow([this, report] {
      setEngine(report ? EngineState::kReady : EngineState::kPaused);
      if (report) {
        window_.setReadingState(ui::ReadingState::kDone);
        return openSession(request_.session);
      }
      const bool paused = report.error().code == ErrorCode::kCancelled;
      window_.setReadingState(paused ? ui::ReadingState::kPaused : ui::ReadingState::kFailed);
      if (!paused) setEngine(EngineState::kReady);
      fail(report.error(), ErrorPlace::kReading, shown(request_.session));
    });
  });
}

// --- sessions -------------------------------------------------------------------------------------

void Workbench::openSession(const std::string& name) {
  again_ = [this, name] { openSession(name); };
  service_.post([this, name](ReadingService& service, std::stop_token) {
    const auto session = service.session(name);
    if (session) return showSession(service, *session);
    service_.inWindow([this, name, error = session.error()] {
      fail(error, ErrorPlace::kSessions, shown(name));
    });
  });
}

void Workbench::openSessionById(base::SessionId id) {
  service_.post([this, id](ReadingService& service, std::stop_token) {
    const auto session = service.database().sessions().byId(id);
    if (session) return showSession(service, *session);
    service_.inWindow([this, error = session.error()] { fail(error, ErrorPlace::kSessions); });
  });
}

void Workbench::showSession(ReadingService& service, const storage::Session& session) {
  const auto documents = service.documents(session.id);
  const auto messages = service.messages(session.id);
  const auto receipt = service.receipt(session.id);
  for (const Error* error : {documents ? nullptr : &documents.error(),
                             messages ? nullptr : &messages.error()})
    if (error != nullptr)
      return service_.inWindow([this, error = *error, name = session.name] {
        fail(error, ErrorPlace::kSessions, shown(name));
      });

  Shown view{.session = session, .model = modelWords(session.model_name), .files = {}, .documents = {}};
  ui::SessionValue value;
  value.id = session.id;
  value.title = shown(session.title.empty() ? session.name : session.title);
  for (const storage::DocumentInfo& document : *documents) {
    const QString path = shown(document.path);
    value.sources.push_back(
        {.path = path, .kind = document.kind, .tokens = document.use.n_tokens});
    view.documents[path] = document.use.document;
    if (const auto file = service.fileOf(session.id, document.use.document)) view.files[path] = *file;
  }
  value.messages = messageValues(*messages, view.model);
  service_.inWindow([this, view, value] {
    shown_ = view;
    window_.showSession(value);
  });

  // The rest needs the tokenizer and the engine: the words are on the screen meanwhile.
  const auto spans = service.contextOf(session.id);
  const auto info = service.engine().load({});
  const auto pins = service.engine().pins({});
  service_.inWindow([this, value, spans, info, pins, key = session.key]() mutable {
    if (!shown_ || shown_->session.id != value.id) return;
    if (spans && info) window_.setContext(contextValue(*spans, info->context_max,
                                                       spans->empty() ? 0 : spans->back().tokens.end));
    ui::SnapshotValue snapshot;
    if (pins)
      for (const EnginePin& pin : *pins)
        if (pin.session_key == key)
          snapshot = {.state = pin.complete ? ui::SnapshotState::kSaved : ui::SnapshotState::kNotSaved,
                      .saved_at = QDateTime::fromMSecsSinceEpoch(shown_->session.used_ms),
                      .bytes = pin.unique_bytes};
    window_.setSnapshot(snapshot);
    window_.setSaved(QDateTime::fromMSecsSinceEpoch(shown_->session.used_ms));
  });
}

void Workbench::listSessions() {
  service_.post([this](ReadingService& service, std::stop_token) {
    const auto sessions = service.sessions();
    const auto info = service.engine().load({});
    const auto pins = service.engine().pins({});
    const auto speed = service.forecast();
    if (!sessions)
      return service_.inWindow(
          [this, error = sessions.error()] { fail(error, ErrorPlace::kSessions); });
    std::vector<ui::SessionRow> rows;
    for (const storage::Session& session : *sessions) {
      const EnginePin* pin = nullptr;
      if (pins)
        for (const EnginePin& one : *pins)
          if (one.session_key == session.key) pin = &one;
      rows.push_back(sessionRow(session, session.n_documents, pin,
                                info ? info->fingerprint : base::Hash128{},
                                speed ? *speed : SpeedForecast{}));
    }
    service_.inWindow([this, rows] { window_.setSessions(rows); });
  });
}

void Workbench::renameSession(base::SessionId id, const QString& title) {
  service_.post([this, id, title](ReadingService& service, std::stop_token) {
    const auto session = service.database().sessions().byId(id);
    const base::Status renamed =
        session ? service.rename(session->name, title.toStdString())
                : base::Status(tl::make_unexpected(session.error()));
    if (!renamed)
      service_.inWindow([this, error = renamed.error()] { fail(error, ErrorPlace::kSessions); });
  });
  listSessions();
}

void Workbench::deleteSession(base::SessionId id) {
  const bool shown_now = shown_ && shown_->session.id == id;
  service_.post([this, id, shown_now](ReadingService& service, std::stop_token stop) {
    const auto session = service.database().sessions().byId(id);
    const base::Status removed = session ? service.remove(session->name, stop)
                                         : base::Status(tl::make_unexpected(session.error()));
    service_.inWindow([this, removed, shown_now] {
      if (!removed) return fail(removed.error(), ErrorPlace::kSessions);
      if (shown_now) shown_.reset();
      window_.showToast("The session was deleted.");
    });
  });
  listSessions();
}

// --- ask ------------------------------------------------------------------------------------------

void Workbench::ask(const QString& question) {
  if (!shown_) return;
  again_ = [this, question] { ask(question); };
  window_.clearErrors();
  window_.beginAnswer(question);
  setEngine(EngineState::kAnswering);
  AskRequest request;
  request.session = shown_->session.name;
  request.question = question.toStdString();
  service_.post([this, request, id = shown_->session.id](ReadingService& service,
                                                         std::stop_token stop) {
    AskEvents events;
    events.on_progress = [&](const base::Progress& progress) {
      service_.inWindow([this, progress] { window_.showAnswerPrefill(progress); });
    };
    events.on_delta = [&](const base::AnswerDelta& delta) {
      service_.inWindow([this, delta] { window_.showAnswerDelta(delta); });
    };
    events.on_citation = [&](const base::Citation& citation) {
      service_.inWindow([this, citation] { window_.showCitation(citation); });
    };
    events.on_restart = [&](const Error& error) {
      service_.inWindow([this, error, question = shown(request.question)] {
        window_.failAnswer(errorValue(error, ErrorPlace::kConversation, {}));
        setEngine(EngineState::kRestarting);
        window_.beginAnswer(question);
      });
    };
    const auto answer = service.ask(request, events, stop);
    const auto spans = service.contextOf(id);
    service_.inWindow([this, request, answer, spans] {
      setEngine(EngineState::kReady);
      if (!answer) {
        return window_.failAnswer(
            errorValue(answer.error(), ErrorPlace::kConversation, shown(request.session)));
      }
      engine_value_.answer_tok_s = answer->usage.decode_tok_s;
      window_.setEngine(engine_value_);
      window_.finishAnswer(messageValue(request.question, *answer, shown_ ? shown_->model : ""));
      if (spans && !spans->empty())
        window_.setContext(contextValue(*spans, engine_.context_max, spans->back().tokens.end));
      window_.setSaved(QDateTime::currentDateTime());
    });
  });
}

// --- viewers --------------------------------------------------------------------------------------

void Workbench::showCitation(const base::Citation& citation) {
  const QString path = shown(citation.path);
  if (citation.page > 0) {
    boxes_[pageKey(path, citation.page)] = citation.boxes;
    return renderPdf(path, citation.page, kPageScale, citation.boxes);
  }
  service_.post([this, citation, path](ReadingService& service, std::stop_token) {
    const auto document = service.document(citation.document);
    service_.inWindow([this, citation, path, document] {
      if (!document) return fail(document.error(), ErrorPlace::kViewer, path);
      window_.showDocumentText({.path = path,
                                .text = document->document.text,
                                .marks = {citation.bytes},
                                .current = 0,
                                .version = "as read"});
    });
  });
}

void Workbench::showDocument(const QString& path) {
  if (!shown_) return;
  const auto known = shown_->documents.find(path);
  if (known == shown_->documents.end()) return;
  service_.post([this, path, id = known->second](ReadingService& service, std::stop_token) {
    const auto document = service.document(id);
    service_.inWindow([this, path, document] {
      if (!document) return fail(document.error(), ErrorPlace::kViewer, path);
      if (document->document.kind == base::DocumentKind::kPdf)
        return renderPdf(path, 1, kPageScale, {});
      window_.showDocumentText({.path = path,
                                .text = document->document.text,
                                .marks = {},
                                .current = -1,
                                .version = "as read"});
    });
  });
}

void Workbench::renderPdf(const QString& path, int page, double scale,
                          std::vector<base::Box> boxes) {
  if (!shown_) return;
  const auto file = shown_->files.find(path);
  if (file == shown_->files.end())
    return fail({ErrorCode::kNotFound, "the PDF is not where it was read",
                 "Put the file back; the quote itself is kept in the session."},
                ErrorPlace::kViewer, path);
  QThreadPool::globalInstance()->start(
      [this, path, page, scale, boxes, file = file->second, reader = options_.paths.reader_program] {
        const auto image = ingest::renderPage(reader, file, page, scale, {});
        service_.inWindow([this, path, image, boxes] {
          if (!image) return fail(image.error(), ErrorPlace::kViewer, path);
          window_.showPdfPage(pdfPage(path, *image, boxes));
        });
      });
}

// --- errors and state -----------------------------------------------------------------------------

void Workbench::act(ui::ErrorAction action, const ui::ErrorValue&) {
  switch (action) {
    case ui::ErrorAction::kTryAgain:
    case ui::ErrorAction::kReadAgain:
      if (again_) again_();
      break;
    case ui::ErrorAction::kRestartEngine:
      service_.post([](ReadingService& service, std::stop_token) { service.engine().restart(); });
      loadEngine();
      if (again_) again_();
      break;
    case ui::ErrorAction::kFreeSpace:
      listSessions();
      window_.showSessions();
      break;
    case ui::ErrorAction::kLeaveOut: window_.showPlan(planValue(plan_, plan_title_)); break;
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

void Workbench::fail(const Error& error, ErrorPlace place, const QString& subject) {
  if (error.code == ErrorCode::kCancelled) return;
  base::logWarn("app", "shown to the user code=" + std::string(base::errorCodeName(error.code)));
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
