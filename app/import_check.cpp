#include "app/import_check.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "app/json_fields.h"
#include "app/session_export.h"
#include "engine/citation.h"
#include "engine/utf8.h"

namespace app {

using base::ErrorCode;
using base::failure;
using base::Result;
using base::Status;
using engine::Json;

namespace {

constexpr std::size_t kItemsMax = 2'000'000, kPathBytesMax = 4096, kIdentityBytesMax = 8192;
constexpr std::int64_t kLookedThroughBytesMax = std::int64_t{4} << 30;
constexpr double kPointsMax = 1e7;
constexpr const char* kHint = "Ask for a new export of the session.";

tl::unexpected<base::Error> wrong(const std::string& what) {
  return failure(ErrorCode::kInvalidInput, "the export is not consistent: " + what, kHint);
}

Result<const Json*> listOf(const Json& object, const char* key) {
  const Json* found = JsonFields(object).find(key);
  if (found == nullptr || !found->is_array()) return wrong(std::string("no list \"") + key + "\"");
  if (found->size() > kItemsMax)
    return failure(ErrorCode::kTooLarge,
                   std::string("the export's list \"") + key + "\" is too long", kHint);
  return found;
}

bool isName(const std::string& text) {
  return !text.empty() && text.size() <= kNameBytesMax &&
         std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

// Lines of "name=value", which may be shown to the user.
bool isIdentity(const std::string& text) {
  return text.size() <= kIdentityBytesMax && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 0x20 && c < 0x7f) || c == '\n';
         });
}

// As our own: relative, below its source, no way up.
bool isDocumentPath(const std::string& path) {
  if (path.empty() || path.size() > kPathBytesMax || path.front() == '/') return false;
  if (path.find('\0') != std::string::npos) return false;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const auto part = std::string_view(path).substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") return false;
    begin = end + 1;
  }
  return true;
}

bool isInside(const base::ByteRange& range, const std::string& text) {
  return range.begin <= range.end && range.end <= text.size();
}

