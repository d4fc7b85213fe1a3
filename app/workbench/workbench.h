// workbench.h: answers the wishes of one MainWindow through the ReadingService.
//
// Lives in the window's thread and never waits there: the service runs in a thread of its own,
// pages are rendered by a thread pool. Knows what the window shows right now (plan, session), not
// how it looks.
#pragma once

#include <functional>
#include <map>
#include <optional>

#include <QObject>
#include <QStringList>

#include "app/reading_service.h"
#include "app/workbench/service_thread.h"
#include "storage/storage.h"
#include "ui/main_window.h"

namespace app {

class Workbench : public QObject {
  Q_OBJECT

 public:
  // Opens the session `name`; empty: the welcome page or the list of sessions.
  Workbench(const ServiceOptions& options, std::string name, QObject* parent = nullptr);
  ~Workbench() override;

  ui::MainWindow& window() { return window_; }

 private:
  // What the window shows of a session, kept for the wishes that follow.
  struct Shown {
    storage::Session session;
    QString model;
    std::map<QString, std::filesystem::path> files;      // by path in the context
    std::map<QString, base::DocumentId> documents;
  };

  void connectWishes();
  void openService();
  void loadEngine();

  void plan(const QStringList& paths);
  void planSamples();
  void read(const QStringList& checked_paths);
  void runReading(const IngestRequest& request);
  void continueReading();

  void openSession(const std::string& name);
  void openSessionById(base::SessionId id);
  void listSessions();
  void renameSession(base::SessionId id, const QString& title);
  void deleteSession(base::SessionId id);

  void ask(const QString& question);
  void showCitation(const base::Citation& citation);
  void showDocument(const QString& path);
  void renderPdf(const QString& path, int page, double scale, std::vector<base::Box> boxes);

  void chooseModel();
  void act(ui::ErrorAction action, const ui::ErrorValue& error);
  // In the window's thread. kCancelled is not shown: the user knows.
  void fail(const base::Error& error, ui::ErrorPlace place, const QString& subject = {});
  void setEngine(ui::EngineState state);

  // In the service's thread.
  void showSession(ReadingService& service, const storage::Session& session);

  ServiceOptions options_;
  std::string first_session_;
  ui::MainWindow window_;
  SourcePlan plan_;
  QString plan_title_;
  ui::ReadingValue reading_;
  IngestRequest request_;             // of the reading that runs or is paused
  std::optional<Shown> shown_;
  EngineInfo engine_;
  ui::EngineValue engine_value_;
  std::map<QString, std::vector<base::Box>> boxes_;  // of the current quote, by "path\npage"
  std::function<void()> again_;       // what the last error's "Try again" means
  ServiceThread service_;             // last: stops before anything it shows goes away
};

}  // namespace app
