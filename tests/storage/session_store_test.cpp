#include "storage/migrations.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/test_main.h"

using namespace support;
using base::ErrorCode;
using storage::JobState;

class SessionStoreTest : public QObject {
  Q_OBJECT
 private slots:
  void aSessionComesBackAfterReopening() {
    SessionFixture store;
    MUST_ASSIGN(const auto made, store.sessions().create({.name = "thesis",
                                                          .title = "My thesis",
                                                          .model_name = "mini",
                                                          .model_fingerprint = base::hashText("m"),
                                                          .workspace = {}}));
    MUST(store.sessions().setContextTokens(made.id, 4096));
    MUST(store.sessions().setPinned(made.id, true));
    store.reopen();
    MUST_ASSIGN(const auto found, store.sessions().byName("thesis"));
    QCOMPARE(found.id, made.id);
    QCOMPARE(found.key, made.key);
    QCOMPARE(found.title, std::string("My thesis"));
    QCOMPARE(found.model_name, std::string("mini"));
    QCOMPARE(found.model_fingerprint, base::hashText("m"));
    QCOMPARE(found.n_context_tokens, 4096);
    QVERIFY(found.pinned);
    QVERIFY(found.branch);
    QVERIFY(found.created_ms > 1'500'000'000'000);
  }

  void keysAndIdsAreNeverUsedTwice() {
    SessionFixture store;
    const auto first = store.newSession("a");
    MUST(store.sessions().remove(first.id));
    const auto second = store.newSession("a");
    QVERIFY(second.id != first.id);
    QVERIFY(second.key != first.key);
    QCOMPARE(second.key.size(), std::size_t{32});
  }

  void theListBeginsWithTheLastUsed() {
    SessionFixture store;
    const auto a = store.newSession("a"), b = store.newSession("b");
    MUST_ASSIGN(const auto listed, store.sessions().list());
    QCOMPARE(listed.size(), std::size_t{2});
    QCOMPARE(listed[0].id, b.id);
    QCOMPARE(listed[1].id, a.id);
  }

  void jobsSurviveAndRunningOnesArePaused() {
    SessionFixture store;
    const auto session = store.newSession("a");
    storage::Job job{.id = 0, .session = session.id, .tokens_total = 9000, .error = ""};
    MUST_ASSIGN(job.id, store.sessions().addJob(job));
    job.state = JobState::kRunning;
    job.tokens_done = 4096;
    MUST(store.sessions().updateJob(job));
    store.reopen();
    MUST_ASSIGN(const auto jobs, store.sessions().unfinishedJobs());
    QCOMPARE(jobs.size(), std::size_t{1});
    QVERIFY(jobs[0].state == JobState::kPaused);
    QCOMPARE(jobs[0].tokens_done, 4096);
    job.state = JobState::kDone;
    MUST(store.sessions().updateJob(job));
    MUST_ASSIGN(const auto left, store.sessions().unfinishedJobs());
    QVERIFY(left.empty());
    MUST_ASSIGN(const auto last, store.sessions().lastJobOf(session.id));
    QVERIFY(last && last->state == JobState::kDone);
  }

  void searchFindsAWordInAnAnswer() {
    SessionFixture store;
    const auto a = store.newSession("a"), b = store.newSession("b");
    MUST(store.messages().append(a.branch, {.text = "Where is the frobnicator?", .tokens = {}}));
    MUST_ASSIGN(const auto answer,
                store.messages().append(b.branch, {.role = storage::MessageRole::kAssistant,
                                                   .text = "",
                                                   .tokens = {},
                                                   .status = storage::MessageStatus::kStreaming}));
    MUST(store.messages().finish(answer, {"It frobnicates in Çatalhöyük.", "", {}}, {}));
    const auto search = [&](const std::string& words, std::optional<base::SessionId> where = {}) {
      return store.sessions()
          .search({.words = words, .session = where})
          .value_or(std::vector<storage::SearchHit>{});
    };
    QCOMPARE(search("frobnic").size(), std::size_t{2});
    QCOMPARE(search("catalhoyuk").size(), std::size_t{1});
    QCOMPARE(search("catalhoyuk")[0].message, answer);
    QVERIFY(search("catalhoyuk")[0].snippet.find("⁨Çatalhöyük⁩") != std::string::npos);
    QCOMPARE(search("frobnic", a.id).size(), std::size_t{1});
    MUST(store.sessions().rename(a.id, "a", "Quarterly zebras"));
    QCOMPARE(search("zebra").size(), std::size_t{1});
    QVERIFY(!search("zebra")[0].message);
    MUST(store.sessions().setArchived(a.id, true));
    QCOMPARE(search("frobnic").size(), std::size_t{1});
  }

