#include "engine/chat_encoding.h"

#include <algorithm>
#include <array>
#include <map>

namespace engine {
namespace {

using base::ErrorCode;
using base::Result;
using base::Status;

constexpr std::string_view kBos = "<｜begin▁of▁sentence｜>", kEos = "<｜end▁of▁sentence｜>",
                           kUser = "<｜User｜>", kAssistant = "<｜Assistant｜>", kThink = "<think>",
                           kEndThink = "</think>", kDsml = "｜DSML｜",
                           kReminder = "<｜latest_reminder｜>", kAction = "<｜action｜>";

// Preview "max" and 0731 "high".
constexpr std::string_view kAbsoluteMaximum =
    "Reasoning Effort: Absolute maximum with no shortcuts permitted.\n"
    "You MUST be very thorough in your thinking and comprehensively decompose the problem to "
    "resolve the root cause, rigorously stress-testing your logic against all potential paths, "
    "edge cases, and adversarial scenarios.\n"
    "Explicitly write out your entire deliberation process, documenting every intermediate step, "
    "considered alternative, and rejected hypothesis to ensure absolutely no assumption is left "
    "unchecked.\n\n";
// 0731 "max".
constexpr std::string_view kBeyondMaximum =
    "Reasoning Effort: Beyond maximum — exhaustive, relentless, and uncompromising.\n"
    "You MUST reason with the utmost depth and rigor, leaving absolutely nothing to chance: "
    "exhaustively decompose the problem into its most fundamental components, trace every causal "
    "chain to its root, and resolve the underlying cause rather than any surface symptom.\n"
    "Do not stop reasoning until you have independently verified the solution from multiple angles "
    "and are certain that no assumption remains unchecked and no error remains undiscovered.\n\n";

constexpr std::string_view kToolsBegin =
    R"(## Tools

You have access to a set of tools to help answer the user's question. You can invoke tools by writing a "<｜DSML｜tool_calls>" block like the following:

<｜DSML｜tool_calls>
<｜DSML｜invoke name="$TOOL_NAME">
<｜DSML｜parameter name="$PARAMETER_NAME" string="true|false">$PARAMETER_VALUE</｜DSML｜parameter>
...
</｜DSML｜invoke>
<｜DSML｜invoke name="$TOOL_NAME2">
...
</｜DSML｜invoke>
</｜DSML｜tool_calls>

String parameters should be specified as is and set `string="true"`. For all other types (numbers, booleans, arrays, objects), pass the value in JSON format and set `string="false"`.

If thinking_mode is enabled (triggered by <think>), you MUST output your complete reasoning inside <think>...</think> BEFORE any tool calls or final response.

Otherwise, output directly after </think> with tool calls or final response.

### Available Tool Schemas

)";
constexpr std::string_view kToolsEnd =
    "\n\nYou MUST strictly follow the above defined tool name and parameter schemas to invoke tool "
    "calls.\n";
constexpr std::string_view kResponseFormat =
    "## Response Format:\n\nYou MUST strictly adhere to the following schema to reply:\n";

// Collects segments: text next to text becomes one, empty text none.
class Prompt {
 public:
  void control(std::string_view token) { segments_.push_back({true, std::string(token)}); }
  void text(std::string_view text) {
    if (text.empty()) return;
    if (segments_.empty() || segments_.back().control) segments_.push_back({});
    segments_.back().text += text;
  }
  // Text of our own, in which the spellings of DSML and thinking tokens are these tokens.
  void templateText(std::string_view text) {
    while (!text.empty()) {
      std::size_t first = text.npos;
      std::string_view token;
      for (const std::string_view candidate : {kDsml, kThink, kEndThink})
        if (const std::size_t at = text.find(candidate); at < first) first = at, token = candidate;
      this->text(text.substr(0, first));
      if (token.empty()) return;
      control(token);
      text.remove_prefix(first + token.size());
    }
  }
  std::vector<PromptSegment> take() { return std::move(segments_); }

