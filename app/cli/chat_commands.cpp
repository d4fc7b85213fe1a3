// lectern chat-encode: messages to the prompt the model reads. lectern chat-parse: its completion
// back to a message.
#include <memory>

#include <CLI/CLI.hpp>

#include "app/cli/command_line.h"
#include "app/cli/commands.h"
#include "app/cli/json_lines.h"
#include "app/json_fields.h"
#include "engine/chat_encoding.h"
#include "engine/chat_parse.h"

namespace app {

using base::Result;
using engine::Json;

namespace {

// With a tokenizer also the ids: control tokens only where the template wrote them.
Result<std::string> encodeLine(const std::string& line, const engine::Tokenizer* tokenizer) {
  TRY_ASSIGN(const engine::ChatRequest request, engine::chatRequestFromJson(line));
  TRY_ASSIGN(const auto segments,
             engine::encodeChat(request.messages, request.options, request.context));
  std::string prompt = engine::chatPromptToJson(segments);
  if (tokenizer == nullptr) return prompt;
  TRY_ASSIGN(const auto ids, engine::promptIds(*tokenizer, segments));
  prompt.pop_back();  // the closing brace
  return prompt + ", \"ids\": " + dumpJson(ids) + "}";
}

}  // namespace

void addChatEncodeCommand(CommandLine& line) {
  auto with_ids = std::make_shared<bool>(false);
  CLI::App& app = line.add(
      "chat-encode", "JSON lines of messages to {\"prompt\"}",
      [with_ids](const Invocation& invocation) -> Result<int> {
        std::shared_ptr<const engine::Tokenizer> tokenizer;
        if (*with_ids) {
          TRY_ASSIGN(const Paths paths, invocation.paths());
          TRY_ASSIGN(tokenizer, engine::Tokenizer::open(paths.model));
        }
        return forEachLine(invocation, [&](const std::string& text) {
          return encodeLine(text, tokenizer.get());
        });
      });
  app.add_flag("--ids", *with_ids, "Also the token ids");
}

void addChatParseCommand(CommandLine& line) {
  line.add("chat-parse", "JSON lines of completions to messages",
           [](const Invocation& invocation) {
             return forEachLine(invocation, engine::chatParseLine);
           });
}

}  // namespace app
