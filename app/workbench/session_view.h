// session_view.h: a saved session as the window shows it, with what later wishes need to know.
#pragma once

#include <filesystem>
#include <map>
#include <vector>

#include <QString>

#include "app/reading_service.h"
#include "app/stored_sessions.h"
#include "engine/base/document.h"
#include "storage/storage.h"
#include "ui/values.h"

namespace app {

struct ShownDocument {
  base::DocumentId id;
  base::DocumentKind kind = base::DocumentKind::kText;
  std::filesystem::path file;  // empty until it was looked for
};

struct SessionView {
  storage::Session session;
  QString model;                               // as people call it
  std::map<QString, ShownDocument> documents;  // by path in the context
  ui::SessionValue value;
};

// Reads session.db only; the engine is not asked.
base::Result<SessionView> sessionView(ReadingService& service, const storage::Session& session);

// `pin` null: nothing is kept of it.
ui::SnapshotValue snapshotValue(const EnginePin* pin, const storage::Session& session);

}  // namespace app
