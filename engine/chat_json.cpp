#include "engine/chat_json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>

#include "engine/utf8.h"

namespace engine {
namespace {

using base::ErrorCode;
using base::Result;
using base::Status;

constexpr int kDepthMax = 256;

void appendUtf8(std::string& text, char32_t c) {
  if (c >= 0xD800 && c < 0xE000) c = 0xFFFD;
  if (c < 0x80) {
    text += static_cast<char>(c);
  } else if (c < 0x800) {
    text += static_cast<char>(0xC0 | c >> 6);
    text += static_cast<char>(0x80 | (c & 63));
  } else if (c < 0x10000) {
    text += static_cast<char>(0xE0 | c >> 12);
    text += static_cast<char>(0x80 | (c >> 6 & 63));
    text += static_cast<char>(0x80 | (c & 63));
  } else {
    text += static_cast<char>(0xF0 | c >> 18);
    text += static_cast<char>(0x80 | (c >> 12 & 63));
    text += static_cast<char>(0x80 | (c >> 6 & 63));
    text += static_cast<char>(0x80 | (c & 63));
  }
}

bool isDigit(char c) { return c >= '0' && c <= '9'; }

class Parser {
 public:
  explicit Parser(std::string_view json) : json_(json) {}

  Result<ChatJson> parse() {
    TRY_ASSIGN(ChatJson value, parseValue(0));
    skipBlanks();
    if (at_ != json_.size()) return refuse("something follows the value");
    return value;
  }

 private:
  tl::unexpected<base::Error> refuse(const char* what) const {
    return base::failure(ErrorCode::kInvalidInput,
                         "JSON: " + std::string(what) + " at byte " + std::to_string(at_));
  }

  void skipBlanks() {
    while (at_ < json_.size() && std::string_view(" \t\n\r").find(json_[at_]) != json_.npos) ++at_;
  }

