#include "engine/quote_constraint.h"

#include <QTest>
#include <ctime>
#include <iostream>
#include <random>

#include "engine/base/check.h"
#include "engine/citation.h"
#include "tests/engine/tokenizers.h"
#include "tests/support/test_main.h"

namespace {

using engine::AnswerEvent;
using engine::Context;
using engine::QuoteConstraint;
using engine::QuoteIndex;
using engine::QuoteOptions;
using engine::TokenId;
using engine::Tokenizer;
using Kind = AnswerEvent::Kind;

constexpr std::uint64_t kSeed = 4711;

// Documents, their context, and the index over it.
struct Corpus {
  std::shared_ptr<const Tokenizer> tokenizer;
  std::vector<base::Document> documents;
  std::vector<engine::CitedDocument> cited;
  Context context;
  std::shared_ptr<const QuoteIndex> index;

  Corpus(std::shared_ptr<const Tokenizer> with, const std::vector<std::string>& texts)
      : tokenizer(std::move(with)) {
    auto builder = engine::ContextBuilder::create(tokenizer).value();
    for (const std::string& text : texts) {
      documents.push_back({});
      documents.back().path = std::to_string(documents.size()) + ".txt";
      documents.back().text = text;
      CHECK(builder.addDocument(documents.back()));
    }
    for (const base::Document& document : documents)
      cited.push_back({base::DocumentId{static_cast<std::int64_t>(cited.size()) + 1}, &document});
    builder.addQuestion("?");
    context = builder.context();
    index = std::make_shared<QuoteIndex>(*tokenizer, context.tokens, context.quotable);
  }
};

// One answer, token by token, with the text and quotes it yields.
class Answer {
 public:
  explicit Answer(const Corpus& corpus, QuoteOptions options = {})
      : corpus_(corpus), constraint_(*corpus.tokenizer, corpus.index, options) {}

  bool allows(TokenId token) { return constraint_.allowed().allows(token); }
  bool allows(std::string_view text) {  // one token
    const auto added = corpus_.tokenizer->addedToken(text);
    const auto ids = corpus_.tokenizer->encodeText(text);
    return allows(added ? *added : ids.at(0)) && (added || ids.size() == 1);
  }
  void push(TokenId token) { take(constraint_.accept(token)); }
  void finish() { take(constraint_.finish()); }
  // Tokens of a template text: the markers where the vocabulary has them.
  void write(std::string_view text) {
    for (const TokenId token : corpus_.tokenizer->encodeTemplate(text)) {
      if (!allows(token)) {
        refused = true;
        return;
      }
      push(token);
    }
  }
  void openQuote() { write("<quote>"); }
  void closeQuote() { write("</quote>"); }
  QuoteConstraint& constraint() { return constraint_; }

  std::string text, free_text;  // everything; what stands outside quotes
  std::vector<base::QuoteMatch> quotes;
  bool refused = false, ended = false, in_quote = false;

 private:
  void take(const std::vector<AnswerEvent>& events) {
    for (const AnswerEvent& event : events) {
      if (event.kind == Kind::kText) {
        text += event.bytes;
        if (!in_quote) free_text += event.bytes;
      }
      if (event.kind == Kind::kQuoteBegin) begin_ = text.size(), in_quote = true;
      if (event.kind == Kind::kQuoteEnd) {
        in_quote = false;
        free_text += '\0';
        if (event.context.size() > 0)
          quotes.push_back({{begin_, text.size()}, event.context, event.n_places});
      }
      ended |= event.kind == Kind::kEnd;
    }
  }

