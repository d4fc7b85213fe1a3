#include "engine/chat_encoding.h"

#include <QTest>
#include <iostream>

#include "engine/chat_parse.h"
#include "tests/engine/json_lines.h"
#include "tests/support/golden.h"
#include "tests/support/test_main.h"

namespace {

using engine::Json;
using engine::PromptSegment;

std::vector<PromptSegment> segmentsOf(const Json& row) {
  std::vector<PromptSegment> segments;
  for (const Json& item : row["segments"])
    segments.push_back({item[0].get<int>() == 1, item[1].get<std::string>()});
  return segments;
}

bool report(const Json& row, const std::string& what) {
  std::cout << row.value("id", "") << ": " << what << "\n";
  return false;
}

}  // namespace

class ChatEncodingTest : public QObject {
  Q_OBJECT
 private slots:
  void everyGoldenConversationHasItsPromptAndIds() {
    REQUIRE_GOLDEN(path, "chat/dev_encode.jsonl");
    REQUIRE_GOLDEN(vocabulary, "tokenizer/tokenizer.json")
    const auto tokenizer = engine::Tokenizer::open(vocabulary).value();
    int n_wrong = 0, n_rows = 0;
    for (const Json& row : support::jsonLines(path)) {
      ++n_rows;
      const auto request = engine::chatRequestFromJson(row.dump());
      QVERIFY2(request, "request");
      const auto segments =
          engine::encodeChat(request->messages, request->options, request->context);
      QVERIFY(segments);
      const std::string prompt = engine::promptText(*segments);
      if (prompt != row["prompt"].get<std::string>()) n_wrong += !report(row, "prompt " + prompt);
      if (*segments != segmentsOf(row)) n_wrong += !report(row, "segments");
      if (engine::promptIds(*tokenizer, *segments).value() != row["ids"].get<std::vector<int>>())
        n_wrong += !report(row, "ids");
      const Json line = Json::parse(engine::chatPromptToJson(*segments));
      QVERIFY(line["prompt"] == row["prompt"]);
      QVERIFY(line["segments"] == row["segments"]);
    }
    QCOMPARE(n_rows, 152);
    QCOMPARE(n_wrong, 0);
  }

  void everyGoldenCompletionIsParsedOrRefused() {
    REQUIRE_GOLDEN(path, "chat/dev_parse.jsonl");
    int n_wrong = 0, n_rows = 0;
    for (const Json& row : support::jsonLines(path)) {
      ++n_rows;
      const Json result = Json::parse(engine::chatParseLine(row.dump()).value());
      if (row.contains("error")) {
        const Json& error = result.value("error", Json::object());
        if (error.value("code", "") != row["error"].get<std::string>() ||
            error.value("offset", -1) != row["offset"].get<int>())
          n_wrong += !report(row, result.dump());
      } else if (result.value("message", Json()) != row["message"] ||
                 result.contains("arguments_not_json") != row.contains("arguments_not_json")) {
        n_wrong += !report(row, result.dump());
      }
    }
    QCOMPARE(n_rows, 75);
    QCOMPARE(n_wrong, 0);
  }

  void whatIsEncodedParsesBack() {
    engine::ChatMessage answer;
    answer.role = "assistant";
    answer.content = "I look.";
    answer.reasoning = "r";
    answer.tool_calls = {{"", "f", R"({"a": "x\ny", "n": [1, 2.5]})"}, {"", "g", "{}"}};
    engine::ChatMessage question;
    question.role = "user";
    question.content = "q";
    const std::vector<engine::ChatMessage> messages = {question, answer};
    const std::string prompt =
        engine::promptText(engine::encodeChat(messages, engine::ChatOptions()).value());
    const std::string opening = "<｜Assistant｜><think>";
    const auto result = engine::parseCompletion(
        prompt.substr(prompt.find(opening) + opening.size()), engine::ThinkingMode::kThinking);
    const auto* parsed = std::get_if<engine::ParsedCompletion>(&result);
    QVERIFY(parsed);
    QCOMPARE(parsed->reasoning, answer.reasoning);
    QCOMPARE(parsed->content, answer.content);
    QCOMPARE(parsed->tool_calls.size(), std::size_t{2});
    QCOMPARE(parsed->tool_calls[0].arguments, answer.tool_calls[0].arguments);
    QCOMPARE(parsed->tool_calls[1].arguments, answer.tool_calls[1].arguments);
  }

  void everyCutOfACompletionIsRefusedOrComplete() {
    const std::string text =
        "r</think>a\n\n<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter "
        "name=\"k\" "
        "string=\"true\">v</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>";
    for (std::size_t n = 0; n < text.size(); ++n) {
      const auto result =
          engine::parseCompletion(text.substr(0, n), engine::ThinkingMode::kThinking);
      QVERIFY(std::holds_alternative<engine::CompletionError>(result));
    }
  }

  // From here on: every way a request can be refused.
  void badRequestsAreRefused_data() {
    QTest::addColumn<QByteArray>("line");
    for (const char* line :
         {"", "{", "3", "{}", R"({"messages": 1})", R"({"messages": [1]})",
          R"({"messages": [{"role": 1}]})", R"({"messages": [], "options": {"release": "x"}})",
          R"({"messages": [{"role": "user", "content": 5}]})",
          R"({"messages": [], "thinking_mode": "deep"})", "[\"\x01\"]", "[\"\xFF\"]"})
      QTest::newRow(line) << QByteArray(line);
  }
  void badRequestsAreRefused() {
    QFETCH(QByteArray, line);
    const auto result = engine::chatRequestFromJson(line.toStdString());
    QVERIFY(!result);
    QCOMPARE(result.error().code, base::ErrorCode::kInvalidInput);
  }
  void unknownRolesAndTasksAreRefused() {
    engine::ChatMessage message;
    message.role = "wizard";
    QVERIFY(!engine::encodeChat({{message}}, {}));
    message.role = "user";
    message.task = "User";
    QVERIFY(!engine::encodeChat({{message}}, {}));
  }
  void deepNestingIsRefused() {
    QVERIFY(!engine::parseChatJson(std::string(100'000, '[')));
    QVERIFY(engine::parseChatJson(std::string(200, '[') + std::string(200, ']')));
  }
};

LECTERN_TEST(ChatEncodingTest)
#include "chat_encoding_test.moc"