 private:
  std::vector<PromptSegment> segments_;
};

bool isUserLike(const ChatMessage& message) {
  return message.role == "user" || message.role == "developer";
}

// Spec §17.3, step 1: tool results and neighbouring user messages become one user turn.
std::vector<ChatMessage> mergeUserTurns(std::span<const ChatMessage> messages) {
  std::vector<ChatMessage> merged;
  for (const ChatMessage& message : messages) {
    const bool tool = message.role == "tool";
    if (!tool && message.role != "user") {
      merged.push_back(message);
      continue;
    }
    std::vector<ChatBlock> blocks = message.blocks;
    if (tool) {
      blocks = {{ChatBlock::Kind::kToolResult, message.content, message.tool_call_id}};
    } else if (blocks.empty()) {
      blocks = {{ChatBlock::Kind::kText, message.content, ""}};
    }
    const bool joins =
        !merged.empty() && merged.back().role == "user" && (tool || merged.back().task.empty());
    if (!joins) {
      merged.push_back({});
      merged.back().role = "user";
      if (!tool) {
        merged.back().task = message.task;
        merged.back().without_end = message.without_end;
      }
    }
    auto& target = merged.back().blocks;
    target.insert(target.end(), blocks.begin(), blocks.end());
  }
  return merged;
}

// Step 2: results in the order of the calls they answer; text blocks keep their places.
void sortToolResults(std::vector<ChatMessage>& messages) {
  std::map<std::string, std::size_t> order;
  for (ChatMessage& message : messages) {
    if (message.role == "assistant" && !message.tool_calls.empty()) {
      order.clear();
      for (std::size_t i = 0; i < message.tool_calls.size(); ++i)
        if (!message.tool_calls[i].id.empty()) order[message.tool_calls[i].id] = i;
    }
    if (message.role != "user" || order.empty()) continue;
    std::vector<ChatBlock> results;
    for (const ChatBlock& block : message.blocks)
      if (block.kind == ChatBlock::Kind::kToolResult) results.push_back(block);
    if (results.size() < 2) continue;
    const auto rank = [&](const ChatBlock& block) {
      const auto found = order.find(block.tool_call_id);
      return found == order.end() ? std::size_t{0} : found->second;
    };
    std::stable_sort(results.begin(), results.end(),
                     [&](const ChatBlock& a, const ChatBlock& b) { return rank(a) < rank(b); });
    auto next = results.begin();
    for (ChatBlock& block : message.blocks)
      if (block.kind == ChatBlock::Kind::kToolResult) block = *next++;
  }
}

int lastUser(std::span<const ChatMessage> messages) {
  for (int i = static_cast<int>(messages.size()) - 1; i >= 0; --i)
    if (isUserLike(messages[static_cast<std::size_t>(i)])) return i;
  return -1;
}

// Step 4: what earlier turns thought is forgotten.
std::vector<ChatMessage> dropThinking(std::span<const ChatMessage> messages) {
  const int last_user = lastUser(messages);
  std::vector<ChatMessage> kept;
  for (int i = 0; i < static_cast<int>(messages.size()); ++i) {
    const ChatMessage& message = messages[static_cast<std::size_t>(i)];
    if (i >= last_user || message.role == "system" || message.role == "user" ||
        message.role == "latest_reminder") {
      kept.push_back(message);
    } else if (message.role == "assistant") {
      kept.push_back(message);
      kept.back().reasoning.clear();
    }
  }
  return kept;
}

class Renderer {
 public:
  Renderer(const std::vector<ChatMessage>& messages, const ChatOptions& options, Prompt& prompt)
      : messages_(messages),
        options_(options),
        last_user_(lastUser(messages)),
        thinking_(options.thinking == ThinkingMode::kThinking),
        prompt_(prompt) {}

  void render(int i) {
    const ChatMessage& message = at(i);
    if (i == 0 && thinking_) prompt_.text(effortText());
    if (message.role == "system" || message.role == "developer") {
      if (message.role == "developer") prompt_.control(kUser);
      prompt_.text(message.content);
      renderTools(message);
    } else if (message.role == "user") {
      prompt_.control(kUser);
      renderBlocks(message);
    } else if (message.role == "latest_reminder") {
      prompt_.control(kReminder);
      prompt_.text(message.content);
    } else {
      renderAssistant(message, i);
    }
    renderTransition(message, i);
  }

 private:
  const ChatMessage& at(int i) const { return messages_[static_cast<std::size_t>(i)]; }

  std::string_view effortText() const {
    if (options_.release == ChatRelease::kPreview)
      return options_.effort == ReasoningEffort::kMax ? kAbsoluteMaximum : std::string_view();
    if (options_.effort == ReasoningEffort::kMax) return kBeyondMaximum;
    return options_.effort == ReasoningEffort::kHigh ? kAbsoluteMaximum : std::string_view();
  }

  void renderTools(const ChatMessage& message) {
    if (!message.tools.empty()) {
      prompt_.text("\n\n");
      prompt_.templateText(kToolsBegin);
      for (std::size_t i = 0; i < message.tools.size(); ++i) {
        if (i > 0) prompt_.text("\n");
        const ChatJson* function = message.tools[i].find("function");
        prompt_.text(dumpChatJson(function != nullptr ? *function : message.tools[i]));
      }
      prompt_.text(kToolsEnd);
    }
    if (message.response_format) {
      prompt_.text("\n\n");
      prompt_.text(kResponseFormat);
      prompt_.text(dumpChatJson(*message.response_format));
    }
  }

  void renderBlocks(const ChatMessage& message) {
    for (std::size_t i = 0; i < message.blocks.size(); ++i) {
      const ChatBlock& block = message.blocks[i];
      const bool result = block.kind == ChatBlock::Kind::kToolResult;
      if (i > 0) prompt_.text("\n\n");
      if (result) prompt_.text("<tool_result>");
      prompt_.text(block.text);
      if (result) prompt_.text("</tool_result>");
    }
  }

  void renderAssistant(const ChatMessage& message, int i) {
    const bool after_task = i > 0 && !at(i - 1).task.empty();
    if (thinking_ && !after_task && (!options_.drop_thinking || i > last_user_)) {
      prompt_.text(message.reasoning);
      prompt_.control(kEndThink);
    }
    prompt_.text(message.content);
    if (!message.tool_calls.empty()) renderCalls(message.tool_calls);
    if (!message.without_end) prompt_.control(kEos);
  }