  void searchKeepsToItsFilters() {
    SessionFixture store;
    MUST_ASSIGN(const auto other, store.sessions().createWorkspace("other"));
    const auto a = store.newSession("a"), b = store.newSession("b");
    MUST(store.sessions().setWorkspace(b.id, other));
    MUST_ASSIGN(const auto first,
                store.messages().append(a.branch, {.text = "a lighthouse", .tokens = {}}));
    MUST(store.messages().append(b.branch, {.text = "the lighthouse", .tokens = {}}));
    MUST_ASSIGN(const auto last,
                store.messages().append(a.branch, {.role = storage::MessageRole::kAssistant,
                                                   .text = "It is the lighthouse of Genoa.",
                                                   .tokens = {}}));
    const auto found = [&](storage::SearchQuery query) {
      query.words = "lighthouse";
      std::vector<base::MessageId> messages;
      for (const auto& hit : store.sessions().search(query).value_or(
               std::vector<storage::SearchHit>{{.snippet = "an error"}}))
        messages.push_back(hit.message);
      return messages;
    };
    QCOMPARE(found({}).size(), std::size_t{3});
    QCOMPARE(found({}).front(), last);  // newest first
    QVERIFY((found({.session = a.id}) == std::vector{last, first}));
    QCOMPARE(found({.workspace = other}).size(), std::size_t{1});
    QVERIFY(found({.role = storage::MessageRole::kAssistant}) == std::vector{last});
    QVERIFY((found({.session = a.id, .role = storage::MessageRole::kUser}) == std::vector{first}));
    QVERIFY(found({.n_hits_max = 1}) == std::vector{last});
    MUST_ASSIGN(const auto said, store.messages().messagesOf(a.branch));
    QCOMPARE(found({.from_ms = said[0].created_ms}).size(), std::size_t{3});
    QVERIFY(found({.until_ms = said[0].created_ms}).empty());
    QVERIFY(found({.from_ms = said[1].created_ms + 1}).empty());
    MUST(store.sessions().setArchived(b.id, true));
    QCOMPARE(found({}).size(), std::size_t{2});
    QCOMPARE(found({.with_archived = true}).size(), std::size_t{3});
    QVERIFY(found({.session = base::SessionId{99}}).empty());
    // A word of a title is found by everybody but the roles.
    MUST(store.sessions().rename(a.id, "a", "Lighthouse keepers"));
    QVERIFY(!found({}).front());
    QVERIFY(found({.role = storage::MessageRole::kAssistant}).front());
  }

