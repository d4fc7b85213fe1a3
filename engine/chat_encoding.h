// chat_encoding.h: a conversation to the prompt of DeepSeek-V4 (spec §17): roles, tool results,
// DSML tool calls, thinking modes, tasks. The result is a list of segments: control tokens written
// by the template, and text. Only the former become control tokens, whatever the text spells.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/chat_json.h"
#include "engine/context_builder.h"
#include "engine/tokenizer.h"

namespace engine {

enum class ReasoningEffort { kNone, kLow, kHigh, kMax };
enum class ChatRelease { kPreview, k0731 };  // they differ in what an effort means

struct ChatOptions {
  ThinkingMode thinking = ThinkingMode::kThinking;
  bool drop_thinking = true;  // forget the reasoning of earlier turns (never with tools)
  ReasoningEffort effort = ReasoningEffort::kNone;
  ChatRelease release = ChatRelease::kPreview;
  bool add_bos = true;
};

struct ChatToolCall {
  std::string id;
  std::string name;
  std::string arguments;  // JSON text as the model or client wrote it
};

// One part of a message's content: text, a tool result, or a kind this encoding cannot show.
struct ChatBlock {
  enum class Kind { kText, kToolResult };
  Kind kind = Kind::kText;
  std::string text;
  std::string tool_call_id;  // kToolResult
};

struct ChatMessage {
  std::string role;
  std::string content;
  std::vector<ChatBlock> blocks;  // user messages that were given or merged as blocks
  std::string reasoning;
  std::vector<ChatToolCall> tool_calls;
  std::string tool_call_id;     // role tool
  std::vector<ChatJson> tools;  // OpenAI tool objects
  std::optional<ChatJson> response_format;
  std::string task;          // "" or one of spec §17.6
  bool without_end = false;  // wo_eos
};

struct PromptSegment {
  bool control = false;
  std::string text;
  bool operator==(const PromptSegment&) const = default;
};

// `context`: messages before, already rendered elsewhere; they take part in the rules about
// thinking and earlier calls, and no BOS is written. kInvalidInput for unknown roles or tasks.
base::Result<std::vector<PromptSegment>> encodeChat(std::span<const ChatMessage> messages,
                                                    const ChatOptions& options,
                                                    std::span<const ChatMessage> context = {});

std::string promptText(std::span<const PromptSegment> segments);
// kNotFound when the vocabulary lacks a control token of the template.
base::Result<std::vector<TokenId>> promptIds(const Tokenizer& tokenizer,
                                             std::span<const PromptSegment> segments);

struct ChatRequest {
  std::vector<ChatMessage> messages;
  std::vector<ChatMessage> context;
  ChatOptions options;
};

// {"messages": [...], "options": {thinking_mode, drop_thinking, reasoning_effort, release, add_bos,
// context}} or a bare array of messages.
base::Result<ChatRequest> chatRequestFromJson(std::string_view json);
// {"prompt": "...", "segments": [[is_control, text], ...]}, in one line.
std::string chatPromptToJson(std::span<const PromptSegment> segments);

}  // namespace engine
