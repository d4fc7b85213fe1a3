#include "engine/json.h"

#include <set>
#include <vector>

namespace engine {

base::Result<Json> parseJson(std::string_view text, std::string_view what,
                             DuplicateKeys duplicates, std::string_view hint) {
  std::vector<std::set<std::string>> open_objects;
  bool duplicate = false;
  const auto watch = [&](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) open_objects.emplace_back();
    if (event == Json::parse_event_t::object_end) open_objects.pop_back();
    if (event == Json::parse_event_t::key &&
        !open_objects.back().insert(parsed.get<std::string>()).second)
      duplicate = true;
    return true;
  };
  try {
    Json json = duplicates == DuplicateKeys::kRefuse ? Json::parse(text, watch) : Json::parse(text);
    if (duplicate)
      return base::failure(base::ErrorCode::kInvalidInput,
                           std::string(what) + " names a member twice", std::string(hint));
    return json;
  } catch (const Json::parse_error& error) {
    return base::failure(
        base::ErrorCode::kInvalidInput,
        std::string(what) + " is not valid JSON (byte " + std::to_string(error.byte) + ")",
        std::string(hint));
  } catch (const std::exception&) {
    return base::failure(base::ErrorCode::kInvalidInput, std::string(what) + " is not valid JSON",
                         std::string(hint));
  }
}

}  // namespace engine
