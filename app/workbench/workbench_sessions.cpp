// How saved sessions are opened, listed, renamed and deleted.
#include "app/workbench/session_rows.h"
#include "app/workbench/shown_values.h"
#include "app/workbench/workbench.h"

namespace app {

using ui::EngineState;
using ui::ErrorPlace;
using Until = ServiceThread::Until;

void Workbench::openSession(const std::string& name, ErrorPlace place) {
  service_.post([this, name, place](ReadingService& service, std::stop_token) {
    const auto session = service.session(name);
    if (session) return showSession(service, *session);
    service_.inWindow([this, name, place, error = session.error()] {
      fail(error, place, shown(name), [this, name, place] { openSession(name, place); });
    });
  }, Until::kClosed);
}

void Workbench::openSessionById(base::SessionId id) {
  makeWay();
  service_.post([this, id](ReadingService& service, std::stop_token) {
    const auto session = service.database().sessions().byId(id);
    if (session) return showSession(service, *session);
    service_.inWindow([this, id, error = session.error()] {
      fail(error, ErrorPlace::kSessions, {}, [this, id] { openSessionById(id); });
    });
  }, Until::kClosed);
}

void Workbench::showSession(ReadingService& service, const storage::Session& session) {
  const auto view = sessionView(service, session);
  if (!view)
    return service_.inWindow([this, session, error = view.error()] {
      fail(error, ErrorPlace::kSessions, shown(session.name),
           [this, id = session.id] { openSessionById(id); });
    });
  service_.inWindow([this, view = *view] {
    pages_.stopAll();
    boxes_.clear();
    shown_ = view;
    window_.showSession(view.value);
    showBranches(view.session.id);
    if (engine_value_.state == EngineState::kPaused) setEngine(EngineState::kReady);
  });

  // The rest needs the tokenizer and the engine: the words are on the screen meanwhile.
  const auto spans = service.contextOf(session.id);
  const auto info = service.engine().load({});
  const auto stored = service.stored({});
  service_.inWindow([this, session, spans, info, stored] {
    if (!shows(session.id)) return;
    if (spans && info)
      window_.setContext(contextValue(*spans, info->context_max,
                                      spans->empty() ? 0 : spans->back().tokens.end));
    if (stored) stored_ = *stored;
    window_.setSnapshot(snapshotValue(stored_.pinOf(session), session));
    window_.setSaved(QDateTime::fromMSecsSinceEpoch(session.used_ms));
  });
}

// At once with what is known, and again when the engine has time to say what it keeps.
void Workbench::listSessions() {
  service_.look([this, stored = stored_, fingerprint = engine_.fingerprint,
                 speed = speed_](ReadingService& service) {
    showSessions(service, stored, fingerprint, speed);
  });
  service_.post([this](ReadingService& service, std::stop_token stop) {
    const auto info = service.engine().load(stop);
    const auto stored = service.stored(stop);
    const auto speed = service.forecast();
    if (!info || !stored || !speed) return;
    service_.inWindow([this, stored = *stored, speed = *speed] {
      stored_ = stored;
      speed_ = speed;
    });
    showSessions(service, *stored, info->fingerprint, *speed);
  }, Until::kClosed);
}

void Workbench::showSessions(ReadingService& service, const StoredSessions& stored,
                             const base::Hash128& fingerprint, const SpeedForecast& speed) {
  const auto sessions = service.sessions();
  const auto workspaces = service.database().sessions().workspaces();
  const auto jobs = service.database().sessions().unfinishedJobs();
  if (!sessions || !workspaces || !jobs)
    return service_.inWindow([this, error = !sessions     ? sessions.error()
                                            : !workspaces ? workspaces.error()
                                                          : jobs.error()] {
      fail(error, ErrorPlace::kSessions, {}, [this] { listSessions(); });
    });
  const SessionRows known(stored, *workspaces, *jobs, fingerprint, speed,
                          service.options().paths.data);
  std::vector<ui::SessionRow> rows;
  for (const storage::Session& session : *sessions) rows.push_back(known.row(session));
  service_.inWindow([this, rows = std::move(rows), workspaces = workspaceValues(*workspaces),
                     space = spaceValue(stored, *sessions, service),
                     readings = queuedReadings(*jobs, *sessions)] {
    window_.setWorkspaces(workspaces);
    window_.setSessions(rows);
    window_.setSpace(space);
    std::vector<ui::QueuedReading> queue;
    for (const NamedReading& reading : readings) {
      queue.push_back(reading.value);
      queue.back().running = engine_value_.state == EngineState::kReading &&
                             reading.session == request_.session;
    }
    window_.setReadings(queue);
  });
}

void Workbench::search(const ui::SessionSearch& search) {
  if (search.words.trimmed().isEmpty()) return;
  service_.look([this, search](ReadingService& service) {
    storage::SearchQuery query{.words = search.words.toStdString()};
    if (search.workspace) query.workspace = search.workspace;
    query.with_archived = search.with_archived;
    query.n_hits_max = 500;
    const auto hits = service.database().sessions().search(query);
    if (!hits) return;  // titles are still found
    service_.inWindow([this, search, values = hitValues(*hits)] {
      window_.setSearchHits(search, values);
    });
  });
}

void Workbench::continueReadingOf(base::SessionId id) {
  makeWay();
  service_.post([this, id](ReadingService& service, std::stop_token) {
    const auto session = service.database().sessions().byId(id);
    service_.inWindow([this, id, session] {
      if (session) return runReading({.session = session->name});
      fail(session.error(), ErrorPlace::kSessions, {}, [this, id] { continueReadingOf(id); });
    });
  }, Until::kClosed);
}

// A session that holds nothing but this reading goes with it.
void Workbench::removeReading(base::SessionId id) {
  service_.look([this, id](ReadingService& service) {
    const auto session = service.database().sessions().byId(id);
    service_.inWindow([this, id, session] {
      if (!session)
        return fail(session.error(), ErrorPlace::kWelcome, {}, [this, id] { removeReading(id); });
      if (goesWithItsReading(*session)) return deleteNow(*session);
      changeSession([id](ReadingService& service) -> base::Status {
        TRY_ASSIGN(auto job, service.database().sessions().lastJobOf(id));
        if (!job) return {};
        job->state = storage::JobState::kFailed;
        job->error = "taken off the list";
        return service.database().sessions().updateJob(*job);
      });
    });
  });
}

void Workbench::changeSession(const SessionChange& change) {
  service_.post([this, change](ReadingService& service, std::stop_token) {
    const base::Status done = change(service);
    if (done) return;
    service_.inWindow([this, change, error = done.error()] {
      fail(error, ErrorPlace::kSessions, {}, [this, change] { changeSession(change); });
    });
  }, Until::kDone);
  listSessions();
}

void Workbench::pinSession(base::SessionId id, bool pinned) {
  changeSession([id, pinned](ReadingService& service) {
    return service.database().sessions().setPinned(id, pinned);
  });
}

void Workbench::archiveSession(base::SessionId id, bool archived) {
  changeSession([id, archived](ReadingService& service) {
    return service.database().sessions().setArchived(id, archived);
  });
  window_.showToast(archived ? "Archived. The workspace filter shows it again."
                             : "Taken out of the archive.");
}

void Workbench::moveSession(base::SessionId id, const QString& workspace) {
  changeSession([id, name = workspace.toStdString()](ReadingService& service) -> base::Status {
    storage::SessionStore& sessions = service.database().sessions();
    auto found = sessions.workspaceNamed(name);
    if (!found && found.error().code == base::ErrorCode::kNotFound)
      found = sessions.createWorkspace(name);
    if (!found) return tl::make_unexpected(found.error());
    return sessions.setWorkspace(id, *found);
  });
}

void Workbench::renameSession(base::SessionId id, const QString& title) {
  service_.post([this, id, title](ReadingService& service, std::stop_token) {
    const auto session = service.database().sessions().byId(id);
    const base::Status renamed =
        session ? service.rename(session->name, title.toStdString())
                : base::Status(tl::make_unexpected(session.error()));
    if (renamed) return;
    service_.inWindow([this, id, title, error = renamed.error()] {
      fail(error, ErrorPlace::kSessions, title, [this, id, title] { renameSession(id, title); });
    });
  }, Until::kDone);
  listSessions();
}

void Workbench::deleteSession(base::SessionId id) {
  service_.look([this, id](ReadingService& service) {
    const auto session = service.database().sessions().byId(id);
    service_.inWindow([this, id, session] {
      if (session) return deleteNow(*session);
      fail(session.error(), ErrorPlace::kSessions, {}, [this, id] { deleteSession(id); });
    });
  });
}

void Workbench::deleteNow(const storage::Session& session) {
  // What works for this session ends; what works for another one is waited for.
  const EngineState state = engine_value_.state;
  if ((state == EngineState::kReading && request_.session == session.name) ||
      (state == EngineState::kAnswering && shows(session.id)))
    service_.stop();
  service_.post([this, session](ReadingService& service, std::stop_token stop) {
    const base::Status removed = service.remove(session.name, stop);
    service_.inWindow([this, session, removed] {
      if (!removed)
        return fail(removed.error(), ErrorPlace::kSessions, shown(session.name),
                    [this, id = session.id] { deleteSession(id); });
      if (shows(session.id) || request_.session == session.name) {
        shown_.reset();
        request_ = {};
        pages_.stopAll();
        window_.showWelcome(welcomeValue(options_.paths));
        window_.showSessions();
      }
      window_.showToast("The session was deleted.");
    });
  }, Until::kDone);
  listSessions();
}

}  // namespace app
