// workbench.h: answers the wishes of one MainWindow through the ReadingService.
//
// Lives in the window's thread and never waits there: the service runs in a thread of its own,
// pages are drawn by a thread pool. Knows what the window shows right now (plan, session), not
// how it looks.
//
// One thing is done at a time. A wish that needs the service for long (a plan, another session)
// makes way for itself: a reading is paused, an answer stopped, both are kept. Jobs run in turn
// and what they show arrives in turn, so an answer has ended before another session is shown;
// plans and readings carry a number besides, and what an older one still shows is dropped.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <vector>

#include <QObject>
#include <QStringList>
#include <QTimer>

#include "app/reading_service.h"
#include "app/stored_sessions.h"
#include "app/workbench/page_renderer.h"
#include "app/workbench/service_thread.h"
#include "app/workbench/session_view.h"
#include "storage/storage.h"
#include "ui/main_window.h"

namespace app {

class Workbench : public QObject {
  Q_OBJECT

 public:
  // Opens the session `name`; empty: the welcome page, with the list of sessions behind it.
  Workbench(const ServiceOptions& options, std::string name, QObject* parent = nullptr);
  ~Workbench() override;

  ui::MainWindow& window() { return window_; }

 private:
  using Again = std::function<void()>;

  // -- start, errors (workbench.cpp) --------------------------------------------------------------
  void connectWishes();
  void openService();
  void loadEngine(const Again& then = {});
  void chooseModel();
  // Pauses or stops what runs, and says so.
  void makeWay();
  void act(ui::ErrorAction action, const ui::ErrorValue& error);
  // kCancelled is not shown: the user knows. `again` is what "Try again" on this card means.
  void fail(const base::Error& error, ui::ErrorPlace place, const QString& subject, Again again);
  void setEngine(ui::EngineState state);

  // -- plan and read (workbench_reading.cpp) ------------------------------------------------------
  void planSamples();
  void plan(const QStringList& paths);
  void showPlan(const SourcePlan& plan, const QString& title, bool counting,
                const base::Result<SpeedForecast>& speed);
  void cancelPlan();
  void read(const ui::PlanSelection& selection);
  void runReading(const IngestRequest& request);
  IngestEvents readingEvents(int course, const IngestRequest& request);
  void showReadingProgress(const base::Progress& progress);
  void endReading(const std::string& session, const base::Result<IngestReport>& report);
  void continueReading();
  void askWhileReading();

  // -- sessions (workbench_sessions.cpp) ----------------------------------------------------------
  void openSession(const std::string& name, ui::ErrorPlace place);
  void openSessionById(base::SessionId id);
  // In the service's thread.
  void showSession(ReadingService& service, const storage::Session& session);
  void listSessions();
  // In the service's thread; with what is known of the engine's side.
  void showSessions(ReadingService& service, const StoredSessions& stored,
                    const base::Hash128& fingerprint, const SpeedForecast& speed);
  void search(const ui::SessionSearch& search);
  void continueReadingOf(base::SessionId id);
  void removeReading(base::SessionId id);
  // One short change of a session's row; the list follows.
  using SessionChange = std::function<base::Status(ReadingService&)>;
  void changeSession(const SessionChange& change);
  void pinSession(base::SessionId id, bool pinned);
  void archiveSession(base::SessionId id, bool archived);
  void moveSession(base::SessionId id, const QString& workspace);
  void renameSession(base::SessionId id, const QString& title);
  void deleteSession(base::SessionId id);
  void deleteNow(const storage::Session& session);

  // -- branches (workbench_branches.cpp) ----------------------------------------------------------
  using BranchChange = std::function<base::Status(ReadingService&, const storage::Session&)>;
  enum class Then { kOpen, kStay };
  void changeBranches(base::SessionId id, const BranchChange& change, Then then);
  void showBranches(base::SessionId id);
  void branch(base::SessionId id, int n_turns);
  void switchBranch(base::SessionId id, base::BranchId branch);
  void rewind(base::SessionId id, int n_turns);
  void removeBranch(base::SessionId id, base::BranchId branch);
  void refreshSession();
  void openMatch(base::SessionId id, base::MessageId message);

  // -- exports and imports (workbench_transfer.cpp) -----------------------------------------------
  void beginTransfer(const QString& words, std::int64_t n_bytes,
                     const std::filesystem::path& growing);
  void pollTransfer();
  void endTransfer(const base::Error& error, const QString& subject, Again again);
  void exportSession(base::SessionId id, ui::ExportKind kind, const QString& path);
  void exportNow(const storage::Session& session, ui::ExportKind kind, const QString& path);
  void importFile(const QString& path, bool with_snapshot);

  // -- ask, viewers (workbench_asking.cpp) --------------------------------------------------------
  void ask(const QString& question);
  void askInstead(const QString& question);
  void runQuestion(const AskRequest& request);
  AskEvents answerEvents(const QString& question);
  void endAnswer(const AskRequest& request, const base::Result<Answer>& answer);
  void showCitation(const base::Citation& citation);
  void showDocument(const QString& path);
  void showText(base::DocumentId id, const QString& path, std::vector<base::ByteRange> marks);
  void showPage(const QString& path, int page, double scale);
  void findFile(const QString& path, const Again& found);

  bool shows(base::SessionId id) const { return shown_ && shown_->session.id == id; }

  ServiceOptions options_;
  std::string first_session_;
  ui::MainWindow window_;
  int course_ = 0;                                   // number of the newest plan or reading
  SourcePlan plan_;
  ui::PlanValue plan_value_;
  ui::ReadingValue reading_;
  IngestRequest request_;                            // of the reading that runs or is paused
  std::optional<SessionView> shown_;
  std::map<QString, std::vector<base::Box>> boxes_;  // of the quotes seen, by "path\npage"
  EngineInfo engine_;
  ui::EngineValue engine_value_;
  StoredSessions stored_;                            // as last told by the engine
  SpeedForecast speed_;
  std::map<ui::ErrorPlace, Again> again_;
  ui::TransferValue transfer_;                       // the export or import that runs
  std::filesystem::path growing_;                    // its file, empty: none grows
  std::stop_source transfer_stop_;
  QTimer transfer_poll_;
  PageRenderer pages_;
  ServiceThread service_;  // last: stops before anything it shows goes away
};

}  // namespace app