bool isCharacterStart(const std::string& text, std::size_t at) {
  return at == text.size() || (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
}

bool isMeasure(double value) { return std::isfinite(value) && std::abs(value) <= kPointsMax; }

bool areBoxes(const std::vector<base::Box>& boxes) {
  return std::all_of(boxes.begin(), boxes.end(), [](const base::Box& box) {
    return isMeasure(box.x0) && isMeasure(box.y0) && isMeasure(box.x1) && isMeasure(box.y1);
  });
}

Result<base::DocumentKind> kindOf(const std::string& name) {
  for (const auto kind : {base::DocumentKind::kText, base::DocumentKind::kCode,
                          base::DocumentKind::kMarkdown, base::DocumentKind::kPdf})
    if (name == base::documentKindName(kind)) return kind;
  return wrong("a kind of document is unknown");
}

Status readPages(const Json& json, base::Document& document) {
  TRY_ASSIGN(const Json* pages, listOf(json, "pages"));
  std::size_t end = 0;
  for (const Json& row : *pages) {
    base::Page& page = document.pages.emplace_back();
    std::vector<double> size;
    JsonFields fields(row);
    fields.need("n", page.number);
    fields.need("label", page.label);
    fields.need("bytes", page.bytes);
    fields.need("size", size);
    TRY(fields.status());
    if (page.bytes.begin != end || !isInside(page.bytes, document.text) ||
        !isCharacterStart(document.text, page.bytes.end) || size.size() != 2 ||
        !isMeasure(size[0]) || !isMeasure(size[1]) || page.number < 1)
      return wrong("pages do not divide a text");
    page.width = size[0];
    page.height = size[1];
    end = page.bytes.end;
  }
  if (!document.pages.empty() && end != document.text.size())
    return wrong("pages do not divide a text");
  return {};
}

Status readSpans(const Json& json, base::Document& document) {
  TRY_ASSIGN(const Json* spans, listOf(json, "spans"));
  std::size_t end = 0;
  for (const Json& row : *spans) {
    if (!row.is_array() || row.size() < 2 || row.size() > 4)
      return wrong("a span of a text is malformed");
    base::SourceSpan& span = document.spans.emplace_back();
    const Json named{{"bytes", {row[0], row[1]}},
                     {"page", row.size() > 2 ? row[2] : Json(0)},
                     {"boxes", row.size() > 3 ? row[3] : Json::array()}};
    JsonFields fields(named);
    fields.need("bytes", span.bytes);
    fields.need("page", span.page);
    fields.need("boxes", span.boxes);
    TRY(fields.status());
    if (span.bytes.begin < end || !isInside(span.bytes, document.text) || span.page < 0 ||
        !areBoxes(span.boxes))
      return wrong("spans overlap or leave their text");
    end = span.bytes.end;
  }
  return {};
}

Status readDiagnostics(const Json& json, base::Extracted& extracted) {
  TRY_ASSIGN(const Json* diagnostics, listOf(json, "diagnostics"));
  for (const Json& row : *diagnostics) {
    base::Diagnostic& diagnostic = extracted.diagnostics.emplace_back();
    JsonFields fields(row);
    fields.need("code", diagnostic.code);
    fields.need("message", diagnostic.message);
    fields.need("page", diagnostic.page);
    TRY(fields.status());
  }
  return {};
}

Result<base::Extracted> readDocument(const Json& json) {
  base::Extracted extracted;
  base::Document& document = extracted.document;
  std::string kind;
  base::Hash128 text_hash;
  JsonFields fields(json);
  fields.need("path", document.path);
  fields.need("kind", kind);
  fields.need("content_hash", document.content_hash);
  fields.need("file_bytes", document.file_bytes);
  fields.need("text", document.text);
  fields.need("text_hash", text_hash);
  TRY(fields.status());
  TRY_ASSIGN(document.kind, kindOf(kind));
  if (!isDocumentPath(document.path)) return wrong("the path of a document leads elsewhere");
  if (document.file_bytes > (std::uint64_t{1} << 62)) return wrong("a size is out of range");
  if (base::hashText(document.text) != text_hash)
    return failure(ErrorCode::kCorrupt, "the text of a document was changed after the export",
                   kHint);
  TRY(readPages(json, document));
  TRY(readSpans(json, document));
  TRY(readDiagnostics(json, extracted));
  return extracted;
}

// What was said of the quote is not taken over: it is compared with both texts, and where it stands
// is looked up again.
Result<base::Citation> readCitation(const Json& json, const std::vector<base::Extracted>& documents,
                                    const std::string& answer) {
  base::Citation citation;
  std::int64_t document = -1;
  JsonFields fields(json);
  fields.need("quote", citation.quote);
  fields.need("path", citation.path);
  fields.need("document", document);
  fields.need("bytes", citation.bytes);
  fields.need("answer_bytes", citation.answer);
  TRY(fields.status());
  if (document < -1 || document >= static_cast<std::int64_t>(documents.size()) ||
      !isInside(citation.answer, answer))
    return wrong("a citation points nowhere");
  citation.document = {document + 1};
  citation.check = base::CitationCheck::kUnverified;
  if (document < 0) return citation;
  const base::Document& cited = documents[static_cast<std::size_t>(document)].document;
  if (!isInside(citation.bytes, cited.text) || citation.path != cited.path)
    return wrong("a citation points nowhere");
  engine::placeIn(cited, citation);
  if (engine::verifyQuote(answer, citation.answer, citation.quote) ==
      base::CitationCheck::kVerified)
    citation.check = engine::verifyQuote(cited.text, citation.bytes, citation.quote);
  return citation;
}

Status readUsage(const Json& message, base::Usage& usage) {
  const Json* json = JsonFields(message).find("usage");
  if (json == nullptr) return wrong("a message without its usage");
  JsonFields fields(*json);
  fields.need("context_tokens", usage.context_tokens);
  fields.need("reused_tokens", usage.reused_tokens);
  fields.need("prefilled_tokens", usage.prefilled_tokens);
  fields.need("decode_tokens", usage.decode_tokens);
  fields.need("prefill_s", usage.prefill_s);
  fields.need("first_token_s", usage.first_token_s);
  fields.need("decode_tok_s", usage.decode_tok_s);
  return fields.status();
}

Result<base::FinishReason> finishOf(const std::string& name) {
  for (const auto reason :
       {base::FinishReason::kEnd, base::FinishReason::kLength, base::FinishReason::kStopped})
    if (name == base::finishReasonName(reason)) return reason;
  return wrong("an end of an answer is unknown");
}

Result<storage::Message> readMessage(const Json& json,
                                     const std::vector<base::Extracted>& documents,
                                     std::size_t n_before) {
  storage::Message message;
  std::string role, finish;
  std::int64_t parent = -1;
  bool complete = false;
  JsonFields fields(json);
  fields.need("role", role);
  fields.need("parent", parent);
  fields.need("text", message.text);
  fields.need("reasoning", message.thinking);
  fields.need("tokens", message.tokens);
  fields.need("complete", complete);
  fields.need("finish", finish);
  fields.need("created_ms", message.created_ms);
  TRY(fields.status());
  auto known_role = storage::messageRoleFromName(role);
  if (!known_role) return wrong("a role is unknown");
  message.role = *known_role;
  TRY_ASSIGN(message.finish, finishOf(finish));
  if (parent < -1 || parent >= static_cast<std::int64_t>(n_before))
    return wrong("a message answers one that is not before it");
  message.parent = {parent + 1};
  message.status = complete ? storage::MessageStatus::kComplete : storage::MessageStatus::kStopped;
  TRY(readUsage(json, message.usage));
  TRY_ASSIGN(const Json* citations, listOf(json, "citations"));
  for (const Json& row : *citations) {
    TRY_ASSIGN(base::Citation citation, readCitation(row, documents, message.text));
    message.citations.push_back(std::move(citation));
  }
  return message;
}

Result<storage::Branch> readBranch(const Json& json, std::size_t n_before, std::size_t n_messages) {
  storage::Branch branch;
  std::int64_t parent = -1, fork = -1, head = -1;
  JsonFields fields(json);
  fields.need("title", branch.title);
  fields.need("parent", parent);
  fields.need("fork", fork);
  fields.need("head", head);
  fields.need("created_ms", branch.created_ms);
  TRY(fields.status());
  const auto last = static_cast<std::int64_t>(n_messages);
  if (parent < -1 || parent >= static_cast<std::int64_t>(n_before) || fork < -1 || fork >= last ||
      head < -1 || head >= last || (!branch.title.empty() && !isName(branch.title)))
    return wrong("a branch begins or ends nowhere");
  branch.parent = {parent + 1};
  branch.fork_point = {fork + 1};
  branch.head = {head + 1};
  return branch;
}

Status readHead(const Json& exported, ImportedSession& session) {
  int version = 0;
  JsonFields(exported).maybe("lectern_export", version);
  if (version > kExportVersion)
    return failure(ErrorCode::kMismatch, "the export is of a newer version",
                   "Install the Lectern that wrote it.");
  if (version < kExportVersion)
    return failure(ErrorCode::kInvalidInput,
                   "the file is no export of Lectern that can be imported",
                   "`lectern export` writes such files.");
  const Json* head = JsonFields(exported).find("session");
  if (head == nullptr) return wrong("no session");
  JsonFields fields(*head);
  fields.need("name", session.name);
  fields.need("title", session.title);
  fields.need("model", session.model_name);
  fields.need("model_fingerprint", session.model_fingerprint);
  fields.maybe("model_identity", session.model_identity);
  fields.need("context_tokens", session.n_context_tokens);
  TRY(fields.status());
  if (!isIdentity(session.model_identity)) return wrong("the model's identity is none");
  if (!isName(session.name) || !isName(session.title) ||
      session.model_name.size() > kNameBytesMax || session.n_context_tokens < 0)
    return wrong("the session's name or size is none");
  return {};
}

Status readContext(const Json& exported, ImportedSession& session) {
  TRY_ASSIGN(const Json* documents, listOf(exported, "documents"));
  for (const Json& row : *documents) {
    TRY_ASSIGN(base::Extracted extracted, readDocument(row));
    session.documents.push_back(std::move(extracted));
  }
  TRY_ASSIGN(const Json* context, listOf(exported, "context"));
  for (const Json& row : *context) {
    std::int64_t document = -1;
    ImportedSession::Use use;
    JsonFields fields(row);
    fields.need("document", document);
    fields.need("tokens", use.n_tokens);
    TRY(fields.status());
    if (document < 0 || document >= static_cast<std::int64_t>(session.documents.size()) ||
        use.n_tokens < 0)
      return wrong("the context names a document that is not there");
    use.document = static_cast<std::size_t>(document);
    session.context.push_back(use);
  }
  TRY_ASSIGN(const Json* receipt, listOf(exported, "receipt"));
  for (const Json& row : *receipt) {
    base::ReceiptEntry& entry = session.receipt.emplace_back();
    std::string kind;
    JsonFields fields(row);
    fields.need("path", entry.path);
    fields.need("read", entry.read);
    fields.need("reason", entry.reason);
    fields.need("detail", entry.detail);
    fields.need("kind", kind);
    fields.need("bytes", entry.bytes);
    TRY(fields.status());
    TRY_ASSIGN(entry.kind, kindOf(kind));
    if (entry.bytes > (std::uint64_t{1} << 62)) return wrong("a size is out of range");
  }
  return {};
}

Status readTree(const Json& exported, ImportedSession& session) {
  storage::MessageTree& tree = session.tree;
  TRY_ASSIGN(const Json* messages, listOf(exported, "messages"));
  for (const Json& row : *messages) {
    TRY_ASSIGN(storage::Message message, readMessage(row, session.documents, tree.messages.size()));
    tree.messages.push_back(std::move(message));
  }
  TRY_ASSIGN(const Json* branches, listOf(exported, "branches"));
  for (const Json& row : *branches) {
    TRY_ASSIGN(storage::Branch branch, readBranch(row, tree.branches.size(), tree.messages.size()));
    tree.branches.push_back(std::move(branch));
  }
  std::int64_t active = -1;
  JsonFields fields(exported);
  fields.need("active", active);
  TRY(fields.status());
  if (active < 0 || active >= static_cast<std::int64_t>(tree.branches.size()))
    return wrong("the active branch is not there");
  session.active = static_cast<std::size_t>(active);
  return {};
}

// Places of the words in a text, none inside another.
std::int64_t placesIn(const std::string& text, const std::string& words) {
  std::int64_t n = 0;
  const char* at = text.data();
  const char* const end = at + text.size();
  while ((at = static_cast<const char*>(::memmem(at, static_cast<std::size_t>(end - at),
                                                 words.data(), words.size()))) != nullptr) {
    ++n;
    at += words.size();
  }
  return n;
}

// How many places of the context have the words of a proven quote: looked up, not believed. A file
// that makes this endless gets the one place that was proven.
void countPlaces(ImportedSession& session) {
  std::int64_t n_context = 0, n_looked_through = 0;
  for (const ImportedSession::Use& use : session.context)
    n_context += static_cast<std::int64_t>(session.documents[use.document].document.text.size());
  for (storage::Message& message : session.tree.messages)
    for (base::Citation& citation : message.citations) {
      citation.n_places = 1;
      n_looked_through += n_context;
      if (citation.check != base::CitationCheck::kVerified || citation.quote.empty() ||
          n_looked_through > kLookedThroughBytesMax)
        continue;
      std::int64_t n = 0;
      for (const ImportedSession::Use& use : session.context)
        n += placesIn(session.documents[use.document].document.text, citation.quote);
      citation.n_places = std::max<std::int64_t>(1, n);
    }
}

}  // namespace

Result<ImportedSession> checkedSession(const Json& exported) {
  ImportedSession session;
  for (const auto read : {readHead, readContext, readTree})
    if (Status status = read(exported, session); !status) {
      if (status.error().hint.empty()) status.error().hint = kHint;
      return tl::make_unexpected(std::move(status).error());
    }
  countPlaces(session);
  return session;
}

}  // namespace app
