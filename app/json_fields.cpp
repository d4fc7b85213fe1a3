#include "app/json_fields.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>
#include <limits>

#include "app/base64.h"
#include "engine/utf8.h"

namespace app {

using base::ErrorCode;
using base::failure;
using engine::Json;

static_assert(std::endian::native == std::endian::little, "token arrays are sent as they lie");

JsonFields::JsonFields(const Json& object) : object_(object) {
  if (!object.is_object()) failed_ = "object";
}

const Json* JsonFields::find(const char* key) const {
  if (!object_.is_object()) return nullptr;
  const auto found = object_.find(key);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

void JsonFields::fail(const char* key) {
  if (failed_.empty()) failed_ = key;
}

base::Status JsonFields::status() const {
  if (failed_.empty()) return {};
  return failure(ErrorCode::kInvalidInput,
                 "JSON field \"" + failed_ + "\" is missing or malformed");
}

bool JsonFields::take(const Json& value, bool& out) {
  if (!value.is_boolean()) return false;
  out = value.get<bool>();
  return true;
}

bool JsonFields::take(const Json& value, std::int64_t& out) {
  if (!value.is_number_integer()) return false;
  if (value.is_number_unsigned() &&
      value.get<std::uint64_t>() >
          static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return false;
  out = value.get<std::int64_t>();
  return true;
}

bool JsonFields::take(const Json& value, int& out) {
  std::int64_t wide = 0;
  if (!take(value, wide) || wide < std::numeric_limits<int>::min() ||
      wide > std::numeric_limits<int>::max())
    return false;
  out = static_cast<int>(wide);
  return true;
}

bool JsonFields::take(const Json& value, std::uint64_t& out) {
  if (!value.is_number_unsigned()) return false;
  out = value.get<std::uint64_t>();
  return true;
}

bool JsonFields::take(const Json& value, double& out) {
  if (!value.is_number()) return false;
  out = value.get<double>();
  return true;
}

bool JsonFields::take(const Json& value, std::string& out) {
  if (!value.is_string()) return false;
  out = value.get<std::string>();
  return true;
}

bool JsonFields::take(const Json& value, base::Hash128& out) {
  std::string hex;
  if (!take(value, hex)) return false;
  const auto hash = base::Hash128::fromHex(hex);
  if (hash) out = *hash;
  return hash.has_value();
}

bool JsonFields::take(const Json& value, std::vector<base::TokenId>& out) {
  if (!value.is_string()) return false;
  const auto bytes = fromBase64(value.get_ref<const std::string&>());
  if (!bytes || bytes->size() % sizeof(base::TokenId) != 0) return false;
  out.resize(bytes->size() / sizeof(base::TokenId));
  if (!out.empty()) std::memcpy(out.data(), bytes->data(), bytes->size());
  return true;
}

bool JsonFields::take(const Json& value, base::TokenRange& out) {
  return value.is_array() && value.size() == 2 && take(value[0], out.begin) &&
         take(value[1], out.end) && 0 <= out.begin && out.begin <= out.end;
}

bool JsonFields::take(const Json& value, base::ByteRange& out) {
  base::TokenRange range;
  if (!take(value, range)) return false;
  out = {static_cast<std::size_t>(range.begin), static_cast<std::size_t>(range.end)};
  return true;
}

bool JsonFields::take(const Json& value, base::Box& out) {
  return value.is_array() && value.size() == 4 && take(value[0], out.x0) &&
         take(value[1], out.y0) && take(value[2], out.x1) && take(value[3], out.y1);
}

std::string tokensToBase64(std::span<const base::TokenId> tokens) {
  return toBase64(std::as_bytes(tokens));
}

Json errorToJson(const base::Error& error) {
  return Json{{"code", std::string(base::errorCodeName(error.code))},
              {"message", error.message},
              {"hint", error.hint}};
}

base::Error errorFromJson(const Json& json) {
  base::Error error{ErrorCode::kInternal, "an error without a description", ""};
  std::string name;
  JsonFields fields(json);
  fields.maybe("code", name);
  fields.maybe("message", error.message);
  fields.maybe("hint", error.hint);
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code)
    if (base::errorCodeName(static_cast<ErrorCode>(code)) == name)
      error.code = static_cast<ErrorCode>(code);
  return error;
}

std::string dumpJson(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Characters that are not ASCII occur in strings only, so the text can be rewritten as it stands.
std::string asciiJson(std::string_view json) {
  std::string ascii;
  ascii.reserve(json.size());
  const auto escape = [&ascii](unsigned unit) {
    char text[8];
    std::snprintf(text, sizeof text, "\\u%04x", unit);
    ascii += text;
  };
  const auto escapeAll = [&escape](const std::string& valid) {
    for (std::size_t at = 0; at < valid.size();) {
      const char32_t point = engine::nextCodePoint(valid, at);
      if (point < 0x10000) {
        escape(point);
      } else {  // a pair of surrogates
        escape(0xD800 + ((point - 0x10000) >> 10));
        escape(0xDC00 + ((point - 0x10000) & 0x3FF));
      }
    }
  };
  const auto isAscii = [](char c) { return (c & 0x80) == 0; };
  // Nearly all of a long answer is ASCII and copied as it is.
  for (auto begin = json.begin(); begin != json.end();) {
    const auto other = std::find_if_not(begin, json.end(), isAscii);
    ascii.append(begin, other);
    begin = std::find_if(other, json.end(), isAscii);
    escapeAll(engine::repairUtf8(std::string_view(other, begin)));
  }
  return ascii;
}

}  // namespace app
