#include "tests/storage/store_fixture.h"
#include "tests/support/test_main.h"

using namespace support;
using base::ErrorCode;
using storage::MessageRole;
using storage::MessageStatus;

class MessageStoreTest : public QObject {
  Q_OBJECT

  static base::MessageId ask(SessionFixture& store, base::BranchId branch,
                             const std::string& text) {
    return store.messages()
        .append(branch, {.text = text, .tokens = {}})
        .value_or(base::MessageId{});
  }
  static std::string textOf(SessionFixture& store, base::BranchId branch) {
    std::string text;
    const auto messages = store.messages().messagesOf(branch);
    if (messages)
      for (const auto& message : *messages) text += message.text + ";";
    return text;
  }

 private slots:
  void anAnswerComesBackWithItsCitations() {
    SessionFixture store;
    const auto session = store.newSession("s");
    MUST_ASSIGN(const auto document, store.library().addDocument(pagedDocument("a.pdf", "a"), 1));
    MUST(store.messages().append(session.branch, {.text = "Why?", .tokens = {1, -2, 128000}}));
    MUST_ASSIGN(const auto id,
                store.messages().append(session.branch, {.role = MessageRole::kAssistant,
                                                         .text = "Be",
                                                         .tokens = {7},
                                                         .status = MessageStatus::kStreaming}));
    MUST(store.messages().update(id, {"Because", "hm", {7, 8}}));
    const base::Citation citation{.quote = "first page",
                                  .answer = {8, 18},
                                  .document = document,
                                  .path = "a.pdf",
                                  .bytes = {0, 10},
                                  .page = 1,
                                  .page_label = "i",
                                  .boxes = {{72.1, 70.25, 120.333, 84}, {1, 2, 3, 4}},
                                  .n_places = 2,
                                  .check = base::CitationCheck::kVerified};
    base::Citation line = citation;
    line.document = {};
    line.line_start = 3;
    line.line_end = 4;
    line.check = base::CitationCheck::kOlderText;
    const base::Usage usage{100, 90, 10, 5, 0.25, 0.5, 61.5};
    MUST(store.messages().finish(id, {"Because first page.", "hmm", {7, 8, 9}},
                                 {.status = MessageStatus::kComplete,
                                  .finish = base::FinishReason::kLength,
                                  .usage = usage,
                                  .citations = {citation, line}}));
    store.reopen();
    MUST_ASSIGN(const auto messages, store.messages().messagesOf(session.branch));
    QCOMPARE(messages.size(), std::size_t{2});
    QCOMPARE(messages[0].tokens, (std::vector<base::TokenId>{1, -2, 128000}));
    QVERIFY(messages[0].role == MessageRole::kUser);
    const storage::Message& answer = messages[1];
    QCOMPARE(answer.parent, messages[0].id);
    QCOMPARE(answer.text, std::string("Because first page."));
    QCOMPARE(answer.thinking, std::string("hmm"));
    QCOMPARE(answer.tokens, (std::vector<base::TokenId>{7, 8, 9}));
    QVERIFY(answer.role == MessageRole::kAssistant && answer.status == MessageStatus::kComplete);
    QVERIFY(answer.finish == base::FinishReason::kLength);
    QVERIFY(!answer.damaged);
    QCOMPARE(answer.usage.reused_tokens, 90);
    QCOMPARE(answer.usage.decode_tok_s, 61.5);
    QCOMPARE(answer.citations.size(), std::size_t{2});
    const base::Citation& read = answer.citations[0];
    QCOMPARE(read.quote, citation.quote);
    QCOMPARE(read.answer, citation.answer);
    QCOMPARE(read.document, citation.document);
    QCOMPARE(read.path, citation.path);
    QCOMPARE(read.bytes, citation.bytes);
    QCOMPARE(read.page, 1);
    QCOMPARE(read.page_label, citation.page_label);
    QCOMPARE(read.boxes, citation.boxes);
    QCOMPARE(read.n_places, 2);
    QVERIFY(read.check == base::CitationCheck::kVerified);
    QVERIFY(!answer.citations[1].document);
    QCOMPARE(answer.citations[1].line_end, 4);
    QVERIFY(answer.citations[1].check == base::CitationCheck::kOlderText);
    MUST(store.messages().setCitationChecks(
        id, std::vector{base::CitationCheck::kUnverified, base::CitationCheck::kVerified}));
    MUST_ASSIGN(const auto checked, store.messages().messagesOf(session.branch));
    QVERIFY(checked[1].citations[0].check == base::CitationCheck::kUnverified);
  }

  void streamedTextSurvivesAsStopped() {
    SessionFixture store;
    const auto session = store.newSession("s");
    MUST_ASSIGN(const auto id,
                store.messages().append(session.branch, {.role = MessageRole::kAssistant,
                                                         .text = "",
                                                         .tokens = {},
                                                         .status = MessageStatus::kStreaming}));
    MUST(store.messages().update(id, {"half an ans", "", {4, 5}}));
    store.reopen();
    MUST_ASSIGN(const auto messages, store.messages().messagesOf(session.branch));
    QCOMPARE(messages[0].text, std::string("half an ans"));
    QVERIFY(messages[0].status == MessageStatus::kStopped);
    QVERIFY(messages[0].finish == base::FinishReason::kStopped);
    MUST_ASSIGN(const auto hits, store.sessions().search({.words = "half", .session = {}}));
    QCOMPARE(hits.size(), std::size_t{1});
  }

