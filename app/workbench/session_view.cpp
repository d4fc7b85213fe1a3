#include "app/workbench/session_view.h"

#include "app/workbench/shown_values.h"

namespace app {

base::Result<SessionView> sessionView(ReadingService& service, const storage::Session& session) {
  TRY_ASSIGN(const auto documents, service.documents(session.id));
  TRY_ASSIGN(const auto messages, service.messages(session.id));
  SessionView view;
  view.session = session;
  view.model = modelWords(session.model_name);
  view.value.id = session.id;
  view.value.title = shown(session.title.empty() ? session.name : session.title);
  for (const storage::DocumentInfo& document : documents) {
    const QString path = shown(document.path);
    view.value.sources.push_back(
        {.path = path, .kind = document.kind, .tokens = document.use.n_tokens});
    view.documents[path] = {.id = document.use.document, .kind = document.kind, .file = {}};
  }
  view.value.messages = messageValues(messages, view.model);
  return view;
}

ui::SnapshotValue snapshotValue(const EnginePin* pin, const storage::Session& session) {
  if (pin == nullptr) return {};
  return {.state = pin->complete ? ui::SnapshotState::kSaved : ui::SnapshotState::kNotSaved,
          .saved_at = QDateTime::fromMSecsSinceEpoch(session.used_ms),
          .bytes = pin->unique_bytes};
}

}  // namespace app
