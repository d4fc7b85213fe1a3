// How saved sessions are opened, listed, renamed and deleted.
#include "app/stored_sessions.h"
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
    if (engine_value_.state == EngineState::kPaused) setEngine(EngineState::kReady);
  });

  // The rest needs the tokenizer and the engine: the words are on the screen meanwhile.
  const auto spans = service.contextOf(session.id);
  const auto info = service.engine().load({});
  const auto pins = service.engine().pins({});
  service_.inWindow([this, session, spans, info, pins] {
    if (!shows(session.id)) return;
    if (spans && info)
      window_.setContext(contextValue(*spans, info->context_max,
                                      spans->empty() ? 0 : spans->back().tokens.end));
    if (pins) pins_ = *pins;
    window_.setSnapshot(snapshotValue(pinOf(pins_, session), session));
    window_.setSaved(QDateTime::fromMSecsSinceEpoch(session.used_ms));
  });
}

// At once with what is known, and again when the engine has time to say what it keeps.
void Workbench::listSessions() {
  service_.look([this, pins = pins_, fingerprint = engine_.fingerprint,
                 speed = speed_](ReadingService& service) {
    showSessions(service, pins, fingerprint, speed);
  });
  service_.post([this](ReadingService& service, std::stop_token stop) {
    const auto info = service.engine().load(stop);
    const auto pins = service.engine().pins(stop);
    const auto speed = service.forecast();
    if (!info || !pins || !speed) return;
    service_.inWindow([this, pins = *pins, speed = *speed] {
      pins_ = pins;
      speed_ = speed;
    });
    showSessions(service, *pins, info->fingerprint, *speed);
  }, Until::kClosed);
}

void Workbench::showSessions(ReadingService& service, const std::vector<EnginePin>& pins,
                             const base::Hash128& fingerprint, const SpeedForecast& speed) {
  const auto sessions = service.sessions();
  if (!sessions)
    return service_.inWindow([this, error = sessions.error()] {
      fail(error, ErrorPlace::kSessions, {}, [this] { listSessions(); });
    });
  const auto jobs = service.database().sessions().unfinishedJobs();
  std::vector<ui::SessionRow> rows;
  for (const storage::Session& session : *sessions) {
    if (session.archived) continue;
    ui::SessionRow row =
        sessionRow(session, session.n_documents, pinOf(pins, session), fingerprint, speed);
    if (row.resume_from == ui::ResumeFrom::kSnapshot) {
      StoredSessions stored;
      stored.pins = pins;
      row.resume_s = service.resumeForecast(session, stored).seconds_high;
    }
    if (jobs)
      for (const storage::Job& job : *jobs)
        if (job.session == session.id) {
          row.unfinished = true;
          row.tokens_read = job.tokens_done;
          row.tokens_to_read = job.tokens_total;
        }
    rows.push_back(row);
  }
  service_.inWindow([this, rows] { window_.setSessions(rows); });
}

void Workbench::search(const QString& words) {
  service_.look([this, words](ReadingService& service) {
    const auto hits =
        service.database().sessions().search({.words = words.toStdString(), .n_hits_max = 500});
    if (!hits) return;  // titles are still found
    std::vector<ui::SearchHitValue> values;
    for (const storage::SearchHit& hit : *hits)
      values.push_back({hit.session, QString::fromStdString(hit.snippet)});
    service_.inWindow([this, words, values] { window_.setSearchHits(words, values); });
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

void Workbench::pinSession(base::SessionId id, bool pinned) {
  service_.post([this, id, pinned](ReadingService& service, std::stop_token) {
    const base::Status done = service.database().sessions().setPinned(id, pinned);
    if (done) return;
    service_.inWindow([this, id, pinned, error = done.error()] {
      fail(error, ErrorPlace::kSessions, {}, [this, id, pinned] { pinSession(id, pinned); });
    });
  }, Until::kDone);
  listSessions();
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
