// chat_json.h: JSON values of the chat encoding (spec §17.4): read and written exactly as Python's
// json module does with ensure_ascii=False, because prompts are compared byte for byte: keys keep
// their order, the last of equal keys wins, integers keep all digits, floats are written as repr().
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/result.h"

namespace engine {

struct ChatJson {
  enum class Type { kNull, kBool, kInteger, kFloat, kString, kArray, kObject };
  Type type = Type::kNull;
  bool boolean = false;
  double number = 0;            // kFloat; may be an infinity or NaN
  std::string text;             // kString: its UTF-8; kInteger: its digits
  std::vector<ChatJson> items;  // kArray
  std::vector<std::pair<std::string, ChatJson>> members;  // kObject, in order of first appearance

  // nullptr when this is no object or has no such key.
  const ChatJson* find(std::string_view key) const;
  bool isString() const { return type == Type::kString; }
  bool isNull() const { return type == Type::kNull; }
  static ChatJson string(std::string text);
};

// kInvalidInput with the byte offset; nesting deeper than 256 is refused. Lone surrogates become
// U+FFFD.
base::Result<ChatJson> parseChatJson(std::string_view json);
std::string dumpChatJson(const ChatJson& value);

// `text` as a JSON string, quotes included, non-ASCII characters as they are.
std::string quoteChatJson(std::string_view text);

}  // namespace engine