  void anOlderSearchIndexIsMadeAnew() {
    DataFolder folder;
    {
      MUST_ASSIGN(auto database,
                  storage::Database::open(folder.file("session.db"), storage::OpenMode::kReadWrite,
                                          {.secure_delete = true}));
      const auto first = storage::sessionMigrations().first(1);
      MUST(storage::migrate(database, first, storage::BeforeMigration::kNothing,
                            folder.file("session.db")));
      MUST(database.execute(
          "INSERT INTO session (key, workspace_id, name, title, model_name, model_fingerprint,"
          " created_ms, used_ms) VALUES ('k', 1, 'old', 'old', 'm', zeroblob(16), 1, 1);"
          "INSERT INTO session_search (rowid, name, title) SELECT id, name, title FROM session;"
          "INSERT INTO message (session_id, role, status, finish, created_ms, check_hash, text,"
          " thinking, tokens) VALUES (1, 'user', 'complete', 'end', 1, 0, 'whole words', '', x''),"
          " (1, 'assistant', 'streaming', 'end', 2, 0, 'words half', '', x'');"
          "INSERT INTO message_search (rowid, text) SELECT id, text FROM message WHERE id = 1;"));
    }
    MUST_ASSIGN(auto opened, storage::SessionDatabase::open(folder.path()));
    MUST_ASSIGN(const auto hits, opened->sessions().search({.words = "wo"}));
    QCOMPARE(hits.size(), std::size_t{2});  // the streaming one was stopped by the opening
    MUST_ASSIGN(const auto whole, opened->sessions().search({.words = "whole w"}));
    QCOMPARE(whole.size(), std::size_t{1});
    QVERIFY(std::filesystem::exists(folder.file("session.db.v1.backup")));
    // In step with its table: deleting finds every entry, and takes the copy away.
    MUST(opened->sessions().remove({1}));
    MUST_ASSIGN(const auto none, opened->sessions().search({.words = "words"}));
    QVERIFY(none.empty());
    QVERIFY(!std::filesystem::exists(folder.file("session.db.v1.backup")));
  }

  void deletingLeavesNoTextBehind() {
    SessionFixture store;
    const auto kept = store.newSession("kept"), gone = store.newSession("qqgone");
    MUST_ASSIGN(const auto shared,
                store.library().addDocument(textDocument("shared.txt", "qqshared text\n"), 1));
    MUST_ASSIGN(const auto secret,
                store.library().addDocument(textDocument("qqpath.txt", "qqsecret text\n"), 1));
    MUST(store.library().setDocuments(kept.id,
                                      std::vector<storage::SessionDocument>{{shared, {}, 1}}, {}));
    const std::vector<storage::SessionDocument> both{{shared, {}, 1}, {secret, {}, 1}};
    MUST(store.library().setDocuments(
        gone.id, both,
        std::vector<base::ReceiptEntry>{
            {"qqskipped.bin", false, "binary", "qqdetail", base::DocumentKind::kText, 5}}));
    MUST(store.library().setSources(
        gone.id,
        std::vector<storage::Source>{{{}, "/home/qqsource", storage::SourceKind::kFolder, ""}}));
    for (int i = 0; i < 300; ++i)
      MUST(store.messages().append(
          gone.branch,
          {.text = "qqquestion " + std::to_string(i) + std::string(200, 'x'), .tokens = {}}));
    MUST_ASSIGN(
        const auto answer,
        store.messages().append(gone.branch, {.role = storage::MessageRole::kAssistant,
                                              .text = "",
                                              .tokens = {},
                                              .status = storage::MessageStatus::kStreaming}));
    base::Citation citation;
    citation.quote = "qqquote";
    citation.document = secret;
    citation.path = "qqpath.txt";
    MUST(store.messages().finish(answer, {"qqanswer", "qqthinking", {}},
                                 {.usage = {}, .citations = {citation}}));
    QVERIFY(fileBytes(store.file("session.db-wal")).find("qqanswer") != std::string::npos);

    MUST(store.sessions().remove(gone.id));
    REFUSED_WITH(store.library().readDocument(secret), ErrorCode::kNotFound);
    MUST(store.library().readDocument(shared));
    for (const char* name : {"session.db", "session.db-wal"}) {
      const std::string bytes = fileBytes(store.file(name));
      for (const char* word : {"qqgone", "qqsecret", "qqpath", "qqskipped", "qqdetail", "qqsource",
                               "qqquestion", "qqanswer", "qqthinking", "qqquote"})
        QVERIFY2(bytes.find(word) == std::string::npos, word);
    }
    QVERIFY(fileBytes(store.file("session.db")).find("qqshared") != std::string::npos);
  }

