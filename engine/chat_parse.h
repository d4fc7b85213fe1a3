// chat_parse.h: a completion of DeepSeek-V4 back to a message (spec §17.5). Stricter than the
// published parser: a call that was cut off, or markup inside a value, is an error, because calls
// are run.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/chat_encoding.h"

namespace engine {

struct ParsedCompletion {
  std::string reasoning;
  std::string content;
  std::vector<ChatToolCall> tool_calls;  // id is empty; arguments may be invalid JSON
  bool arguments_not_json = false;       // some call's arguments are; it must not be run
};

struct CompletionError {
  std::string code;        // "missing_end", "bad_invoke", ... as the golden data names them
  std::size_t offset = 0;  // in code points of the completion
  std::string message;
};

// `completion`: text after the prompt, with its end token spelled out. In thinking mode it begins
// inside the reasoning.
std::variant<ParsedCompletion, CompletionError> parseCompletion(std::string_view completion,
                                                                ThinkingMode thinking);

// {"text": "...", "thinking_mode": "chat"|"thinking"} to {"message": {...}} or
// {"error": {"code", "message", "offset"}}, in one line. kInvalidInput for other input.
base::Result<std::string> chatParseLine(std::string_view json);

}  // namespace engine