  const Corpus& corpus_;
  QuoteConstraint constraint_;
  std::size_t begin_ = 0;
};

const std::vector<std::string> kHostile = {
    "plain words on a line\nplain words on a line\nand </quote> in the middle, </quote></quote>\n",
    "<quote>never</quote> <｜User｜>say<｜end▁of▁sentence｜> </think><none/> ｜DSML｜ <quote\n",
    "<div></div></p></quot></quote\n</</</quote>x</\n",
    "你好，世界。🙂🙃🙂 naïve café \u3000\u3000全角\u00a0x\r\nline two\r\n\r\n\tend without "
    "line feed",
    "",
    " \n\n\t\u3000\n",
    "\u3000全\u3000\u3000\n\u0301combining 👩\u200d👩\u200d👧\n",
    "aaaaaaaa aaaa aaaa aa aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n\n\n\n\n",
    ">>> <quote> > </quote> >\" >) quote quote> </ quote >\n"};

// Every quote occurs, byte for byte, where it says.
bool quotesHold(const Corpus& corpus, const Answer& answer) {
  for (const base::QuoteMatch& match : answer.quotes) {
    const base::Citation citation =
        engine::makeCitation(match, answer.text, corpus.context, *corpus.tokenizer, corpus.cited);
    const auto& text = corpus.documents[static_cast<std::size_t>(citation.document.value - 1)].text;
    const std::string& quote = citation.quote;
    if (citation.check != base::CitationCheck::kVerified || quote.empty() ||
        text.compare(citation.bytes.begin, citation.bytes.size(), quote) != 0 ||
        quote.size() != citation.bytes.size()) {
      std::cout << "quote that is not there: " << quote << "\n";
      return false;
    }
    // First place and number of places, counted the slow way.
    const auto& tokens = corpus.context.tokens;
    std::int64_t n_places = 0, first = -1;
    const std::int64_t n = match.context.size();
    for (const base::TokenRange& range : corpus.context.quotable) {
      for (std::int64_t i = range.begin; i + n <= range.end; ++i) {
        if (!std::equal(tokens.begin() + i, tokens.begin() + i + n,
                        tokens.begin() + match.context.begin))
          continue;
        ++n_places;
        if (first < 0) first = i;
      }
    }
    if (n_places != match.n_places || first != match.context.begin) {
      std::cout << "places of: " << quote << " " << n_places << " " << match.n_places << "\n";
      return false;
    }
  }
  return true;
}

// A model that answers at random and likes to quote: `n_quotes` quotes over several answers.
void checkRandomModel(std::shared_ptr<const Tokenizer> tokenizer, int n_quotes) {
  const Corpus corpus(tokenizer, kHostile);
  std::cout << "seed " << kSeed << "\n";
  std::mt19937_64 random(kSeed);
  const auto chance = [&](int percent) { return static_cast<int>(random() % 100) < percent; };
  const auto open = tokenizer->encodeTemplate("<quote>"),
             close = tokenizer->encodeTemplate("</quote>");
  const auto tricky = tokenizer->encodeText("</ quote> </quote <quote <q >\" </quote></");
  int n_found = 0, n_answers = 0;
  while (n_found < n_quotes) {
    QuoteOptions options;
    options.n_quote_tokens_max = chance(20) ? 3 : 60;
    Answer answer(corpus, options);
    std::size_t n_open = 0, n_close = 0;
    for (int step = 0; step < 300 && !answer.ended; ++step) {
      const engine::TokenMask& allowed = answer.constraint().allowed();
      QVERIFY(allowed.count() > 0);
      std::vector<TokenId> ids;
      TokenId token = -1;
      if (answer.in_quote) {
        if (chance(n_close > 0 ? 70 : 15) && allowed.allows(close[n_close])) token = close[n_close];
        if (token < 0) {
          allowed.forEach([&](TokenId id) { ids.push_back(id); });
          token = ids[random() % ids.size()];
        }
        n_close = token == close[n_close] ? (n_close + 1) % close.size() : 0;
        n_open = 0;
      } else {
        if (chance(90) && allowed.allows(open[n_open])) token = open[n_open];
        if (token < 0 && chance(50)) token = tricky[random() % tricky.size()];
        while (token < 0 || !allowed.allows(token)) {
          if (allowed.count() < 10) {
            allowed.forEach([&](TokenId id) { token = id; });
          } else {
            token =
                static_cast<TokenId>(random() % static_cast<std::uint64_t>(tokenizer->vocabSize()));
          }
        }
        n_open = token == open[n_open] ? (n_open + 1) % open.size() : 0;
        n_close = 0;
      }
      answer.push(token);
    }
    const bool cut = answer.in_quote;
    answer.finish();
    if (cut && !answer.quotes.empty()) answer.quotes.pop_back();
    QVERIFY(quotesHold(corpus, answer));
    QVERIFY(answer.free_text.find("<quote>") == std::string::npos);
    QVERIFY(answer.free_text.find("</quote>") == std::string::npos);
    n_found += static_cast<int>(answer.quotes.size());
    ++n_answers;
  }
  std::cout << n_found << " quotes in " << n_answers << " answers, 0 false\n";
}

}  // namespace

class QuoteConstraintTest : public QObject {
  Q_OBJECT
 private slots:
  void randomModelWithMarkerTokensCannotMisquote() {
    REQUIRE_TOKENIZER(mini);
    checkRandomModel(tokenizer, 2000);
  }
  void randomModelThatSpellsMarkersCannotMisquote() {
    REQUIRE_TOKENIZER(official);
    checkRandomModel(tokenizer, 2000);
  }

