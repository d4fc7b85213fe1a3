#include "engine/citation.h"

#include <QTest>

#include "engine/base/check.h"
#include "tests/engine/tokenizers.h"
#include "tests/support/test_main.h"

namespace {

using base::CitationCheck;

// A document in a context, and the citation of some of its words.
struct Fixture {
  base::Document document;
  engine::Context context;
  std::shared_ptr<const engine::Tokenizer> tokenizer;

  Fixture(std::shared_ptr<const engine::Tokenizer> with, base::Document made)
      : document(std::move(made)), tokenizer(std::move(with)) {
    auto builder = engine::ContextBuilder::create(tokenizer).value();
    CHECK(builder.addDocument(document));
    context = builder.context();
  }

  // The quote of the tokens that hold `words`; the answer says `answer`.
  base::Citation cite(const std::string& words, const std::string& answer) const {
    const std::size_t begin = document.text.find(words), end = begin + words.size();
    base::QuoteMatch match;
    match.context = {-1, -1};
    for (const base::TokenRange& range : context.quotable) {
      for (std::int64_t i = range.begin; i < range.end; ++i) {
        const auto place = engine::locate(context, *tokenizer, {i, i + 1});
        if (place->bytes.begin == begin) match.context.begin = i;
        if (place->bytes.end == end) match.context.end = i + 1;
      }
    }
    match.answer = {0, answer.size()};
    return engine::makeCitation(match, answer, context, *tokenizer,
                                {{{base::DocumentId{9}, &document}}});
  }
};

base::Document lines() {
  base::Document document;
  document.path = "src/a.py";
  document.text = "first line\nsecond line\r\nthird line\n\nlast";
  return document;
}

base::Document pages() {
  base::Document document;
  document.path = "paper.pdf";
  document.text = "cover\nword one two\nend";
  document.pages.resize(2);
  document.pages[0] = {1, "i", {0, 6}, 100, 100};
  document.pages[1] = {2, "1", {6, 22}, 100, 100};
  const auto word = [&](std::size_t begin, std::size_t end, int page, base::Box box) {
    document.spans.push_back({{begin, end}, page, {box}});
  };
  word(0, 5, 1, {0, 0, 10, 10});
  word(6, 10, 2, {0, 20, 20, 30});
  word(11, 14, 2, {22, 20, 30, 30});
  word(15, 18, 2, {60, 20, 70, 30});
  word(19, 22, 2, {0, 40, 10, 50});
  return document;
}

}  // namespace

class CitationTest : public QObject {
  Q_OBJECT
 private slots:
  void linesAreCountedFromOne() {
    REQUIRE_TOKENIZER(official);
    const Fixture fixture(tokenizer, lines());
    const auto citation = fixture.cite("third line\n\n", "third line\n\n");
    QCOMPARE(citation.quote, std::string("third line"));
    QCOMPARE(citation.line_start, 3);
    QCOMPARE(citation.line_end, 3);
    QCOMPARE(citation.path, std::string("src/a.py"));
    QCOMPARE(citation.document, base::DocumentId{9});
    QCOMPARE(citation.bytes, (base::ByteRange{24, 34}));
    QCOMPARE(citation.answer, (base::ByteRange{0, 10}));
    QCOMPARE(citation.check, CitationCheck::kVerified);
    const auto both = fixture.cite("first line\nsecond line\r\n", "first line\nsecond line\r\n");
    QCOMPARE(both.line_start, 1);
    QCOMPARE(both.line_end, 2);
    QCOMPARE(both.quote, std::string("first line\nsecond line"));
    QCOMPARE(both.check, CitationCheck::kVerified);
  }

  void theLineFeedBehindTheTextIsNotQuoted() {
    REQUIRE_TOKENIZER(official);
    const Fixture fixture(tokenizer, lines());
    base::QuoteMatch match;
    match.context = fixture.context.quotable[0];
    match.context.begin = match.context.end - 2;  // "last" and the line feed we added
    const std::string answer =
        tokenizer->decode(std::span(fixture.context.tokens)
                              .subspan(static_cast<std::size_t>(match.context.begin), 2));
    match.answer = {0, answer.size()};
    const auto citation = engine::makeCitation(match, answer, fixture.context, *tokenizer,
                                               {{{base::DocumentId{9}, &fixture.document}}});
    QCOMPARE(citation.quote, std::string("last"));
    QCOMPARE(citation.check, CitationCheck::kVerified);
    QCOMPARE(citation.line_end, 5);
  }

  void wordsOfAPageHaveBoxes() {
    REQUIRE_TOKENIZER(official);
    const Fixture fixture(tokenizer, pages());
    const auto citation = fixture.cite("word one two\n", "word one two\n");
    QCOMPARE(citation.page, 2);
    QCOMPARE(citation.page_label, std::string("1"));
    QCOMPARE(citation.line_start, 0);
    const std::vector<base::Box> boxes = {{0, 20, 30, 30}, {60, 20, 70, 30}};
    QVERIFY(citation.boxes == boxes);
    QCOMPARE(citation.check, CitationCheck::kVerified);
  }

  // From here on: what is not proven.
  void changedBytesAreNotVerified() {
    REQUIRE_TOKENIZER(official);
    const Fixture fixture(tokenizer, lines());
    QCOMPARE(fixture.cite("third line\n\n", "third Line").check, CitationCheck::kUnverified);
    QCOMPARE(fixture.cite("third line\n\n", "").check, CitationCheck::kUnverified);
  }
  void aMatchOutsideDocumentsHasNoPlace() {
    REQUIRE_TOKENIZER(official);
    const Fixture fixture(tokenizer, lines());
    for (const base::TokenRange range : {base::TokenRange{0, 3}, base::TokenRange{-7, 2},
                                         base::TokenRange{5, 1'000'000'000'000}}) {
      const auto citation =
          engine::makeCitation({{0, 1}, range, 1}, "x", fixture.context, *tokenizer,
                               {{{base::DocumentId{9}, &fixture.document}}});
      QCOMPARE(citation.check, CitationCheck::kUnverified);
      QVERIFY(citation.path.empty());
    }
    QVERIFY(engine::makeCitation({{5, 90}, {0, 1}, 1}, "x", fixture.context, *tokenizer, {})
                .quote.empty());
  }
  void verifyQuoteStaysInsideTheText() {
    QCOMPARE(engine::verifyQuote("abc", {1, 3}, "bc"), CitationCheck::kVerified);
    QCOMPARE(engine::verifyQuote("abc", {1, 3}, "bd"), CitationCheck::kUnverified);
    QCOMPARE(engine::verifyQuote("abc", {1, 4}, "bc"), CitationCheck::kUnverified);
    QCOMPARE(engine::verifyQuote("abc", {3, 1}, ""), CitationCheck::kUnverified);
    QCOMPARE(engine::verifyQuote("abc", {1, 1}, ""), CitationCheck::kUnverified);
  }
};

LECTERN_TEST(CitationTest)
#include "citation_test.moc"
