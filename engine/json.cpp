#include "engine/json.h"

#include <set>
#include <vector>

namespace engine {
namespace {

// Looks for a member that an object names twice, in one pass that keeps only the names of the
// objects that are open. (The parser's own callback looks at all earlier elements at each object's
// end.)
struct DuplicateFinder : nlohmann::json_sax<Json> {
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override {
    open_objects.emplace_back();
    return true;
  }
  bool key(string_t& name) override {
    found = !open_objects.back().insert(name).second;
    return !found;
  }
  bool end_object() override {
    open_objects.pop_back();
    return true;
  }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  // The parser proper says what is wrong.
  bool parse_error(std::size_t, const std::string&, const Json::exception&) override {
    return false;
  }

  std::vector<std::set<std::string>> open_objects;
  bool found = false;
};

bool namesAMemberTwice(std::string_view text) {
  DuplicateFinder finder;
  Json::sax_parse(text, &finder);
  return finder.found;
}

}  // namespace

base::Result<Json> parseJson(std::string_view text, std::string_view what, DuplicateKeys duplicates,
                             std::string_view hint) {
  try {
    if (duplicates == DuplicateKeys::kRefuse && namesAMemberTwice(text))
      return base::failure(base::ErrorCode::kInvalidInput,
                           std::string(what) + " names a member twice", std::string(hint));
    return Json::parse(text);
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
