#include "app/model_check.h"

#include "engine/model_identity.h"

namespace app {

std::string otherModelWords(const std::string& identity_there, const std::string& identity_here) {
  const auto there = engine::ModelIdentity::parse(identity_there);
  if (there.empty()) return "another model; which of its parts differ was not kept";
  const auto differences = there.differences(engine::ModelIdentity::parse(identity_here));
  if (differences.empty()) return "another version of the model";
  std::string words;
  for (std::size_t i = 0; i < differences.size(); ++i)
    words += (i == 0 ? "" : i + 1 == differences.size() ? " and " : ", ") + differences[i];
  return words;
}

base::Status requireSameModel(const storage::Session& session, const EngineInfo& here,
                              const std::string& command) {
  if (session.model_fingerprint == base::Hash128{} || session.model_fingerprint == here.fingerprint)
    return {};
  return base::failure(
      base::ErrorCode::kMismatch,
      "session \"" + session.name + "\" was read by \"" + session.model_name + "\" with " +
          otherModelWords(session.model_identity, here.identity),
      "Name the model that read it with --model, or read it again with this one: " + command);
}

}  // namespace app
