#include "storage/place_codec.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/test_main.h"

using namespace support;
using base::ErrorCode;

class LibraryStoreTest : public QObject {
  Q_OBJECT
 private slots:
  void aDocumentComesBackExactly() {
    SessionFixture store;
    const auto given = pagedDocument("papers/a.pdf", "alpha");
    MUST_ASSIGN(const auto id, store.library().addDocument(given, 3));
    store.close();
    store.reopen();
    // Nothing uses it, so the reopening removed it; with a session it stays.
    REFUSED_WITH(store.library().readDocument(id), ErrorCode::kNotFound);
    MUST_ASSIGN(const auto again, store.library().addDocument(given, 3));
    const auto session = store.newSession("s");
    const std::vector<storage::SessionDocument> documents{{again, {}, 77}};
    MUST(store.library().setDocuments(session.id, documents, {}));
    store.reopen();
    MUST_ASSIGN(const auto read, store.library().readDocument(again));
    QCOMPARE(read.document.path, given.document.path);
    QVERIFY(read.document.kind == given.document.kind);
    QCOMPARE(read.document.content_hash, given.document.content_hash);
    QCOMPARE(read.document.file_bytes, given.document.file_bytes);
    QCOMPARE(read.document.text, given.document.text);
    QCOMPARE(read.document.pages.size(), std::size_t{2});
    QCOMPARE(read.document.pages[1].label, std::string("1"));
    QCOMPARE(read.document.pages[1].bytes, given.document.pages[1].bytes);
    QCOMPARE(read.document.pages[0].height, 841.89);
    QCOMPARE(read.document.spans.size(), std::size_t{3});
    for (std::size_t i = 0; i < 3; ++i) {
      QCOMPARE(read.document.spans[i].bytes, given.document.spans[i].bytes);
      QCOMPARE(read.document.spans[i].page, given.document.spans[i].page);
      QCOMPARE(read.document.spans[i].boxes, given.document.spans[i].boxes);
    }
    QCOMPARE(read.diagnostics.size(), std::size_t{1});
    QCOMPARE(read.diagnostics[0].code, std::string("no_text_layer"));
    QCOMPARE(read.diagnostics[0].page, 2);
  }

  void theSameVersionIsStoredOnce() {
    SessionFixture store;
    MUST_ASSIGN(const auto first, store.library().addDocument(pagedDocument("a", "x"), 1));
    MUST_ASSIGN(const auto same, store.library().addDocument(pagedDocument("a", "x"), 1));
    MUST_ASSIGN(const auto other_text, store.library().addDocument(pagedDocument("a", "y"), 1));
    MUST_ASSIGN(const auto other_path, store.library().addDocument(pagedDocument("b", "x"), 1));
    MUST_ASSIGN(const auto other_reader, store.library().addDocument(pagedDocument("a", "x"), 2));
    QCOMPARE(same, first);
    QVERIFY(other_text != first && other_path != first && other_reader != first);
  }

  void documentsKeepTheirOrderAndReceipt() {
    SessionFixture store;
    const auto session = store.newSession("s");
    MUST_ASSIGN(const auto a, store.library().addDocument(textDocument("a.cpp", "int a;\n"), 1));
    MUST_ASSIGN(const auto b, store.library().addDocument(pagedDocument("b.pdf", "b"), 1));
    const std::vector<storage::Source> given{{{}, "/books", storage::SourceKind::kFolder, ""},
                                             {{}, "/code", storage::SourceKind::kGit, "0123abc"}};
    MUST_ASSIGN(const auto sources, store.library().setSources(session.id, given));
    const std::vector<storage::SessionDocument> documents{{b, sources[0], 20}, {a, sources[1], 10}};
    const std::vector<base::ReceiptEntry> receipt{
        {"b.pdf", true, "no_text_layer", "1 page has no text.", base::DocumentKind::kPdf, 12345},
        {"x.bin", false, "binary", "", base::DocumentKind::kText, 9}};
    MUST(store.library().setDocuments(session.id, documents, receipt));
    store.reopen();
    MUST_ASSIGN(const auto found, store.library().documentsOf(session.id));
    QCOMPARE(found.size(), std::size_t{2});
    QCOMPARE(found[0].use.document, b);
    QCOMPARE(found[0].use.source, sources[0]);
    QCOMPARE(found[0].use.n_tokens, 20);
    QCOMPARE(found[0].n_pages, 2);
    QCOMPARE(found[1].path, std::string("a.cpp"));
    QCOMPARE(found[1].text_bytes, 7u);
    MUST_ASSIGN(const auto lines, store.library().receiptOf(session.id));
    QCOMPARE(lines.size(), std::size_t{2});
    QVERIFY(lines[0].read && !lines[1].read);
    QCOMPARE(lines[0].detail, receipt[0].detail);
    QVERIFY(lines[0].kind == base::DocumentKind::kPdf);
    QCOMPARE(lines[1].bytes, 9u);
    MUST_ASSIGN(const auto stored, store.library().sourcesOf(session.id));
    QCOMPARE(stored.size(), std::size_t{2});
    QCOMPARE(stored[1].path, std::string("/code"));
    QCOMPARE(stored[1].revision, std::string("0123abc"));
    QVERIFY(stored[1].kind == storage::SourceKind::kGit);
  }