  void aSessionLongerThanAnyCascadeCanBeDeleted() {
    SessionFixture store;
    const auto session = store.newSession("long");
    for (int i = 0; i < 1200; ++i)
      MUST(store.messages().append(session.branch, {.text = "m", .tokens = {}}));
    MUST(store.sessions().remove(session.id));
    REFUSED_WITH(store.sessions().byName("long"), ErrorCode::kNotFound);
  }

  // From here on: everything a session store refuses.
  void aTakenNameIsRefused() {
    SessionFixture store;
    const auto a = store.newSession("a");
    store.newSession("b");
    REFUSED_WITH(
        store.sessions().create(
            {.name = "a", .title = "", .model_name = "", .model_fingerprint = {}, .workspace = {}}),
        ErrorCode::kBusy);
    REFUSED_WITH(store.sessions().rename(a.id, "b", ""), ErrorCode::kBusy);
    REFUSED_WITH(store.sessions().createWorkspace("default"), ErrorCode::kBusy);
  }
  void anEmptyNameIsRefused() {
    SessionFixture store;
    REFUSED_WITH(store.sessions().create({}), ErrorCode::kInvalidInput);
  }
  void whatIsNotThereIsNotFound() {
    SessionFixture store;
    const auto a = store.newSession("a"), b = store.newSession("b");
    REFUSED_WITH(store.sessions().byName("nobody"), ErrorCode::kNotFound);
    REFUSED_WITH(store.sessions().remove({99}), ErrorCode::kNotFound);
    REFUSED_WITH(store.sessions().setPinned({99}, true), ErrorCode::kNotFound);
    REFUSED_WITH(store.sessions().setActiveBranch(a.id, b.branch), ErrorCode::kNotFound);
    REFUSED_WITH(store.sessions().addJob({.id = 0, .session = {99}, .error = ""}),
                 ErrorCode::kNotFound);
  }
  void searchTakesNoOperatorsFromTheUser() {
    SessionFixture store;
    const auto session = store.newSession("a");
    MUST(
        store.messages().append(session.branch, {.text = "say \"hello\" NEAR here", .tokens = {}}));
    for (const char* words : {"\"", "* ^ -", "a OR", "NEAR(", "text:", "'; DROP TABLE message", ""})
      MUST(store.sessions().search({.words = words, .session = {}}));
    MUST_ASSIGN(const auto hits,
                store.sessions().search({.words = "\"hello\" near", .session = {}}));
    QCOMPARE(hits.size(), std::size_t{1});
  }

  // SQLite's index goes up a level or two with every purge and is refused at the 2,000th level.
  void thousandsOfDeletesLeaveTheSearchWhole() {
    SessionFixture store(Medium::kMemory);
    const auto kept = store.newSession("kept");
    MUST(store.messages().append(kept.branch, {.text = "evergreen", .tokens = {}}));
    MUST_ASSIGN(const auto streaming,
                store.messages().append(kept.branch, {.role = storage::MessageRole::kAssistant,
                                                      .text = "",
                                                      .tokens = {},
                                                      .status =
                                                           storage::MessageStatus::kStreaming}));
    MUST(store.messages().update(streaming, {"half an answer", "", {}}));
    const auto other = store.newSession("other");
    for (int i = 0; i < 1500; ++i) {
      MUST_ASSIGN(const auto last,
                  store.messages().append(other.branch, {.text = "lasting", .tokens = {}}));
      MUST(store.messages().append(other.branch, {.text = "passing", .tokens = {}}));
      MUST(store.messages().rewind(other.branch, last));
    }
    MUST(store.messages().finish(streaming, {"a whole answer", "", {}}, {}));
    store.reopen();  // the index is only judged when it is read from the file
    for (const auto& [word, n_wanted] : {std::pair{"evergreen", std::size_t{1}},
                                         {"passing", 0}, {"half", 0}, {"whole", 1}}) {
      storage::SearchQuery query;
      query.words = word;
      MUST_ASSIGN(const auto hits, store.sessions().search(query));
      QCOMPARE(hits.size(), n_wanted);
    }
  }
};

LECTERN_TEST(SessionStoreTest)
#include "session_store_test.moc"
