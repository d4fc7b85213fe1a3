// model_check.h: a session belongs to the model that read it.
#pragma once

#include <string>

#include "app/engine_client.h"
#include "engine/base/result.h"
#include "storage/session_store.h"

namespace app {

// What is done with a session that another model read.
enum class OtherModel {
  kRefuse,
  kReadAgain,  // with the model at hand, which becomes the session's
};

// kMismatch when another model read the session, with the parts that differ; `command` is what
// reads it again with this one. A session no model has read fits every model.
base::Status requireSameModel(const storage::Session& session, const EngineInfo& here,
                              const std::string& command);

// The same refusal for what a file brings along.
std::string otherModelWords(const std::string& identity_there, const std::string& identity_here);

}  // namespace app
