#include "storage/library_store.h"

#include <optional>

#include "storage/place_codec.h"
#include "storage/session_file.h"

namespace storage {
namespace {

using base::DocumentId;
using base::DocumentKind;
using base::ErrorCode;
using base::failure;
using base::Result;
using base::SessionId;
using base::SourceId;
using base::Status;

Result<DocumentKind> documentKindOf(const std::string& name) {
  for (const auto kind :
       {DocumentKind::kText, DocumentKind::kCode, DocumentKind::kMarkdown, DocumentKind::kPdf})
    if (name == base::documentKindName(kind)) return kind;
  return failure(ErrorCode::kCorrupt, "a stored document kind is unknown");
}

std::string_view sourceKindName(SourceKind kind) {
  switch (kind) {
    case SourceKind::kFolder:
      return "folder";
    case SourceKind::kFile:
      return "file";
    case SourceKind::kGit:
      return "git";
  }
  return "folder";
}

SourceKind sourceKindOf(const std::string& name) {
  if (name == "file") return SourceKind::kFile;
  return name == "git" ? SourceKind::kGit : SourceKind::kFolder;
}

// Covers everything a citation is checked against.
std::int64_t checkHash(BlobView pages, BlobView spans, BlobView diagnostics, BlobView text) {
  base::Hasher hasher;
  hasher.add(pages).add(spans).add(diagnostics).add(text);
  const auto digest = hasher.digest();
  return static_cast<std::int64_t>(base::payloadHash(std::as_bytes(std::span(digest.bytes))));
}

Status requireSession(Database& database, SessionId session) {
  TRY_ASSIGN(auto query, database.prepare("SELECT 1 FROM session WHERE id = :session"));
  TRY_ASSIGN(const bool found, query.bind(":session", session.value).step());
  if (found) return {};
  return failure(ErrorCode::kNotFound, "no session with this id", "");
}

Result<std::vector<std::int64_t>> documentIdsOf(Database& database, SessionId session) {
  TRY_ASSIGN(auto query, database.prepare("SELECT DISTINCT document_id FROM session_document"
                                          " WHERE session_id = :session"));
  query.bind(":session", session.value);
  std::vector<std::int64_t> ids;
  for (;;) {
    TRY_ASSIGN(const bool has_row, query.step());
    if (!has_row) return ids;
    ids.push_back(query.integer(0));
  }
}

// A foreign key that points nowhere: the caller named a row that does not exist.
Status unknownReference(Status status) {
  if (status || status.error().code != ErrorCode::kInvalidInput) return status;
  return failure(ErrorCode::kNotFound, "a document or source with this id is not stored");
}

}  // namespace

Result<DocumentId> LibraryStore::findDocument(const std::string& path,
                                              const base::Hash128& content_hash,
                                              std::int64_t reader_version) {
  TRY_ASSIGN(auto query,
             file_.database().prepare("SELECT id FROM document WHERE content_hash = :hash"
                                      " AND path = :path AND reader_version = :reader"));
  query.bind(":hash", content_hash).bind(":path", path).bind(":reader", reader_version);
  TRY_ASSIGN(const bool found, query.step());
  if (found) return DocumentId{query.integer(0)};
  return failure(ErrorCode::kNotFound, "this version of the document is not stored");
}

Result<DocumentId> LibraryStore::addDocument(const base::Extracted& extracted,
                                             std::int64_t reader_version) {
  const base::Document& document = extracted.document;
  auto stored = findDocument(document.path, document.content_hash, reader_version);
  if (!stored && stored.error().code != ErrorCode::kNotFound) return stored;
  // The same bytes may be read differently on another day (a damaged page, a missing font): what
  // was stored is kept unless it no longer holds.
  if (stored) {
    auto readable = readDocument(*stored);
    if (readable) return stored;
    if (readable.error().code != ErrorCode::kCorrupt) return tl::make_unexpected(readable.error());
  }
  DocumentId id;
  TRY(file_.write([&]() -> Status {
    TRY_ASSIGN(id, stored ? rewriteDocument(*stored, extracted)
                          : insertDocument(extracted, reader_version));
    return {};
  }));
  return id;
}

Result<DocumentId> LibraryStore::insertDocument(const base::Extracted& extracted,
                                                std::int64_t reader_version) {
  const base::Document& document = extracted.document;
  TRY_ASSIGN(auto insert,
             file_.database().prepare(
                 "INSERT INTO document (path, kind, content_hash, reader_version, file_bytes,"
                 " text_bytes, n_pages, read_ms, check_hash, pages, spans, diagnostics, text)"
                 " VALUES (:path, :kind, :hash, :reader, :file_bytes, 0, 0, :now, 0,"
                 " x'', x'', x'', x'')"));
  insert.bind(":path", document.path).bind(":kind", base::documentKindName(document.kind));
  insert.bind(":hash", document.content_hash).bind(":reader", reader_version);
  insert.bind(":file_bytes", static_cast<std::int64_t>(document.file_bytes));
  insert.bind(":now", nowMs());
  TRY(insert.run());
  return rewriteDocument(DocumentId{file_.database().lastInsertId()}, extracted);
}

Result<DocumentId> LibraryStore::rewriteDocument(DocumentId id, const base::Extracted& extracted) {
  const base::Document& document = extracted.document;
  const Blob pages = encodePages(document.pages), spans = encodeSpans(document.spans);
  const Blob diagnostics = encodeDiagnostics(extracted.diagnostics);
  const BlobView text = std::as_bytes(std::span(document.text));
  TRY_ASSIGN(auto update, file_.database().prepare(
                              "UPDATE document SET text_bytes = :text_bytes, n_pages = :n_pages,"
                              " check_hash = :check, pages = :pages, spans = :spans,"
                              " diagnostics = :diagnostics, text = :text WHERE id = :document"));
  update.bind(":document", id.value);
  update.bind(":text_bytes", static_cast<std::int64_t>(document.text.size()));
  update.bind(":n_pages", static_cast<std::int64_t>(document.pages.size()));
  update.bind(":check", checkHash(pages, spans, diagnostics, text));
  update.bind(":pages", BlobView(pages)).bind(":spans", BlobView(spans));
  update.bind(":diagnostics", BlobView(diagnostics)).bind(":text", text);
  TRY(update.run());
  return id;
}

Result<base::Extracted> LibraryStore::readDocument(DocumentId document) {
  TRY_ASSIGN(auto query, file_.database().prepare(
                             "SELECT path, kind, content_hash, file_bytes, check_hash, pages,"
                             " spans, diagnostics, text FROM document WHERE id = :document"));
  TRY_ASSIGN(const bool found, query.bind(":document", document.value).step());
  if (!found) return failure(ErrorCode::kNotFound, "no document with this id");
  if (query.integer(4) != checkHash(query.blob(5), query.blob(6), query.blob(7), query.blob(8)))
    return failure(ErrorCode::kCorrupt, "the stored text of a document changed on the disk",
                   "Read the document again from its source.");
  base::Extracted extracted;
  extracted.document.path = query.text(0);
  TRY_ASSIGN(extracted.document.kind, documentKindOf(query.text(1)));
  TRY_ASSIGN(extracted.document.content_hash, query.hash(2));
  extracted.document.file_bytes = static_cast<std::uint64_t>(query.integer(3));
  TRY_ASSIGN(extracted.document.pages, decodePages(query.blob(5)));
  TRY_ASSIGN(extracted.document.spans, decodeSpans(query.blob(6)));
  TRY_ASSIGN(extracted.diagnostics, decodeDiagnostics(query.blob(7)));
  const BlobView text = query.blob(8);
  extracted.document.text.assign(reinterpret_cast<const char*>(text.data()), text.size());
  return extracted;
}

Status LibraryStore::setDocuments(SessionId session, std::span<const SessionDocument> documents,
                                  std::span<const base::ReceiptEntry> receipt) {
  return file_.write([&]() -> Status {
    TRY(requireSession(file_.database(), session));
    TRY_ASSIGN(const auto before, documentIdsOf(file_.database(), session));
    TRY(replaceDocuments(session, documents));
    TRY(replaceReceipt(session, receipt));
    return removeUnusedDocuments(file_.database(), before);
  });
}

Status LibraryStore::replaceDocuments(SessionId session,
                                      std::span<const SessionDocument> documents) {
  TRY_ASSIGN(auto remove,
             file_.database().prepare("DELETE FROM session_document WHERE session_id = :session"));
  TRY(remove.bind(":session", session.value).run());
  TRY_ASSIGN(auto insert,
             file_.database().prepare(
                 "INSERT INTO session_document (session_id, position, document_id, source_id,"
                 " n_tokens) VALUES (:session, :position, :document, :source, :n_tokens)"));
  for (std::size_t i = 0; i < documents.size(); ++i) {
    insert.bind(":session", session.value).bind(":position", static_cast<std::int64_t>(i));
    insert.bind(":document", documents[i].document.value);
    insert.bindId(":source", documents[i].source.value).bind(":n_tokens", documents[i].n_tokens);
    TRY(unknownReference(insert.run()));
  }
  return {};
}

Status LibraryStore::replaceReceipt(SessionId session,
                                    std::span<const base::ReceiptEntry> receipt) {
  TRY_ASSIGN(auto remove,
             file_.database().prepare("DELETE FROM receipt_entry WHERE session_id = :session"));
  TRY(remove.bind(":session", session.value).run());
  TRY_ASSIGN(auto insert,
             file_.database().prepare(
                 "INSERT INTO receipt_entry (session_id, position, path, is_read, reason, detail,"
                 " kind, bytes) VALUES (:session, :position, :path, :is_read, :reason, :detail,"
                 " :kind, :bytes)"));
  for (std::size_t i = 0; i < receipt.size(); ++i) {
    const base::ReceiptEntry& entry = receipt[i];
    insert.bind(":session", session.value).bind(":position", static_cast<std::int64_t>(i));
    insert.bind(":path", entry.path).bind(":is_read", std::int64_t{entry.read});
    insert.bind(":reason", entry.reason).bind(":detail", entry.detail);
    insert.bind(":kind", base::documentKindName(entry.kind));
    insert.bind(":bytes", static_cast<std::int64_t>(entry.bytes));
    TRY(insert.run());
  }
  return {};
}

Result<std::vector<DocumentInfo>> LibraryStore::documentsOf(SessionId session) {
  TRY(requireSession(file_.database(), session));
  TRY_ASSIGN(auto query, file_.database().prepare(
                             "SELECT d.id, s.source_id, s.n_tokens, d.path, d.kind, d.content_hash,"
                             " d.file_bytes, d.text_bytes, d.n_pages FROM session_document s"
                             " JOIN document d ON d.id = s.document_id"
                             " WHERE s.session_id = :session ORDER BY s.position"));
  query.bind(":session", session.value);
  std::vector<DocumentInfo> documents;
  for (;;) {
    TRY_ASSIGN(const bool has_row, query.step());
    if (!has_row) return documents;
    DocumentInfo info;
    info.use = {{query.integer(0)}, {query.integer(1)}, query.integer(2)};
    info.path = query.text(3);
    TRY_ASSIGN(info.kind, documentKindOf(query.text(4)));
    TRY_ASSIGN(info.content_hash, query.hash(5));
    info.file_bytes = static_cast<std::uint64_t>(query.integer(6));
    info.text_bytes = static_cast<std::uint64_t>(query.integer(7));
    info.n_pages = query.integer(8);
    documents.push_back(std::move(info));
  }
}

Result<std::vector<base::ReceiptEntry>> LibraryStore::receiptOf(SessionId session) {
  TRY(requireSession(file_.database(), session));
  TRY_ASSIGN(auto query, file_.database().prepare(
                             "SELECT path, is_read, reason, detail, kind, bytes FROM receipt_entry"
                             " WHERE session_id = :session ORDER BY position"));
  query.bind(":session", session.value);
  std::vector<base::ReceiptEntry> receipt;
  for (;;) {
    TRY_ASSIGN(const bool has_row, query.step());
    if (!has_row) return receipt;
    base::ReceiptEntry entry;
    entry.path = query.text(0);
    entry.read = query.integer(1) != 0;
    entry.reason = query.text(2);
    entry.detail = query.text(3);
    TRY_ASSIGN(entry.kind, documentKindOf(query.text(4)));
    entry.bytes = static_cast<std::uint64_t>(query.integer(5));
    receipt.push_back(std::move(entry));
  }
}

Result<std::vector<SourceId>> LibraryStore::setSources(SessionId session,
                                                       std::span<const Source> sources) {
  std::vector<SourceId> ids;
  TRY(file_.write([&]() -> Status {
    ids.clear();
    TRY(requireSession(file_.database(), session));
    TRY_ASSIGN(auto remove,
               file_.database().prepare("DELETE FROM session_source WHERE session_id = :session"));
    TRY(remove.bind(":session", session.value).run());
    for (const Source& source : sources) {
      TRY_ASSIGN(const SourceId id, addSource(session, source));
      TRY_ASSIGN(auto insert, file_.database().prepare(
                                  "INSERT INTO session_source (session_id, position, source_id)"
                                  " VALUES (:session, :position, :source)"));
      insert.bind(":session", session.value).bind(":source", id.value);
      TRY(insert.bind(":position", static_cast<std::int64_t>(ids.size())).run());
      ids.push_back(id);
    }
    return removeUnusedSources(file_.database());
  }));
  return ids;
}

// Sessions of one workspace share the row of a folder they share.
Result<SourceId> LibraryStore::addSource(SessionId session, const Source& source) {
  TRY_ASSIGN(auto upsert,
             file_.database().prepare(
                 "INSERT INTO source (workspace_id, path, kind, revision)"
                 " SELECT workspace_id, :path, :kind, :revision FROM session WHERE id = :session"
                 " ON CONFLICT (workspace_id, path, revision) DO UPDATE SET kind = excluded.kind"
                 " RETURNING id"));
  upsert.bind(":session", session.value).bind(":path", source.path);
  upsert.bind(":kind", sourceKindName(source.kind)).bind(":revision", source.revision);
  TRY_ASSIGN(const bool has_row, upsert.step());
  if (!has_row) return failure(ErrorCode::kNotFound, "no session with this id");
  const SourceId id{upsert.integer(0)};
  TRY(upsert.run());
  return id;
}

Result<std::vector<Source>> LibraryStore::sourcesOf(SessionId session) {
  TRY(requireSession(file_.database(), session));
  TRY_ASSIGN(auto query,
             file_.database().prepare("SELECT id, path, kind, revision FROM session_source"
                                      " JOIN source ON id = source_id WHERE session_id = :session"
                                      " ORDER BY position"));
  query.bind(":session", session.value);
  std::vector<Source> sources;
  for (;;) {
    TRY_ASSIGN(const bool has_row, query.step());
    if (!has_row) return sources;
    sources.push_back(
        {{query.integer(0)}, query.text(1), sourceKindOf(query.text(2)), query.text(3)});
  }
}

}  // namespace storage
