// chat_request.cpp: conversations from and to the JSON of the command line.
#include <map>

#include "engine/chat_encoding.h"

namespace engine {
namespace {

using base::ErrorCode;
using base::Result;
using base::Status;

tl::unexpected<base::Error> refuse(std::string what) {
  return base::failure(ErrorCode::kInvalidInput, "chat request: " + std::move(what));
}

// A list of content parts as text: parts that are not text are named, not dropped.
std::string partText(const ChatJson& part) {
  const ChatJson* type = part.find("type");
  const std::string name = type != nullptr && type->isString() ? type->text : "part";
  const ChatJson* text = part.find("text");
  if (name == "text") return text != nullptr && text->isString() ? text->text : "";
  return "[Unsupported " + name + "]";
}

Result<std::string> contentText(const ChatJson* content) {
  if (content == nullptr || content->isNull()) return std::string();
  if (content->isString()) return content->text;
  if (content->type != ChatJson::Type::kArray) return refuse("content is neither text nor a list");
  std::string text;
  for (std::size_t i = 0; i < content->items.size(); ++i)
    text += (i > 0 ? "\n\n" : "") + partText(content->items[i]);
  return text;
}

Result<std::string> stringField(const ChatJson& object, std::string_view key) {
  const ChatJson* value = object.find(key);
  if (value == nullptr || value->isNull()) return std::string();
  if (!value->isString()) return refuse(std::string(key) + " is not a string");
  return value->text;
}

Result<bool> boolField(const ChatJson& object, std::string_view key, bool otherwise) {
  const ChatJson* value = object.find(key);
  if (value == nullptr || value->isNull()) return otherwise;
  if (value->type != ChatJson::Type::kBool) return refuse(std::string(key) + " is not a boolean");
  return value->boolean;
}

Result<ChatToolCall> callFromJson(const ChatJson& json) {
  ChatToolCall call;
  TRY_ASSIGN(call.id, stringField(json, "id"));
  const ChatJson* function = json.find("function");
  const ChatJson& named = function != nullptr ? *function : json;
  TRY_ASSIGN(call.name, stringField(named, "name"));
  if (const ChatJson* arguments = named.find("arguments"))
    call.arguments = arguments->isString() ? arguments->text : dumpChatJson(*arguments);
  return call;
}

Result<ChatMessage> messageFromJson(const ChatJson& json) {
  if (json.type != ChatJson::Type::kObject) return refuse("a message is not an object");
  ChatMessage message;
  TRY_ASSIGN(message.role, stringField(json, "role"));
  TRY_ASSIGN(message.content, contentText(json.find("content")));
  TRY_ASSIGN(message.reasoning, stringField(json, "reasoning_content"));
  TRY_ASSIGN(message.tool_call_id, stringField(json, "tool_call_id"));
  TRY_ASSIGN(message.task, stringField(json, "task"));
  TRY_ASSIGN(message.without_end, boolField(json, "wo_eos", false));
  if (const ChatJson* calls = json.find("tool_calls")) {
    for (const ChatJson& call : calls->items) {
      TRY_ASSIGN(ChatToolCall parsed, callFromJson(call));
      message.tool_calls.push_back(std::move(parsed));
    }
  }
  if (const ChatJson* tools = json.find("tools")) message.tools = tools->items;
  if (const ChatJson* format = json.find("response_format"); format != nullptr && !format->isNull())
    message.response_format = *format;
  return message;
}

Result<std::vector<ChatMessage>> messagesFromJson(const ChatJson& json) {
  if (json.type != ChatJson::Type::kArray) return refuse("messages are not a list");
  std::vector<ChatMessage> messages;
  for (const ChatJson& item : json.items) {
    TRY_ASSIGN(ChatMessage message, messageFromJson(item));
    messages.push_back(std::move(message));
  }
  return messages;
}

template <class T>
Status chooseField(const ChatJson& object, std::string_view key,
                   const std::map<std::string_view, T>& choices, T& target) {
  TRY_ASSIGN(const std::string name, stringField(object, key));
  if (name.empty()) return {};
  const auto found = choices.find(name);
  if (found == choices.end()) return refuse("unknown " + std::string(key));
  target = found->second;
  return {};
}

Status readOptions(const ChatJson& json, ChatRequest& request) {
  ChatOptions& options = request.options;
  TRY((chooseField<ThinkingMode>(
      json, "thinking_mode", {{"chat", ThinkingMode::kChat}, {"thinking", ThinkingMode::kThinking}},
      options.thinking)));
  TRY((chooseField<ReasoningEffort>(json, "reasoning_effort",
                                    {{"low", ReasoningEffort::kLow},
                                     {"high", ReasoningEffort::kHigh},
                                     {"max", ReasoningEffort::kMax}},
                                    options.effort)));
  TRY((chooseField<ChatRelease>(json, "release",
                                {{"preview", ChatRelease::kPreview}, {"0731", ChatRelease::k0731}},
                                options.release)));
  TRY_ASSIGN(options.drop_thinking, boolField(json, "drop_thinking", options.drop_thinking));
  TRY_ASSIGN(options.add_bos, boolField(json, "add_bos", options.add_bos));
  if (const ChatJson* context = json.find("context"); context != nullptr && !context->isNull()) {
    TRY_ASSIGN(request.context, messagesFromJson(*context));
  }
  return {};
}

}  // namespace

Result<ChatRequest> chatRequestFromJson(std::string_view text) {
  TRY_ASSIGN(const ChatJson json, parseChatJson(text));
  ChatRequest request;
  const bool bare = json.type == ChatJson::Type::kArray;
  const ChatJson* messages = bare ? &json : json.find("messages");
  if (messages == nullptr) return refuse("no messages");
  TRY_ASSIGN(request.messages, messagesFromJson(*messages));
  if (bare) return request;
  TRY(readOptions(json, request));
  if (const ChatJson* options = json.find("options")) TRY(readOptions(*options, request));
  return request;
}

std::string chatPromptToJson(std::span<const PromptSegment> segments) {
  std::string out = "{\"prompt\": " + quoteChatJson(promptText(segments)) + ", \"segments\": [";
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (i > 0) out += ", ";
    out += segments[i].control ? "[1, " : "[0, ";
    out += quoteChatJson(segments[i].text) + "]";
  }
  return out + "]}";
}

}  // namespace engine