  void replacedDocumentsGoUnlessCited() {
    SessionFixture store;
    const auto session = store.newSession("s");
    MUST_ASSIGN(const auto cited, store.library().addDocument(textDocument("a", "old a"), 1));
    MUST_ASSIGN(const auto uncited, store.library().addDocument(textDocument("b", "old b"), 1));
    const std::vector<storage::SessionDocument> old{{cited, {}, 0}, {uncited, {}, 0}};
    MUST(store.library().setDocuments(session.id, old, {}));
    MUST_ASSIGN(const auto answer,
                store.messages().append(
                    session.branch,
                    {.text = "", .tokens = {}, .status = storage::MessageStatus::kStreaming}));
    base::Citation citation;
    citation.document = cited;
    MUST(store.messages().finish(answer, {"x", "", {}}, {.usage = {}, .citations = {citation}}));
    MUST(store.library().setDocuments(session.id, {}, {}));
    MUST(store.library().readDocument(cited));
    REFUSED_WITH(store.library().readDocument(uncited), ErrorCode::kNotFound);
  }

  // From here on: what is refused.
  void changedTextIsRefusedAndCanBeReadAgain() {
    SessionFixture store;
    const auto session = store.newSession("s");
    const auto given =
        textDocument("a", std::string(20000, 'a') + "needle" + std::string(20000, 'b'));
    MUST_ASSIGN(const auto id, store.library().addDocument(given, 1));
    MUST(store.library().setDocuments(session.id,
                                      std::vector<storage::SessionDocument>{{id, {}, 0}}, {}));
    store.close();
    const auto file = store.file("session.db");
    flipBit(file, fileBytes(file).find("needle") * 8 + 2);
    store.reopen();
    REFUSED_WITH(store.library().readDocument(id), ErrorCode::kCorrupt);
    MUST_ASSIGN(const auto again, store.library().addDocument(given, 1));
    QCOMPARE(again, id);
    MUST_ASSIGN(const auto read, store.library().readDocument(id));
    QCOMPARE(read.document.text, given.document.text);
  }
  void unknownDocumentsAndSessionsAreRefusedWhole() {
    SessionFixture store;
    const auto session = store.newSession("s");
    MUST_ASSIGN(const auto a, store.library().addDocument(textDocument("a", "a"), 1));
    const std::vector<storage::SessionDocument> good{{a, {}, 1}}, bad{{a, {}, 1}, {{99}, {}, 1}};
    MUST(store.library().setDocuments(session.id, good, {}));
    REFUSED_WITH(store.library().setDocuments(session.id, bad, {}), ErrorCode::kNotFound);
    REFUSED_WITH(store.library().setDocuments({99}, good, {}), ErrorCode::kNotFound);
    MUST_ASSIGN(const auto documents, store.library().documentsOf(session.id));
    QCOMPARE(documents.size(), std::size_t{1});
  }
  void blobsOfAnyBytesAreDecodedOrRefused() {
    std::mt19937_64 random(testSeed("blobs"));
    const auto spans = storage::encodeSpans(pagedDocument("a", "b").document.spans);
    int n_accepted = 0;
    for (int i = 0; i < 20000; ++i) {
      auto blob = spans;
      if (i % 3 == 0) blob.resize(random() % (spans.size() + 1));
      if (i % 3 != 0)
        for (int n = 1 + static_cast<int>(random() % 4); n > 0; --n)
          blob[random() % blob.size()] = static_cast<std::byte>(random());
      n_accepted += storage::decodeSpans(blob).has_value();
      n_accepted += storage::decodePages(blob).has_value();
      n_accepted += storage::decodeDiagnostics(blob).has_value();
    }
    QVERIFY(n_accepted > 0 && n_accepted < 60000);
    QVERIFY(!storage::decodeTokens(storage::Blob(7)));
  }
};

LECTERN_TEST(LibraryStoreTest)
#include "library_store_test.moc"
