#include "app/workbench/session_rows.h"

#include <algorithm>

#include <QRegularExpression>

#include "app/workbench/shown_values.h"
#include "storage/data_folder.h"

namespace app {

SessionRows::SessionRows(const StoredSessions& stored,
                         const std::vector<storage::Workspace>& workspaces,
                         const std::vector<storage::Job>& jobs, const base::Hash128& fingerprint,
                         const SpeedForecast& speed, const std::filesystem::path& data)
    : fingerprint_(fingerprint), speed_(speed), record_(data) {
  for (const EnginePin& pin : stored.pins) pins_[pin.session_key] = &pin;
  for (const storage::Workspace& workspace : workspaces)
    workspaces_[workspace.id] = shown(workspace.name);
  for (const storage::Job& job : jobs) jobs_.insert_or_assign(job.session, job);
}

ui::SessionRow SessionRows::row(const storage::Session& session) const {
  const auto pinned = pins_.find(session.key);
  const EnginePin* pin = pinned == pins_.end() ? nullptr : pinned->second;
  const auto workspace = workspaces_.find(session.workspace);
  ui::SessionRow row;
  row.id = session.id;
  row.title = shown(session.title.empty() ? session.name : session.title);
  row.workspace = workspace == workspaces_.end() ? QString() : workspace->second;
  row.workspace_id = session.workspace;
  row.n_sources = static_cast<int>(session.n_documents);
  row.n_questions = static_cast<int>((session.n_messages + 1) / 2);
  row.n_branches = static_cast<int>(session.n_branches);
  row.tokens = session.n_context_tokens;
  row.last_used = QDateTime::fromMSecsSinceEpoch(session.used_ms);
  row.pinned = session.pinned;
  row.archived = session.archived;
  if (pin != nullptr) {
    row.snapshot_bytes = pin->unique_bytes;
    row.logical_bytes = pin->logical_bytes;
  }
  addResume(row, session, pin);
  if (const auto job = jobs_.find(session.id); job != jobs_.end()) {
    row.unfinished = true;
    row.tokens_read = job->second.tokens_done;
    row.tokens_to_read = job->second.tokens_total;
  }
  return row;
}

void SessionRows::addResume(ui::SessionRow& row, const storage::Session& session,
                            const EnginePin* pin) const {
  const bool other_model = session.model_fingerprint != fingerprint_;
  row.resume_from = other_model      ? ui::ResumeFrom::kOtherModel
                    : pin == nullptr ? ui::ResumeFrom::kReadAgain
                    : !pin->complete ? ui::ResumeFrom::kDamaged
                                     : ui::ResumeFrom::kSnapshot;
  if (row.resume_from == ui::ResumeFrom::kSnapshot) {
    const ResumeForecast resume = resumeForecast(session, pin, record_);
    row.resume_low_s = resume.seconds_low;
    row.resume_s = resume.seconds_high;
    row.resume_measured = resume.measured;
  } else if (speed_.tok_s_low > 0) {
    row.resume_low_s = speed_.secondsLow(row.tokens);
    row.resume_s = speed_.secondsHigh(row.tokens);
    row.resume_measured = speed_.measured;
  }
}

std::vector<ui::WorkspaceValue> workspaceValues(
    const std::vector<storage::Workspace>& workspaces) {
  std::vector<ui::WorkspaceValue> values;
  for (const storage::Workspace& workspace : workspaces)
    values.push_back({workspace.id, shown(workspace.name)});
  return values;
}

ui::SpaceValue spaceValue(const StoredSessions& stored,
                          const std::vector<storage::Session>& sessions, ReadingService& service) {
  ui::SpaceValue value;
  value.budget_bytes = stored.budget_bytes;
  std::map<std::string, bool> pinned;  // by key of the session
  for (const storage::Session& session : sessions) pinned[session.key] = session.pinned;
  for (const EnginePin& pin : stored.pins) {
    const auto found = pinned.find(pin.session_key);
    (found != pinned.end() && found->second ? value.pinned_bytes : value.own_bytes) +=
        pin.unique_bytes;
  }
  value.shared_bytes = std::max<std::int64_t>(
      0, stored.stats.pinned_bytes - value.pinned_bytes - value.own_bytes);
  value.cache_bytes =
      std::max<std::int64_t>(0, stored.stats.payload_bytes - stored.stats.pinned_bytes);
  value.reserve = service.database().hasReserve();
  value.disk_needed_bytes = storage::BlockDatabaseOptions{}.free_bytes_min;
  if (const auto free = storage::freeBytes(service.options().paths.data))
    value.disk_free_bytes = *free;
  return value;
}

namespace {

// The markers of an answer as people write them.
QString withoutMarkers(QString snippet) {
  static const QRegularExpression begin("<quote>\\s*"), end("\\s*</quote>");
  return snippet.replace(begin, "\u201C").replace(end, "\u201D").replace(
      "<none/>", "The sources do not say.");
}

}  // namespace

std::vector<ui::SearchHitValue> hitValues(const std::vector<storage::SearchHit>& hits) {
  std::vector<ui::SearchHitValue> values;
  for (const storage::SearchHit& hit : hits)
    values.push_back({.session = hit.session,
                      .snippet = hit.role == storage::MessageRole::kAssistant
                                     ? withoutMarkers(shown(hit.snippet))
                                     : shown(hit.snippet),
                      .message = hit.message,
                      .place = !hit.message ? ui::HitPlace::kTitle
                               : hit.role == storage::MessageRole::kUser
                                   ? ui::HitPlace::kQuestion
                                   : ui::HitPlace::kAnswer});
  return values;
}

bool goesWithItsReading(const storage::Session& session) {
  return session.n_messages == 0 && session.n_context_tokens == 0;
}

std::vector<NamedReading> queuedReadings(const std::vector<storage::Job>& jobs,
                                         const std::vector<storage::Session>& sessions) {
  std::map<base::SessionId, const storage::Session*> by_id;
  for (const storage::Session& session : sessions) by_id[session.id] = &session;
  std::vector<NamedReading> readings;
  for (const storage::Job& job : jobs) {
    const auto session = by_id.find(job.session);
    if (session == by_id.end()) continue;
    const storage::Session& found = *session->second;
    readings.push_back({.session = found.name,
                        .value = {.session = found.id,
                                  .title = shown(found.title.empty() ? found.name : found.title),
                                  .tokens_read = job.tokens_done,
                                  .tokens_to_read = job.tokens_total,
                                  .erases = goesWithItsReading(found)}});
    by_id.erase(session);  // once, however often it was begun
  }
  return readings;
}

}  // namespace app
