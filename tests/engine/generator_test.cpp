#include "engine/generator.h"

#include <QTest>

#include "engine/base/check.h"
#include "engine/context_builder.h"
#include "engine/utf8.h"
#include "tests/engine/tokenizers.h"
#include "tests/support/test_main.h"

namespace {

using base::FinishReason;
using engine::DecodeTarget;
using engine::Generated;
using engine::TokenId;
using engine::Tokenizer;

// A sequence whose model wants to say one thing.
class ScriptedTarget : public DecodeTarget {
 public:
  ScriptedTarget(const Tokenizer& tokenizer, std::vector<TokenId> script)
      : script_(std::move(script)), logits_(static_cast<std::size_t>(tokenizer.vocabSize())) {
    prepare();
  }
  std::span<const float> logits() const override { return logits_; }
  base::Status decode(TokenId token, std::stop_token stop) override {
    if (stop.stop_requested()) return base::failure(base::ErrorCode::kCancelled, "stopped");
    if (fail_at >= 0 && static_cast<int>(decoded.size()) == fail_at)
      return base::failure(base::ErrorCode::kDevice, "device lost");
    decoded.push_back(token);
    prepare();
    return {};
  }

  std::vector<TokenId> decoded;
  int fail_at = -1;

 private:
  void prepare() {
    std::fill(logits_.begin(), logits_.end(), 0.0f);
    if (decoded.size() < script_.size())
      logits_[static_cast<std::size_t>(script_[decoded.size()])] = 1;
  }
  const std::vector<TokenId> script_;
  std::vector<float> logits_;
};

// The ids of a script. Markers are encoded on their own: joined with their neighbours they would be
// other tokens where the vocabulary has none for them.
std::vector<TokenId> idsOf(const Tokenizer& tokenizer, std::string_view script) {
  std::vector<TokenId> ids;
  const auto add = [&](std::string_view piece) {
    const auto more = tokenizer.encodeTemplate(piece);
    ids.insert(ids.end(), more.begin(), more.end());
  };
  while (!script.empty()) {
    for (const std::string_view marker : {"<quote>", "</quote>"}) {
      if (!script.starts_with(marker)) continue;
      add(marker);
      script.remove_prefix(marker.size());
    }
    const std::size_t n = std::min(script.find("<quote>"), script.find("</quote>"));
    add(script.substr(0, n));
    script.remove_prefix(std::min(n, script.size()));
  }
  return ids;
}

struct Run {
  Generated answer;
  std::vector<base::AnswerDelta> deltas;
  std::vector<TokenId> decoded;
};

constexpr const char* kText = "alpha beta 🙂 gamma\n";

Run run(std::shared_ptr<const Tokenizer> tokenizer, const std::string& script, int n_max = 100,
        engine::ThinkingMode thinking = engine::ThinkingMode::kChat,
        std::function<void(const base::AnswerDelta&)> on_delta = {}, std::stop_token stop = {}) {
  auto builder = engine::ContextBuilder::create(tokenizer).value();
  base::Document document;
  document.text = kText;
  CHECK(builder.addDocument(document));
  const auto& context = builder.context();
  engine::QuoteOptions quote_options;
  quote_options.thinking = thinking;
  engine::QuoteConstraint constraint(
      *tokenizer,
      std::make_shared<engine::QuoteIndex>(*tokenizer, context.tokens, context.quotable),
      quote_options);
  ScriptedTarget target(*tokenizer, idsOf(*tokenizer, script));
  engine::GenerateOptions options;
  options.n_tokens_max = n_max;
  Run result;
  result.answer = engine::generate(
                      target, constraint, options,
                      [&](const base::AnswerDelta& delta) {
                        result.deltas.push_back(delta);
                        if (on_delta) on_delta(delta);
                      },
                      stop)
                      .value();
  result.decoded = target.decoded;
  return result;
}

std::string textOf(const std::vector<base::AnswerDelta>& deltas, bool thinking) {
  std::string text;
  for (const auto& delta : deltas)
    if (delta.thinking == thinking) text += delta.text;
  return text;
}

}  // namespace