  void tag(std::string_view before, std::string_view after) {
    prompt_.text(before);
    prompt_.control(kDsml);
    prompt_.text(after);
  }

  void renderCalls(const std::vector<ChatToolCall>& calls) {
    tag("\n\n<", "tool_calls>\n");
    for (const ChatToolCall& call : calls) {
      tag("<", "invoke name=\"");
      prompt_.text(call.name);
      prompt_.text("\">\n");
      renderArguments(call.arguments);
      tag("\n</", "invoke>\n");
    }
    tag("</", "tool_calls>");
  }

  // Without arguments nothing is written between the two line feeds around them.
  void renderArguments(const std::string& arguments) {
    Result<ChatJson> parsed = parseChatJson(arguments);
    if (!parsed || parsed->type != ChatJson::Type::kObject) {
      renderArgument("arguments", ChatJson::string(arguments));
      return;
    }
    bool first = true;
    for (const auto& [name, value] : parsed->members) {
      if (!first) prompt_.text("\n");
      renderArgument(name, value);
      first = false;
    }
  }

  void renderArgument(std::string_view name, const ChatJson& value) {
    tag("<", "parameter name=\"");
    prompt_.text(name);
    prompt_.text(value.isString() ? "\" string=\"true\">" : "\" string=\"false\">");
    prompt_.text(value.isString() ? value.text : dumpChatJson(value));
    tag("</", "parameter>");
  }

  void renderTransition(const ChatMessage& message, int i) {
    if (i + 1 < static_cast<int>(messages_.size()) && at(i + 1).role != "assistant" &&
        at(i + 1).role != "latest_reminder")
      return;
    if (message.task == "action") {
      prompt_.control(kAssistant);
      prompt_.control(thinking_ ? kThink : kEndThink);
      prompt_.control(kAction);
    } else if (!message.task.empty()) {
      prompt_.control("<｜" + message.task + "｜>");
    } else if (isUserLike(message)) {
      const bool thinks = thinking_ && (!options_.drop_thinking || i >= last_user_);
      prompt_.control(kAssistant);
      prompt_.control(thinks ? kThink : kEndThink);
    }
  }

  const std::vector<ChatMessage>& messages_;
  const ChatOptions options_;
  const int last_user_;
  const bool thinking_;
  Prompt& prompt_;
};

Status checkMessage(const ChatMessage& message) {
  constexpr std::array<std::string_view, 6> kRoles = {"system", "user",      "assistant",
                                                      "tool",   "developer", "latest_reminder"};
  constexpr std::array<std::string_view, 6> kTasks = {"action", "query",    "authority",
                                                      "domain", "read_url", "title"};
  if (std::find(kRoles.begin(), kRoles.end(), message.role) == kRoles.end())
    return base::failure(ErrorCode::kInvalidInput, "chat message with an unknown role");
  if (!message.task.empty() &&
      std::find(kTasks.begin(), kTasks.end(), message.task) == kTasks.end())
    return base::failure(ErrorCode::kInvalidInput, "chat message with an unknown task");
  return {};
}

}  // namespace

Result<std::vector<PromptSegment>> encodeChat(std::span<const ChatMessage> messages,
                                              const ChatOptions& options,
                                              std::span<const ChatMessage> context) {
  for (const auto& part : {context, messages})
    for (const ChatMessage& message : part) TRY(checkMessage(message));

  std::vector<ChatMessage> before = mergeUserTurns(context);
  std::vector<ChatMessage> all = before;
  for (ChatMessage& message : mergeUserTurns(messages)) all.push_back(std::move(message));
  sortToolResults(all);

  ChatOptions effective = options;
  for (const ChatMessage& message : all)
    if (!message.tools.empty()) effective.drop_thinking = false;
  std::size_t n_before = before.size();
  if (effective.thinking == ThinkingMode::kThinking && effective.drop_thinking) {
    all = dropThinking(all);
    n_before = std::min(dropThinking(before).size(), all.size());
  }

  Prompt prompt;
  if (options.add_bos && context.empty()) prompt.control(kBos);
  Renderer renderer(all, effective, prompt);
  for (std::size_t i = n_before; i < all.size(); ++i) renderer.render(static_cast<int>(i));
  return prompt.take();
}

std::string promptText(std::span<const PromptSegment> segments) {
  std::string text;
  for (const PromptSegment& segment : segments) text += segment.text;
  return text;
}

Result<std::vector<TokenId>> promptIds(const Tokenizer& tokenizer,
                                       std::span<const PromptSegment> segments) {
  std::vector<TokenId> ids;
  for (const PromptSegment& segment : segments) {
    if (segment.control) {
      const auto id = tokenizer.addedToken(segment.text);
      if (!id)
        return base::failure(ErrorCode::kNotFound,
                             "the vocabulary has no token for " + segment.text);
      ids.push_back(*id);
    } else {
      const std::vector<TokenId> text = tokenizer.encodeText(segment.text);
      ids.insert(ids.end(), text.begin(), text.end());
    }
  }
  return ids;
}

}  // namespace engine
