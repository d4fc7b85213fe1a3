#include "app/session_import.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "app/export_file.h"
#include "app/import_check.h"
#include "app/ingest_job.h"
#include "engine/base/answer.h"
#include "engine/base/log.h"
#include "engine/tokenizer.h"
#include "storage/place_codec.h"
#include "storage/storage.h"

namespace app {

using base::ErrorCode;
using base::failure;
using base::Result;
using base::Status;

namespace {

bool sameContent(const base::Extracted& a, const base::Extracted& b) {
  return a.document.text == b.document.text && a.document.kind == b.document.kind &&
         a.document.file_bytes == b.document.file_bytes &&
         storage::encodePages(a.document.pages) == storage::encodePages(b.document.pages) &&
         storage::encodeSpans(a.document.spans) == storage::encodeSpans(b.document.spans) &&
         storage::encodeDiagnostics(a.diagnostics) == storage::encodeDiagnostics(b.diagnostics);
}

// No reader of ours has a negative version, and other content has another one: what a stranger
// says a file contains is never found when that file is read here.
std::int64_t strangersVersion(const base::Extracted& extracted) {
  base::Hasher hasher;
  hasher.add(extracted.document.text)
      .add(storage::encodePages(extracted.document.pages))
      .add(storage::encodeSpans(extracted.document.spans))
      .add(storage::encodeDiagnostics(extracted.diagnostics));
  const auto digest = hasher.digest();
  const auto hash = base::payloadHash(std::as_bytes(std::span(digest.bytes)));
  return -1 - static_cast<std::int64_t>(hash >> 2);
}

Result<base::DocumentId> storeDocument(storage::LibraryStore& library,
                                       const base::Extracted& extracted) {
  const base::Document& document = extracted.document;
  const auto known = library.findDocument(document.path, document.content_hash, kReaderVersion);
  if (known) {
    const auto stored = library.readDocument(*known);
    if (stored && sameContent(*stored, extracted)) return *known;
  }
  TRY_ASSIGN(const base::DocumentId id,
             library.addDocument(extracted, strangersVersion(extracted)));
  TRY_ASSIGN(const base::Extracted stored, library.readDocument(id));
  if (sameContent(stored, extracted)) return id;
  return failure(ErrorCode::kCorrupt, "a document of the export collides with one that is stored",
                 "Delete the session that was imported before.");
}

// What some vocabularies have tokens for inside an answer. No other control token belongs there.
constexpr std::array kMarks{base::kQuoteOpen, base::kQuoteClose, std::string_view("<none/>"),
                            std::string_view("<think>"), std::string_view("</think>")};

// Without marks and without the white space around them.
std::string spelling(std::string_view text) {
  std::string spelled;
  while (!text.empty()) {
    const auto mark = std::find_if(kMarks.begin(), kMarks.end(), [&](std::string_view candidate) {
      return text.starts_with(candidate);
    });
    if (mark == kMarks.end() && text[0] != ' ' && text[0] != '\n') spelled += text[0];
    text.remove_prefix(mark == kMarks.end() ? 1 : mark->size());
  }
  return spelled;
}

// The model reads tokens, the user reads text.
bool tokensSpell(const engine::Tokenizer& tokenizer, const storage::Message& message) {
  for (const base::TokenId id : message.tokens)
    if (id < 0 || id >= tokenizer.vocabSize() ||
        (tokenizer.isAdded(id) &&
         std::find(kMarks.begin(), kMarks.end(), tokenizer.bytesOf(id)) == kMarks.end()))
      return false;
  return spelling(tokenizer.decode(message.tokens)) == spelling(message.thinking + message.text);
}

// Where the two differ, or the tokens are another vocabulary's, the text is read, as text.
void settleTokens(const engine::Tokenizer& tokenizer, storage::Message& message) {
  if (!message.tokens.empty() && !tokensSpell(tokenizer, message))
    message.tokens = tokenizer.encodeText(message.text);
}

class Import {
 public:
  Import(ReadingService& service, ImportedSession session)
      : service_(service), session_(std::move(session)) {}

  Status store() {
    TRY_ASSIGN(const auto tokenizer, service_.tokenizer());
    for (storage::Message& message : session_.tree.messages) settleTokens(*tokenizer, message);
    return service_.database().asOneStep([&] { return storeAll(); });
  }
  const storage::Session& stored() const { return stored_; }

