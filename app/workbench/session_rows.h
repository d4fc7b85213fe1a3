// session_rows.h: the list of saved sessions, the readings that wait, and what they cost on the
// disk, as the window shows them.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "app/reading_service.h"
#include "app/speed_record.h"
#include "app/stored_sessions.h"
#include "storage/storage.h"
#include "ui/values.h"

namespace app {

// What the rows are made of besides the sessions themselves; thousands of them are made in turn.
class SessionRows {
 public:
  // `fingerprint` and `speed` are of the model at hand. Keeps a reference to `stored`.
  SessionRows(const StoredSessions& stored, const std::vector<storage::Workspace>& workspaces,
              const std::vector<storage::Job>& jobs, const base::Hash128& fingerprint,
              const SpeedForecast& speed, const std::filesystem::path& data);

  ui::SessionRow row(const storage::Session& session) const;

 private:
  void addResume(ui::SessionRow& row, const storage::Session& session, const EnginePin* pin) const;

  std::map<std::string, const EnginePin*> pins_;  // by key of the session
  std::map<base::WorkspaceId, QString> workspaces_;
  std::map<base::SessionId, storage::Job> jobs_;  // unfinished
  base::Hash128 fingerprint_;
  SpeedForecast speed_;
  SpeedRecord record_;
};

std::vector<ui::WorkspaceValue> workspaceValues(const std::vector<storage::Workspace>& workspaces);
ui::SpaceValue spaceValue(const StoredSessions& stored,
                          const std::vector<storage::Session>& sessions, ReadingService& service);
std::vector<ui::SearchHitValue> hitValues(const std::vector<storage::SearchHit>& hits);

// It was never read to its end, and nothing was said in it.
bool goesWithItsReading(const storage::Session& session);

struct NamedReading {
  std::string session;  // name
  ui::QueuedReading value;
};
std::vector<NamedReading> queuedReadings(const std::vector<storage::Job>& jobs,
                                         const std::vector<storage::Session>& sessions);

}  // namespace app