  bool take(std::string_view word) {
    if (!json_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  Result<ChatJson> parseValue(int depth) {
    if (depth > kDepthMax) return refuse("nested too deeply");
    skipBlanks();
    ChatJson value;
    if (take("null")) return value;
    if (take("true") || take("false")) {
      value.type = ChatJson::Type::kBool;
      value.boolean = json_[at_ - 2] == 'u';
      return value;
    }
    if (take("{")) return parseObject(depth);
    if (take("[")) return parseArray(depth);
    if (take("\"")) {
      TRY_ASSIGN(std::string text, parseString());
      return ChatJson::string(std::move(text));
    }
    value.type = ChatJson::Type::kFloat;
    value.number = std::numeric_limits<double>::infinity();
    if (take("Infinity")) return value;
    value.number = -value.number;
    if (take("-Infinity")) return value;
    value.number = std::numeric_limits<double>::quiet_NaN();
    if (take("NaN")) return value;
    return parseNumber();
  }

  Result<ChatJson> parseArray(int depth) {
    ChatJson value;
    value.type = ChatJson::Type::kArray;
    skipBlanks();
    if (take("]")) return value;
    while (true) {
      TRY_ASSIGN(ChatJson item, parseValue(depth + 1));
      value.items.push_back(std::move(item));
      skipBlanks();
      if (take("]")) return value;
      if (!take(",")) return refuse("',' or ']' expected");
    }
  }

  Result<ChatJson> parseObject(int depth) {
    ChatJson value;
    value.type = ChatJson::Type::kObject;
    skipBlanks();
    if (take("}")) return value;
    while (true) {
      skipBlanks();
      if (!take("\"")) return refuse("a key expected");
      TRY_ASSIGN(std::string key, parseString());
      skipBlanks();
      if (!take(":")) return refuse("':' expected");
      TRY_ASSIGN(ChatJson item, parseValue(depth + 1));
      const auto known = std::find_if(value.members.begin(), value.members.end(),
                                      [&](const auto& member) { return member.first == key; });
      if (known != value.members.end()) {
        known->second = std::move(item);
      } else {
        value.members.emplace_back(std::move(key), std::move(item));
      }
      skipBlanks();
      if (take("}")) return value;
      if (!take(",")) return refuse("',' or '}' expected");
    }
  }

  Result<char32_t> parseHex() {
    if (json_.size() - at_ < 4) return refuse("four hexadecimal digits expected");
    std::uint32_t code = 0;
    const char* begin = json_.data() + at_;
    if (std::from_chars(begin, begin + 4, code, 16).ptr != begin + 4)
      return refuse("four hexadecimal digits expected");
    at_ += 4;
    return code;
  }

  Result<std::string> parseString() {
    std::string text;
    while (true) {
      if (at_ == json_.size()) return refuse("the string does not end");
      const char c = json_[at_];
      if (static_cast<unsigned char>(c) < 0x20) return refuse("control character in a string");
      ++at_;
      if (c == '"') return text;
      if (c != '\\') {
        text += c;
        continue;
      }
      if (at_ == json_.size()) return refuse("the string does not end");
      const char escape = json_[at_++];
      constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
      if (const std::size_t i = kFrom.find(escape); i != kFrom.npos) {
        text += kTo[i];
        continue;
      }
      if (escape != 'u') return refuse("unknown escape");
      TRY_ASSIGN(char32_t code, parseHex());
      if (code >= 0xD800 && code < 0xDC00 && json_.substr(at_).starts_with("\\u")) {
        const std::size_t before = at_;
        at_ += 2;
        TRY_ASSIGN(const char32_t low, parseHex());
        if (low >= 0xDC00 && low < 0xE000) {
          code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        } else {
          at_ = before;
        }
      }
      appendUtf8(text, code);
    }
  }

  Result<ChatJson> parseNumber() {
    const std::size_t begin = at_;
    const auto digits = [&] {
      const std::size_t first = at_;
      while (at_ < json_.size() && isDigit(json_[at_])) ++at_;
      return at_ - first;
    };
    take("-");
    if (!take("0") && digits() == 0) return refuse("a value expected");
    ChatJson value;
    value.type = ChatJson::Type::kInteger;
    if (at_ + 1 < json_.size() && json_[at_] == '.' && isDigit(json_[at_ + 1])) {
      value.type = ChatJson::Type::kFloat;
      ++at_;
      digits();
    }
    if (const std::size_t before = at_; take("e") || take("E")) {
      if (!take("-")) take("+");
      if (digits() == 0) {
        at_ = before;
      } else {
        value.type = ChatJson::Type::kFloat;
      }
    }
    value.text = std::string(json_.substr(begin, at_ - begin));
    if (value.type == ChatJson::Type::kInteger) {
      if (value.text == "-0") value.text = "0";
      return value;
    }
    // Out of range, from_chars leaves the value alone; strtod says infinity or zero as Python does.
    value.number = std::strtod(value.text.c_str(), nullptr);
    value.text.clear();
    return value;
  }

  std::string_view json_;
  std::size_t at_ = 0;
};

// repr() of a Python float: the shortest digits that read back as the same number.
std::string floatText(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
  std::array<char, 40> buffer;
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number,
                                          std::chars_format::scientific);
  std::string_view text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
  std::string sign;
  if (text.starts_with('-')) sign = "-", text.remove_prefix(1);
  const std::size_t e = text.find('e');
  int exponent = 0;
  const std::string_view exponent_text = text.substr(e + (text[e + 1] == '+' ? 2 : 1));
  std::from_chars(exponent_text.data(), exponent_text.data() + exponent_text.size(), exponent);
  std::string digits(text.substr(0, 1));
  if (e > 2) digits += text.substr(2, e - 2);
  const int n = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    std::string tail = std::to_string(std::abs(exponent));
    if (tail.size() < 2) tail.insert(0, "0");
    return sign + digits.substr(0, 1) + (n > 1 ? "." + digits.substr(1) : "") +
           (exponent < 0 ? "e-" : "e+") + tail;
  }
  if (exponent < 0)
    return sign + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  if (n <= exponent + 1)
    return sign + digits + std::string(static_cast<std::size_t>(exponent + 1 - n), '0') + ".0";
  const auto n_whole = static_cast<std::size_t>(exponent) + 1;
  return sign + digits.substr(0, n_whole) + "." + digits.substr(n_whole);
}

void dump(const ChatJson& value, std::string& out) {
  switch (value.type) {
    case ChatJson::Type::kNull:
      out += "null";
      break;
    case ChatJson::Type::kBool:
      out += value.boolean ? "true" : "false";
      break;
    case ChatJson::Type::kInteger:
      out += value.text;
      break;
    case ChatJson::Type::kFloat:
      out += floatText(value.number);
      break;
    case ChatJson::Type::kString:
      out += quoteChatJson(value.text);
      break;
    case ChatJson::Type::kArray:
      out += '[';
      for (std::size_t i = 0; i < value.items.size(); ++i) {
        if (i > 0) out += ", ";
        dump(value.items[i], out);
      }
      out += ']';
      break;
    case ChatJson::Type::kObject:
      out += '{';
      for (std::size_t i = 0; i < value.members.size(); ++i) {
        if (i > 0) out += ", ";
        out += quoteChatJson(value.members[i].first);
        out += ": ";
        dump(value.members[i].second, out);
      }
      out += '}';
      break;
  }
}

}  // namespace

const ChatJson* ChatJson::find(std::string_view key) const {
  for (const auto& [name, value] : members)
    if (name == key) return &value;
  return nullptr;
}

ChatJson ChatJson::string(std::string text) {
  ChatJson value;
  value.type = Type::kString;
  value.text = std::move(text);
  return value;
}

Result<ChatJson> parseChatJson(std::string_view json) {
  if (const std::size_t at = firstInvalidUtf8(json); at != std::string_view::npos)
    return base::failure(ErrorCode::kInvalidInput, "JSON: not UTF-8 at byte " + std::to_string(at));
  return Parser(json).parse();
}

std::string dumpChatJson(const ChatJson& value) {
  std::string out;
  dump(value, out);
  return out;
}

std::string quoteChatJson(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    constexpr std::string_view kFrom = "\"\\\b\f\n\r\t", kTo = "\"\\bfnrt";
    if (const std::size_t i = kFrom.find(c); i != kFrom.npos) {
      out += '\\';
      out += kTo[i];
    } else if (static_cast<unsigned char>(c) < 0x20) {
      std::array<char, 8> escape;
      std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(c));
      out += escape.data();
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace engine