class GeneratorTest : public QObject {
  Q_OBJECT
 private slots:
  void quotesAreRangesBetweenTheirMarkers() {
    for (const auto& tokenizer : {support::miniTokenizer(), support::officialTokenizer()}) {
      if (tokenizer == nullptr) WITHOUT_DATA("tokenizers");
      const std::string script =
          "Hé 🙂: <quote>alpha beta 🙂</quote>.<｜end▁of▁sentence｜>";
      const Run r = run(tokenizer, script);
      QCOMPARE(r.answer.reason, FinishReason::kEnd);
      QCOMPARE(r.answer.text, std::string("Hé 🙂: <quote>alpha beta 🙂</quote>."));
      QCOMPARE(r.answer.quotes.size(), std::size_t{1});
      const auto range = r.answer.quotes[0].answer;
      QCOMPARE(r.answer.text.substr(range.begin, range.size()), std::string("alpha beta 🙂"));
      QCOMPARE(textOf(r.deltas, false), r.answer.text);
      auto ids = idsOf(*tokenizer, script);
      ids.pop_back();
      QCOMPARE(r.answer.ids, ids);
      QCOMPARE(r.decoded, ids);
      std::size_t n_quotes = 0, n_tokens = 0;
      for (const auto& delta : r.deltas) {
        n_quotes += delta.quotes.size();
        n_tokens += static_cast<std::size_t>(delta.n_tokens);
        QVERIFY(engine::firstInvalidUtf8(delta.text) == std::string::npos);
      }
      QCOMPARE(n_quotes, std::size_t{1});
      QCOMPARE(n_tokens, ids.size() + 1);
    }
  }

  void reasoningIsKeptApart() {
    REQUIRE_TOKENIZER(official);
    const Run r = run(tokenizer, "hm <quote></think>Yes.<｜end▁of▁sentence｜>", 100,
                      engine::ThinkingMode::kThinking);
    QCOMPARE(r.answer.reasoning, std::string("hm <quote>"));
    QCOMPARE(r.answer.text, std::string("Yes."));
    QCOMPARE(textOf(r.deltas, true), r.answer.reasoning);
    QCOMPARE(textOf(r.deltas, false), r.answer.text);
  }

  void noneIsShownAsWritten() {
    REQUIRE_TOKENIZER(mini);
    QCOMPARE(run(tokenizer, "<none/><｜end▁of▁sentence｜>").answer.text, std::string("<none/>"));
  }

  void theLimitEndsTheAnswer() {
    REQUIRE_TOKENIZER(mini);
    const Run r = run(tokenizer, "<quote>alpha beta 🙂 gamma", 4);
    QCOMPARE(r.answer.reason, FinishReason::kLength);
    QCOMPARE(r.answer.ids.size(), std::size_t{4});
    QCOMPARE(r.answer.quotes.size(), std::size_t{1});
    const auto words = r.answer.quotes[0].answer;
    QVERIFY(std::string(kText).starts_with(r.answer.text.substr(words.begin, words.size())));
    QCOMPARE(textOf(r.deltas, false), r.answer.text);
  }

  void aStopIsAResult() {
    REQUIRE_TOKENIZER(mini);
    std::stop_source source;
    int n_deltas = 0;
    const Run r = run(
        tokenizer, "one two three four five", 100, engine::ThinkingMode::kChat,
        [&](const base::AnswerDelta&) {
          if (++n_deltas == 2) source.request_stop();
        },
        source.get_token());
    QCOMPARE(r.answer.reason, FinishReason::kStopped);
    QCOMPARE(r.answer.ids.size(), std::size_t{2});
  }

  // From here on: what is an error.
  void aFailingTargetIsAnError() {
    REQUIRE_TOKENIZER(mini);
    ScriptedTarget target(*tokenizer, tokenizer->encodeText("one two three"));
    target.fail_at = 1;
    engine::QuoteConstraint constraint(
        *tokenizer, std::make_shared<engine::QuoteIndex>(*tokenizer, std::span<const TokenId>(),
                                                         std::span<const base::TokenRange>()));
    const auto result = engine::generate(target, constraint, {}, {}, {});
    QVERIFY(!result);
    QCOMPARE(result.error().code, base::ErrorCode::kDevice);
  }
};

LECTERN_TEST(GeneratorTest)
#include "generator_test.moc"
