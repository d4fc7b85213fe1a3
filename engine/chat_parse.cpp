#include "engine/chat_parse.h"

#include <algorithm>
#include <array>
#include <set>

#include "engine/utf8.h"

namespace engine {
namespace {

using base::ErrorCode;
using base::Result;

constexpr std::string_view kEos = "<｜end▁of▁sentence｜>", kEndThink = "</think>",
                           kDsml = "｜DSML｜", kCallsBegin = "\n\n<｜DSML｜tool_calls",
                           kCallsEnd = "</｜DSML｜tool_calls>", kInvoke = "<｜DSML｜invoke",
                           kInvokeEnd = "</｜DSML｜invoke", kParameter = "<｜DSML｜parameter",
                           kParameterEnd = "｜DSML｜parameter";
constexpr std::array<std::string_view, 5> kControlTokens = {"<｜begin▁of▁sentence｜>", kEos,
                                                            "<think>", kEndThink, kDsml};

// Functions return false after fail(), and the first failure is the result.
class CompletionParser {
 public:
  CompletionParser(std::string_view text, ThinkingMode thinking)
      : text_(text), thinking_(thinking == ThinkingMode::kThinking) {}

  std::variant<ParsedCompletion, CompletionError> parse() {
    if ((!thinking_ || readReasoning()) && readContent()) return std::move(parsed_);
    return std::move(error_);
  }

 private:
  bool fail(const char* code, std::size_t at, const char* message) {
    const auto n_points =
        std::count_if(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at),
                      [](char c) { return (c & 0xC0) != 0x80; });
    error_ = {code, static_cast<std::size_t>(n_points), message};
    return false;
  }