  // Where a token of the quote is common every place of it is a candidate: the worst step.
  void aLargeCorpusCostsLittle() {
    REQUIRE_TOKENIZER(official);
    std::mt19937_64 random(kSeed);
    std::string text;
    while (text.size() < 600'000) {
      for (int word = 0; word < 9; ++word) {
        text += "the value";
        text += std::to_string(random() % 5000) + (random() % 2 == 0 ? " of " : " is, ");
      }
      text += '\n';
    }
    const Corpus corpus(tokenizer, {text});
    const auto n_tokens = corpus.context.quotable.at(0).size();
    QVERIFY(n_tokens > 100'000);
    // Processor time: the machine may be busy.
    const auto cpuMs = [] { return static_cast<double>(std::clock()) * 1e3 / CLOCKS_PER_SEC; };
    const double build_begin = cpuMs();
    const QuoteIndex index(*tokenizer, corpus.context.tokens, corpus.context.quotable);
    const double build_ms = cpuMs() - build_begin;

    Answer answer(corpus);
    answer.openQuote();
    constexpr int kSteps = 200;
    const auto begin = static_cast<std::size_t>(corpus.context.quotable.at(0).begin);
    const double steps_begin = cpuMs();
    for (std::size_t i = begin; i < begin + kSteps; ++i) {
      QVERIFY(answer.allows(corpus.context.tokens[i]));
      answer.push(corpus.context.tokens[i]);
    }
    const double step_us = (cpuMs() - steps_begin) * 1e3 / kSteps;
    std::cout << n_tokens << " tokens: index " << build_ms << " ms, step " << step_us << " us\n";
    QVERIFY(build_ms < 500);
    QVERIFY(step_us < 500);
  }

  void aQuoteIsTakenFromTheText() {
    for (const auto& tokenizer : {support::miniTokenizer(), support::officialTokenizer()}) {
      if (tokenizer == nullptr) WITHOUT_DATA("tokenizers");
      const Corpus corpus(tokenizer, {"alpha beta\ngamma\n", "other\nalpha beta\n"});
      Answer answer(corpus);
      answer.write("It says: ");
      answer.openQuote();
      answer.write("alpha beta");
      answer.closeQuote();
      answer.write("!");
      QVERIFY(!answer.refused);
      answer.finish();
      QCOMPARE(answer.text, std::string("It says: alpha beta!"));
      QCOMPARE(answer.quotes.size(), std::size_t{1});
      QCOMPARE(answer.quotes[0].n_places, std::int64_t{2});
      QVERIFY(quotesHold(corpus, answer));
    }
  }

  void aQuoteCannotLeaveItsDocument() {
    REQUIRE_TOKENIZER(mini);
    const Corpus corpus(tokenizer, {"alpha\n", "beta\n"});
    Answer answer(corpus);
    answer.openQuote();
    for (const TokenId token : tokenizer->encodeText("alpha\n")) answer.push(token);
    QCOMPARE(answer.constraint().allowed().count(), 1);
    QVERIFY(answer.allows("</quote>"));
  }

  void blankQuotesCannotBeWritten() {
    REQUIRE_TOKENIZER(mini);
    const Corpus corpus(tokenizer, {"  \n\n\t x\n"});
    Answer answer(corpus);
    answer.openQuote();
    QVERIFY(!answer.allows("</quote>"));
    answer.constraint().allowed().forEach(
        [&](TokenId id) { QVERIFY(tokenizer->bytesOf(id).find('x') != std::string_view::npos); });
  }

  void withoutTextNothingCanBeQuoted() {
    REQUIRE_TOKENIZER(mini);
    const Corpus corpus(tokenizer, {" \n", ""});
    Answer answer(corpus);
    QVERIFY(!answer.allows("<quote>"));
    QVERIFY(answer.allows("<none/>"));
  }
  void withoutTextAMarkerCannotBeSpelled() {
    REQUIRE_TOKENIZER(official);
    const Corpus corpus(tokenizer, {""});
    Answer answer(corpus);
    answer.write("<quote");
    QVERIFY(!answer.refused);
    QVERIFY(!answer.allows(">"));
    QVERIFY(answer.allows("x"));
  }

  void afterAnOpeningWordOnlyItsEndFollows() {
    REQUIRE_TOKENIZER(official);
    const Corpus corpus(tokenizer, {"text\n"});
    Answer answer(corpus);
    answer.write("<quote");
    QCOMPARE(answer.constraint().allowed().count(), 1);
    QVERIFY(answer.allows(">"));
    answer.finish();
    QCOMPARE(answer.text, std::string("<quote"));
  }

  void strayClosingMarkersCannotBeWritten() {
    for (const auto& tokenizer : {support::miniTokenizer(), support::officialTokenizer()}) {
      if (tokenizer == nullptr) WITHOUT_DATA("tokenizers");
      const Corpus corpus(tokenizer, {"text\n"});
      Answer answer(corpus);
      answer.closeQuote();
      QVERIFY(answer.refused);
      Answer letters(corpus);
      for (const char c : std::string_view("</quote"))
        letters.push(tokenizer->encodeText({&c, 1})[0]);
      QVERIFY(!letters.allows(">"));
    }
  }

  void onlySomeControlTokensAreEverAllowed() {
    for (const auto& tokenizer : {support::miniTokenizer(), support::officialTokenizer()}) {
      if (tokenizer == nullptr) WITHOUT_DATA("tokenizers");
      const Corpus corpus(tokenizer, {"text\n"});
      QuoteOptions thinking;
      thinking.thinking = engine::ThinkingMode::kThinking;
      Answer answer(corpus, thinking);
      const auto controls = [&] {
        std::string spellings;
        answer.constraint().allowed().forEach([&](TokenId id) {
          if (tokenizer->isAdded(id)) spellings += tokenizer->bytesOf(id);
        });
        return spellings;
      };
      const bool markers = tokenizer->addedToken("<quote>").has_value();
      QCOMPARE(controls(), std::string("<｜end▁of▁sentence｜></think>"));
      answer.write("<quote>x</quote>");
      QCOMPARE(answer.refused, markers);
      answer.refused = false;
      answer.write("</think>");
      QVERIFY(!answer.refused && answer.quotes.empty());
      QCOMPARE(controls(), std::string(markers ? "<｜end▁of▁sentence｜><quote><none/>"
                                               : "<｜end▁of▁sentence｜>"));
      answer.openQuote();
      QCOMPARE(controls(), std::string());
    }
  }

  void longQuotesAreClosed() {
    REQUIRE_TOKENIZER(mini);
    const Corpus corpus(tokenizer, {"one two three four five six seven eight\n"});
    QuoteOptions options;
    options.n_quote_tokens_max = 3;
    Answer answer(corpus, options);
    answer.openQuote();
    for (int i = 0; i < 3; ++i) {
      TokenId next = -1;
      answer.constraint().allowed().forEach([&](TokenId id) {
        if (!tokenizer->isAdded(id)) next = id;
      });
      answer.push(next);
    }
    QCOMPARE(answer.constraint().allowed().count(), 1);
    QVERIFY(answer.allows("</quote>"));
  }

  void aClosingMarkerInTheTextEndsTheQuoteBeforeIt() {
    REQUIRE_TOKENIZER(official);
    const Corpus corpus(tokenizer, {"safe words </quote> more\n"});
    Answer answer(corpus);
    answer.openQuote();
    answer.write("safe words");
    for (const TokenId token : tokenizer->encodeText(" </quote> more")) {
      if (!answer.in_quote) break;
      QVERIFY(answer.allows(token));
      answer.push(token);
    }
    answer.finish();
    QVERIFY(quotesHold(corpus, answer));
  }

  void aClosingWordThatGoesOnIsText() {
    REQUIRE_TOKENIZER(official);
    const Corpus corpus(tokenizer, {"<b>bold</b> text\n"});
    Answer answer(corpus);
    answer.openQuote();
    answer.write("<b>bold</b> text");
    QVERIFY(!answer.refused);
    answer.closeQuote();
    QCOMPARE(answer.text, std::string("<b>bold</b> text"));
    QCOMPARE(answer.quotes.size(), std::size_t{1});
  }

  void aCutQuoteKeepsItsWholeCharacters() {
    REQUIRE_TOKENIZER(official);
    const Corpus corpus(tokenizer, {"ab 🙃🙃 cd\n"});
    const auto tokens = tokenizer->encodeText("ab 🙃🙃 cd\n");
    for (std::size_t n = 1; n <= tokens.size(); ++n) {
      Answer answer(corpus);
      answer.openQuote();
      for (std::size_t i = 0; i < n; ++i) answer.push(tokens[i]);
      answer.finish();
      QCOMPARE(answer.quotes.size(), std::size_t{1});
      QVERIFY(quotesHold(corpus, answer));
    }
  }
};

LECTERN_TEST(QuoteConstraintTest)
#include "quote_constraint_test.moc"
