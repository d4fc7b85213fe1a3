// library_store.h: the documents of a session, the sources they came from, and the receipt.
//
// A document is one version of one file: equal content read by the same reader version under the
// same path is stored once, however many sessions use it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/base/document.h"
#include "engine/base/ids.h"
#include "engine/base/result.h"

namespace storage {

class SessionFile;

enum class SourceKind { kFolder, kFile, kGit };

// A folder or file the user added.
struct Source {
  base::SourceId id;  // 0 before it is stored
  std::string path;   // absolute
  SourceKind kind = SourceKind::kFolder;
  std::string revision;  // commit that was read; empty without git
};

// A document in its place in a session's context.
struct SessionDocument {
  base::DocumentId document;
  base::SourceId source;      // 0 = unknown
  std::int64_t n_tokens = 0;  // of its part of the context; 0 = not counted yet
};

// What is known about a stored document without reading its text.
struct DocumentInfo {
  SessionDocument use;
  std::string path;
  base::DocumentKind kind = base::DocumentKind::kText;
  base::Hash128 content_hash;
  std::uint64_t file_bytes = 0;
  std::uint64_t text_bytes = 0;
  std::int64_t n_pages = 0;
};

class LibraryStore {
 public:
  explicit LibraryStore(SessionFile& file) : file_(file) {}

  // Stores a document or finds the stored one. `reader_version` names the reader and its version:
  // a better reader makes a new document of the same bytes.
  base::Result<base::DocumentId> addDocument(const base::Extracted& extracted,
                                             std::int64_t reader_version);
  // The stored version of these bytes; kNotFound if they were never read by this reader version.
  base::Result<base::DocumentId> findDocument(const std::string& path,
                                              const base::Hash128& content_hash,
                                              std::int64_t reader_version);
  // Text, pages, spans and diagnostics. kCorrupt if the stored bytes changed since.
  base::Result<base::Extracted> readDocument(base::DocumentId document);

  // Replaces what a session is made of: documents in context order, and the receipt of the reading.
  // Documents that no session and no citation uses any more are removed. kNotFound for an unknown
  // session, document or source.
  base::Status setDocuments(base::SessionId session, std::span<const SessionDocument> documents,
                            std::span<const base::ReceiptEntry> receipt);
  base::Result<std::vector<DocumentInfo>> documentsOf(base::SessionId session);  // in context order
  base::Result<std::vector<base::ReceiptEntry>> receiptOf(base::SessionId session);

  // Replaces the sources of a session; returns their ids in the same order.
  base::Result<std::vector<base::SourceId>> setSources(base::SessionId session,
                                                       std::span<const Source> sources);
  base::Result<std::vector<Source>> sourcesOf(base::SessionId session);

 private:
  base::Result<base::DocumentId> insertDocument(const base::Extracted& extracted,
                                                std::int64_t reader_version);
  base::Result<base::DocumentId> rewriteDocument(base::DocumentId document,
                                                 const base::Extracted& extracted);
  base::Result<base::SourceId> addSource(base::SessionId session, const Source& source);
  base::Status replaceDocuments(base::SessionId session,
                                std::span<const SessionDocument> documents);
  base::Status replaceReceipt(base::SessionId session, std::span<const base::ReceiptEntry> receipt);

  SessionFile& file_;
};

}  // namespace storage