  bool take(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  // At the end, at the end token, or in the middle of `expected`: the completion was cut off.
  bool cutOff(std::string_view expected) const {
    const std::string_view rest = text_.substr(at_);
    return rest.starts_with(kEos) || (rest.size() < expected.size() && expected.starts_with(rest));
  }

  // text_[begin, end) as plain text; no token of the markup may stand in it.
  bool plain(std::size_t begin, std::size_t end, std::string& target) {
    std::size_t first = end;
    for (const std::string_view token : kControlTokens)
      first = std::min(first, text_.substr(0, end).find(token, begin));
    if (first < end) return fail("control_token_in_text", first, "a control token inside text");
    target = std::string(text_.substr(begin, end - begin));
    return true;
  }

  bool readReasoning() {
    const std::size_t end = text_.find(kEndThink), calls = text_.find(kCallsBegin);
    if (end == text_.npos || calls < end)
      return fail("missing_think_end", std::min(calls, text_.size()), "reasoning does not end");
    if (!plain(0, end, parsed_.reasoning)) return false;
    at_ = end + kEndThink.size();
    return true;
  }

  bool readContent() {
    const std::size_t end = text_.find(kEos, at_), calls = text_.find(kCallsBegin, at_);
    const std::size_t stop = std::min(end, calls);
    if (stop == text_.npos)
      return fail("missing_end", text_.size(), "neither an end token nor tool calls");
    if (!plain(at_, stop, parsed_.content)) return false;
    at_ = stop;
    if (calls < end) {
      at_ += kCallsBegin.size();
      if (!readCalls()) return false;
      if (at_ == text_.size()) return true;
      if (!text_.substr(at_).starts_with(kEos))
        return fail("text_after_calls", at_, "something follows the tool calls");
    }
    at_ += kEos.size();
    return at_ == text_.size() || fail("text_after_end", at_, "something follows the end token");
  }

  bool readCalls() {
    if (!take(">\n")) return fail("bad_tool_calls", at_, "'>' and a line feed expected");
    while (!take(kCallsEnd)) {
      if (text_.substr(at_).starts_with(kInvoke)) {
        if (!readInvoke()) return false;
      } else if (cutOff(kCallsEnd) || cutOff(kInvoke)) {
        return fail("unclosed_tool_calls", at_, "tool calls do not end");
      } else {
        return fail("bad_tool_calls", at_, "a call or the end of the calls expected");
      }
    }
    return true;
  }

  // ` name="` ... `">\n`; markup inside the name is an error of its own.
  bool readInvokeName(std::size_t tag, std::string& name) {
    const auto bad = [&] { return fail("bad_invoke", tag, "a call is not as specified"); };
    if (!take(" name=\"")) return cutOff(" name=\"") ? unclosedInvoke(tag) : bad();
    const std::size_t end = text_.find("\">\n", at_), markup = text_.find(kDsml, at_);
    if (end == text_.npos && markup == text_.npos) return unclosedInvoke(tag);
    if (markup < end) return text_.find('"', at_) < markup ? bad() : nested(markup);
    name = std::string(text_.substr(at_, end - at_));
    at_ = end + 3;
    return true;
  }

  bool unclosedInvoke(std::size_t at) { return fail("unclosed_invoke", at, "a call does not end"); }
  bool nested(std::size_t at) { return fail("nested_tag", at, "markup inside a name or value"); }

  bool readInvoke() {
    ChatToolCall call;
    const std::size_t tag = at_;
    at_ += kInvoke.size();
    if (!readInvokeName(tag, call.name)) return false;

    std::set<std::string> names;
    std::string arguments;
    if (text_.substr(at_).starts_with("\n</｜DSML｜invoke")) ++at_;  // no arguments: an empty line
    while (!text_.substr(at_).starts_with(kInvokeEnd)) {
      if (!text_.substr(at_).starts_with(kParameter)) {
        if (cutOff(kParameter) || cutOff(kInvokeEnd)) return unclosedInvoke(at_);
        return fail("bad_invoke", at_, "a parameter or the end of the call expected");
      }
      if (!readParameter(names, arguments)) return false;
    }
    const std::size_t end_tag = at_ + 2;
    at_ += kInvokeEnd.size();
    if (!take(">\n")) {
      if (cutOff(">\n")) return unclosedInvoke(at_);
      return fail("bad_invoke", end_tag, "a call is not as specified");
    }
    call.arguments = "{" + arguments + "}";
    if (!parseChatJson(call.arguments)) parsed_.arguments_not_json = true;
    parsed_.tool_calls.push_back(std::move(call));
    return true;
  }

  bool readParameter(std::set<std::string>& names, std::string& arguments) {
    const std::size_t tag = at_;
    const auto unclosed = [&] {
      return fail("unclosed_parameter", tag, "a parameter does not end");
    };
    const auto bad = [&](std::size_t at) {
      return fail("bad_parameter", at, "a parameter is not as specified");
    };
    at_ += kParameter.size();
    if (!take(" name=\"")) return cutOff(" name=\"") ? unclosed() : bad(tag);

    constexpr std::string_view kString = "\" string=\"true\">", kOther = "\" string=\"false\">";
    const std::size_t as_string = text_.find(kString, at_), as_other = text_.find(kOther, at_);
    const std::size_t end = std::min(as_string, as_other), markup = text_.find(kDsml, at_);
    if (end == text_.npos && markup == text_.npos) return unclosed();
    if (markup < end) return text_.find('"', at_) < markup ? bad(tag) : nested(markup);
    std::string name(text_.substr(at_, end - at_));
    at_ = end + (as_string < as_other ? kString.size() : kOther.size());

    const std::size_t close = text_.find(kDsml, at_);
    if (close == text_.npos) return unclosed();
    if (close < at_ + 2 || text_.substr(close - 2, 2) != "</" ||
        !text_.substr(close).starts_with(kParameterEnd))
      return nested(close);
    const std::string_view value = text_.substr(at_, close - 2 - at_);
    at_ = close + kParameterEnd.size();
    if (!take(">\n")) return cutOff(">\n") ? unclosed() : bad(close);

    if (!names.insert(name).second)
      return fail("duplicate_parameter", tag, "a parameter appears twice");
    if (!arguments.empty()) arguments += ", ";
    arguments += quoteChatJson(name) + ": ";
    arguments += as_string < as_other ? quoteChatJson(value) : std::string(value);
    return true;
  }

  const std::string_view text_;
  const bool thinking_;
  std::size_t at_ = 0;
  ParsedCompletion parsed_;
  CompletionError error_;
};

}  // namespace

std::variant<ParsedCompletion, CompletionError> parseCompletion(std::string_view completion,
                                                                ThinkingMode thinking) {
  return CompletionParser(completion, thinking).parse();
}

Result<std::string> chatParseLine(std::string_view line) {
  TRY_ASSIGN(const ChatJson json, parseChatJson(line));
  const ChatJson* text = json.find("text");
  if (text == nullptr || !text->isString())
    return base::failure(ErrorCode::kInvalidInput, "chat-parse: no \"text\" in the line");
  ThinkingMode thinking = ThinkingMode::kThinking;
  if (const ChatJson* mode = json.find("thinking_mode"); mode != nullptr && mode->text == "chat")
    thinking = ThinkingMode::kChat;

  const auto result = parseCompletion(text->text, thinking);
  if (const auto* error = std::get_if<CompletionError>(&result))
    return "{\"error\": {\"code\": " + quoteChatJson(error->code) +
           ", \"message\": " + quoteChatJson(error->message) +
           ", \"offset\": " + std::to_string(error->offset) + "}}";
  const auto& parsed = std::get<ParsedCompletion>(result);
  std::string calls;
  for (const ChatToolCall& call : parsed.tool_calls)
    calls += (calls.empty() ? "" : ", ") +
             ("{\"type\": \"function\", \"function\": {\"name\": " + quoteChatJson(call.name) +
              ", \"arguments\": " + quoteChatJson(call.arguments) + "}}");
  return "{\"message\": {\"role\": \"assistant\", \"content\": " + quoteChatJson(parsed.content) +
         ", \"reasoning_content\": " + quoteChatJson(parsed.reasoning) + ", \"tool_calls\": [" +
         calls + "]}" + (parsed.arguments_not_json ? ", \"arguments_not_json\": true}" : "}");
}

}  // namespace engine
