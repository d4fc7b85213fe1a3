// json.h: the only includer of nlohmann-json, for files and messages of ours. Exceptions of the
// library end here.
#pragma once

#include <string_view>

#include <nlohmann/json.hpp>

#include "engine/base/result.h"

namespace engine {

// Keeps the order of members, so that what is printed reads as it was written.
using Json = nlohmann::ordered_json;

enum class DuplicateKeys { kAllow, kRefuse };

// kInvalidInput with the byte offset of the mistake; `what` names the text in the message, `hint` is the
// error's next step.
base::Result<Json> parseJson(std::string_view text, std::string_view what = "the text",
                             DuplicateKeys duplicates = DuplicateKeys::kAllow,
                             std::string_view hint = "");

}  // namespace engine