 private:
  Status storeAll() {
    storage::SessionDatabase& database = service_.database();
    TRY_ASSIGN(stored_, database.sessions().create({.name = session_.name,
                                                    .title = session_.title,
                                                    .model_name = session_.model_name,
                                                    .model_fingerprint = session_.model_fingerprint,
                                                    .model_identity = session_.model_identity,
                                                    .workspace = {}}));
    std::vector<base::DocumentId> ids;
    for (const base::Extracted& extracted : session_.documents) {
      TRY_ASSIGN(const base::DocumentId id, storeDocument(database.library(), extracted));
      ids.push_back(id);
    }
    std::vector<storage::SessionDocument> uses;
    for (const ImportedSession::Use& use : session_.context)
      uses.push_back({.document = ids[use.document], .source = {}, .n_tokens = use.n_tokens});
    TRY(database.library().setDocuments(stored_.id, uses, session_.receipt));
    storage::MessageTree tree = session_.tree;
    for (storage::Message& message : tree.messages)
      for (base::Citation& citation : message.citations)
        if (citation.document)
          citation.document = ids[static_cast<std::size_t>(citation.document.value) - 1];
    TRY_ASSIGN(const auto branches, database.messages().insertTree(stored_.id, tree));
    TRY(database.sessions().setActiveBranch(stored_.id, branches[session_.active]));
    TRY(database.sessions().setContextTokens(stored_.id, session_.n_context_tokens));
    TRY_ASSIGN(stored_, database.sessions().byId(stored_.id));
    return {};
  }

  ReadingService& service_;
  ImportedSession session_;
  storage::Session stored_;
};

Result<KvTransfer> takeKv(ReadingService& service, const storage::Session& session,
                          const std::filesystem::path& file, std::stop_token stop) {
  if (stop.stop_requested()) return failure(ErrorCode::kCancelled, "stopped before the KV");
  TRY_ASSIGN(const SessionTokens context, service.tokensOf(session.id));
  TRY_ASSIGN(const KvTransfer taken,
             service.engine().unpackKv(context.tokens, std::filesystem::absolute(file), session.key,
                                       stop));
  const Status within = service.keepWithinBudget(session.id, stop);
  if (!within) base::logWarn("app", "budget not kept: " + within.error().message);
  return taken;
}

}  // namespace

Result<ImportReport> importSession(ReadingService& service, const std::filesystem::path& file,
                                   const std::string& name, ImportKv kv, std::stop_token stop) {
  TRY_ASSIGN(const ExportFile read, readExportFile(file));
  TRY_ASSIGN(ImportedSession session, checkedSession(read.exported));
  if (!read.intact)
    return failure(ErrorCode::kCorrupt, "the export was changed after it was written",
                   "Copy the file again, or ask for a new export.");
  if (!name.empty()) session.name = name;
  ImportReport report;
  report.session = session.name;
  report.n_documents = static_cast<std::int64_t>(session.documents.size());
  report.n_messages = static_cast<std::int64_t>(session.tree.messages.size());
  report.n_branches = static_cast<std::int64_t>(session.tree.branches.size());
  for (const storage::Message& message : session.tree.messages)
    for (const base::Citation& citation : message.citations) {
      ++report.n_citations;
      report.n_unverified += citation.check != base::CitationCheck::kVerified ? 1 : 0;
    }
  report.has_kv = read.has_kv;

  Import import(service, std::move(session));
  if (Status stored = import.store(); !stored) {
    if (stored.error().code == ErrorCode::kBusy)
      stored.error().hint = "Give it another name: lectern import FILE --session NAME";
    return tl::make_unexpected(stored.error());
  }
  if (!read.has_kv || kv == ImportKv::kLeave) return report;
  auto taken = takeKv(service, import.stored(), file, stop);
  if (!taken && taken.error().code == ErrorCode::kCancelled)
    return failure(
        ErrorCode::kCancelled,
        "stopped while its KV was copied; session \"" + report.session + "\" is imported",
        "What of the text is not stored is read before the next answer. For the KV, "
        "`lectern delete` the session and import it again.");
  if (taken)
    report.kv = *taken;
  else
    report.kv_refused = taken.error();
  return report;
}

}  // namespace app
