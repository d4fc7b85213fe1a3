// json_fields.h: facts out of JSON objects of our protocols and files, without exceptions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/hash.h"
#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/base/span.h"
#include "engine/json.h"

namespace app {

// Reads fields by name; the first that is missing or of another kind is remembered, the rest of the
// reading goes on harmlessly, and status() tells at the end.
//   JsonFields fields(json);
//   fields.need("n", n);
//   fields.maybe("seed", seed);
//   TRY(fields.status());
class JsonFields {
 public:
  explicit JsonFields(const engine::Json& object);

  template <class T>
  void need(const char* key, T& out) {
    const engine::Json* value = find(key);
    if (value == nullptr || !take(*value, out)) fail(key);
  }
  template <class T>
  void maybe(const char* key, T& out) {
    const engine::Json* value = find(key);
    if (value != nullptr && !take(*value, out)) fail(key);
  }
  // The member itself; nullptr when it is missing.
  const engine::Json* find(const char* key) const;

  base::Status status() const;

 private:
  void fail(const char* key);
  static bool take(const engine::Json& value, bool& out);
  static bool take(const engine::Json& value, int& out);
  static bool take(const engine::Json& value, std::int64_t& out);
  static bool take(const engine::Json& value, std::uint64_t& out);
  static bool take(const engine::Json& value, double& out);
  static bool take(const engine::Json& value, std::string& out);
  static bool take(const engine::Json& value, base::Hash128& out);              // hex
  static bool take(const engine::Json& value, std::vector<base::TokenId>& out);  // base64, int32 LE
  static bool take(const engine::Json& value, base::TokenRange& out);           // [begin, end]
  static bool take(const engine::Json& value, base::ByteRange& out);            // [begin, end]
  static bool take(const engine::Json& value, base::Box& out);                  // [x0, y0, x1, y1]
  template <class T>
  static bool take(const engine::Json& value, std::vector<T>& out) {
    if (!value.is_array()) return false;
    out.clear();
    for (const engine::Json& item : value)
      if (!take(item, out.emplace_back())) return false;
    return true;
  }

  const engine::Json& object_;
  std::string failed_;  // first field that was not right
};

std::string tokensToBase64(std::span<const base::TokenId> tokens);

// {"code", "message", "hint"}, as design §8 prints it and the engine sends it.
engine::Json errorToJson(const base::Error& error);
base::Error errorFromJson(const engine::Json& json);

// One line; bytes that are not UTF-8 are replaced.
std::string dumpJson(const engine::Json& json);
// The same JSON in ASCII: scripts take lines apart at more characters than the line feed.
std::string asciiJson(std::string_view json);

}  // namespace app