  void branchesShareWhatTheyHaveInCommon() {
    SessionFixture store;
    const auto session = store.newSession("s");
    const auto a = ask(store, session.branch, "a");
    ask(store, session.branch, "b");
    MUST_ASSIGN(const auto fork, store.messages().fork(session.branch, a, "other"));
    ask(store, fork, "c");
    MUST_ASSIGN(const auto empty, store.messages().fork(session.branch, {}, "new start"));
    ask(store, empty, "d");
    QCOMPARE(textOf(store, session.branch), std::string("a;b;"));
    QCOMPARE(textOf(store, fork), std::string("a;c;"));
    QCOMPARE(textOf(store, empty), std::string("d;"));
    MUST(store.sessions().setActiveBranch(session.id, fork));
    MUST_ASSIGN(const auto branches, store.messages().branchesOf(session.id));
    QCOMPARE(branches.size(), std::size_t{3});
    QCOMPARE(branches[1].fork_point, a);
    QCOMPARE(branches[1].parent, session.branch);
    QCOMPARE(branches[1].title, std::string("other"));
    MUST(store.sessions().remove(session.id));
  }

  void rewindingRemovesWhatNoBranchHolds() {
    SessionFixture store;
    const auto session = store.newSession("s");
    const auto a = ask(store, session.branch, "a");
    const auto b = ask(store, session.branch, "b");
    ask(store, session.branch, "gone");
    MUST_ASSIGN(const auto fork, store.messages().fork(session.branch, b, ""));
    MUST(store.messages().rewind(session.branch, a));
    QCOMPARE(textOf(store, session.branch), std::string("a;"));
    QCOMPARE(textOf(store, fork), std::string("a;b;"));
    MUST_ASSIGN(const auto hits, store.sessions().search({.words = "gone", .session = {}}));
    QVERIFY(hits.empty());
    MUST(store.messages().rewind(session.branch, {}));
    QCOMPARE(textOf(store, session.branch), std::string());
  }

  void aBranchIsRemovedWithWhatOnlyItHolds() {
    SessionFixture store;
    const auto session = store.newSession("s");
    const auto first = ask(store, session.branch, "shared");
    MUST_ASSIGN(const auto aside, store.messages().fork(session.branch, first, "aside"));
    ask(store, aside, "qqaside");
    MUST_ASSIGN(const auto further, store.messages().fork(aside, first, "further"));
    MUST(store.messages().removeBranch(aside));
    REFUSED_WITH(store.messages().branch(aside), ErrorCode::kNotFound);
    QCOMPARE(textOf(store, session.branch), std::string("shared;"));
    QCOMPARE(textOf(store, further), std::string("shared;"));
    for (const char* name : {"session.db", "session.db-wal"})
      QVERIFY(fileBytes(store.file(name)).find("qqaside") == std::string::npos);
    REFUSED_WITH(store.messages().removeBranch(session.branch), ErrorCode::kInvalidInput);
    REFUSED_WITH(store.messages().removeBranch({99}), ErrorCode::kNotFound);
  }

  // From here on: what is refused, and damage.
  void aFlippedBitMarksTheMessage() {
    SessionFixture store;
    const auto session = store.newSession("s");
    ask(store, session.branch, "the needle in it");
    ask(store, session.branch, "fine");
    store.close();
    const auto file = store.file("session.db");
    flipBit(file, fileBytes(file).find("the needle") * 8);
    store.reopen();
    MUST_ASSIGN(const auto messages, store.messages().messagesOf(session.branch));
    QVERIFY(messages[0].damaged);
    QVERIFY(!messages[1].damaged);
  }
  void finishedMessagesDoNotChange() {
    SessionFixture store;
    const auto session = store.newSession("s");
    const auto id = ask(store, session.branch, "a");
    REFUSED_WITH(store.messages().update(id, {"b", "", {}}), ErrorCode::kInvalidInput);
    REFUSED_WITH(store.messages().finish(id, {"b", "", {}}, {}), ErrorCode::kInvalidInput);
    QCOMPARE(textOf(store, session.branch), std::string("a;"));
  }
  void foreignMessagesAndBranchesAreRefused() {
    SessionFixture store;
    const auto one = store.newSession("1"), two = store.newSession("2");
    const auto foreign = ask(store, two.branch, "x");
    REFUSED_WITH(store.messages().fork(one.branch, foreign, ""), ErrorCode::kInvalidInput);
    REFUSED_WITH(store.messages().rewind(one.branch, foreign), ErrorCode::kInvalidInput);
    REFUSED_WITH(store.messages().append({99}, {.text = "x", .tokens = {}}), ErrorCode::kNotFound);
    REFUSED_WITH(store.messages().messagesOf({99}), ErrorCode::kNotFound);
    REFUSED_WITH(
        store.messages().setCitationChecks(foreign, std::vector{base::CitationCheck::kVerified}),
        ErrorCode::kNotFound);
  }
  void aCitationOfAnUnknownDocumentSavesNothing() {
    SessionFixture store;
    const auto session = store.newSession("s");
    MUST_ASSIGN(
        const auto id,
        store.messages().append(
            session.branch, {.text = "so far", .tokens = {}, .status = MessageStatus::kStreaming}));
    base::Citation citation;
    citation.document = {99};
    REFUSED_WITH(
        store.messages().finish(id, {"more", "", {}}, {.usage = {}, .citations = {citation}}),
        ErrorCode::kNotFound);
    QCOMPARE(textOf(store, session.branch), std::string("so far;"));
  }
};

LECTERN_TEST(MessageStoreTest)
#include "message_store_test.moc"
