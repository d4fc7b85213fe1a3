#include "app/session_export.h"

#include <algorithm>
#include <map>
#include <optional>

#include "app/answer_json.h"
#include "app/document_reader.h"
#include "app/export_file.h"
#include "app/json_fields.h"
#include "engine/citation.h"
#include "storage/storage.h"

namespace app {

using base::ErrorCode;
using base::failure;
using base::Result;
using base::Status;
using engine::Json;

namespace {

Json spansJson(const std::vector<base::SourceSpan>& spans) {
  Json list = Json::array();
  for (const base::SourceSpan& span : spans) {
    Json row{span.bytes.begin, span.bytes.end};
    if (span.page > 0 || !span.boxes.empty()) row.push_back(span.page);
    if (!span.boxes.empty()) row.push_back(boxesJson(span.boxes));
    list.push_back(std::move(row));
  }
  return list;
}

Json pagesJson(const std::vector<base::Page>& pages) {
  Json list = Json::array();
  for (const base::Page& page : pages)
    list.push_back({{"n", page.number},
                    {"label", page.label},
                    {"bytes", {page.bytes.begin, page.bytes.end}},
                    {"size", {page.width, page.height}}});
  return list;
}

// The documents of the context and the cited ones, each once, as they were read.
class ExportedDocuments {
 public:
  ExportedDocuments(ReadingService& service, base::SessionId session)
      : service_(service), session_(session) {}

  // Position of the document in the export; -1 for a quote from no document.
  Result<std::int64_t> indexOf(base::DocumentId id) {
    if (!id) return -1;
    if (const auto known = index_.find(id); known != index_.end()) return known->second;
    TRY_ASSIGN(const base::Extracted extracted, service_.document(id));
    const base::Document& document = extracted.document;
    const auto file = service_.fileOf(session_, id);
    Json diagnostics = Json::array();
    for (const base::Diagnostic& diagnostic : extracted.diagnostics)
      diagnostics.push_back({{"code", diagnostic.code},
                             {"message", diagnostic.message},
                             {"page", diagnostic.page}});
    list_.push_back({{"path", document.path},
                     {"kind", std::string(base::documentKindName(document.kind))},
                     {"content_hash", document.content_hash.hex()},
                     {"file_bytes", document.file_bytes},
                     {"file", file ? file->string() : ""},
                     {"text_hash", base::hashText(document.text).hex()},
                     {"text", document.text},
                     {"pages", pagesJson(document.pages)},
                     {"spans", spansJson(document.spans)},
                     {"diagnostics", std::move(diagnostics)}});
    return index_.emplace(id, static_cast<std::int64_t>(list_.size()) - 1).first->second;
  }

  Json take() { return std::move(list_); }

 private:
  ReadingService& service_;
  const base::SessionId session_;
  std::map<base::DocumentId, std::int64_t> index_;
  Json list_ = Json::array();
};

// Positions of ids that were already given one; 0, no id, is -1.
template <class Id>
class Positions {
 public:
  void add(Id id) { positions_.emplace(id, static_cast<std::int64_t>(positions_.size())); }
  std::int64_t of(Id id) const {
    const auto found = positions_.find(id);
    return found == positions_.end() ? -1 : found->second;
  }

 private:
  std::map<Id, std::int64_t> positions_;
};

// At most as long as an import takes, cut between characters, without what moves a cursor.
std::string portableName(const std::string& name, std::int64_t& n_changed) {
  std::string portable;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (portable.size() >= kNameBytesMax && (byte & 0xC0) != 0x80) break;
    portable += byte < 0x20 || byte == 0x7f ? ' ' : c;
  }
  if (portable.size() > kNameBytesMax) {
    while ((static_cast<unsigned char>(portable.back()) & 0xC0) == 0x80) portable.pop_back();
    portable.pop_back();
  }
  n_changed += portable == name ? 0 : 1;
  return portable;
}

Result<Json> messageJson(const storage::Message& message, std::int64_t parent,
                         ExportedDocuments& documents) {
  Json citations = Json::array();
  for (const base::Citation& citation : message.citations) {
    Json json = citationJson(citation);
    TRY_ASSIGN(json["document"], documents.indexOf(citation.document));
    citations.push_back(std::move(json));
  }
  return Json{{"role", std::string(storage::messageRoleName(message.role))},
              {"parent", parent},
              {"text", message.text},
              {"reasoning", message.thinking},
              {"tokens", tokensToBase64(message.tokens)},
              {"complete", message.status == storage::MessageStatus::kComplete},
              {"finish", std::string(base::finishReasonName(message.finish))},
              {"created_ms", message.created_ms},
              {"usage", usageJson(message.usage)},
              {"citations", std::move(citations)}};
}

// A document of an export, checked once.
struct ReadBack {
  std::string path, text;
  std::vector<std::pair<int, base::ByteRange>> pages;
  bool text_holds = false;                  // the text has the hash it was exported with
  std::string source = "not_checked";       // see CheckedQuote
  std::optional<base::Document> on_disk;    // when the source has the same bytes still
};

Status readPages(const Json& document, ReadBack& read) {
  const Json* pages = JsonFields(document).find("pages");
  if (pages == nullptr || !pages->is_array()) return {};
  for (const Json& page : *pages) {
    std::pair<int, base::ByteRange> entry;
    JsonFields fields(page);
    fields.need("n", entry.first);
    fields.need("bytes", entry.second);
    TRY(fields.status());
    read.pages.push_back(entry);
  }
  return {};
}

Result<ReadBack> readBack(const Json& document, Sources sources,
                          const std::filesystem::path& reader_program, std::stop_token stop) {
  ReadBack read;
  base::Hash128 content_hash, text_hash;
  std::string file;
  JsonFields fields(document);
  fields.need("path", read.path);
  fields.need("text", read.text);
  fields.need("text_hash", text_hash);
  fields.need("content_hash", content_hash);
  fields.maybe("file", file);
  TRY(fields.status());
  TRY(readPages(document, read));
  read.text_holds = base::hashText(read.text) == text_hash;
  if (sources == Sources::kLeave || file.empty()) return read;

  auto extracted = readFile(file, reader_program, stop);
  if (!extracted && extracted.error().code == ErrorCode::kCancelled)
    return tl::make_unexpected(extracted.error());
  if (!extracted) {
    read.source = "missing";
  } else if (extracted->document.content_hash != content_hash) {
    read.source = "changed";
  } else {
    read.source = "confirmed";
    read.on_disk = std::move(extracted->document);
  }
  return read;
}

std::pair<int, int> linesOf(std::string_view text, const base::ByteRange& bytes) {
  const auto before = text.substr(0, bytes.begin);
  const auto inside = text.substr(bytes.begin, bytes.size());
  const int first = 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n'));
  int last = first + static_cast<int>(std::count(inside.begin(), inside.end(), '\n'));
  if (!inside.empty() && inside.back() == '\n') --last;
  return {first, last};
}

struct StoredQuote {
  std::string quote, path;
  std::int64_t document = -1;
  base::ByteRange bytes, answer_bytes;
  int line_start = 0, line_end = 0, page = 0;
};

// The page a byte is on, as makeCitation() finds it; 0 without pages.
int pageOf(const ReadBack& document, std::size_t at) {
  int page = 0;
  for (const auto& [number, bytes] : document.pages)
    if (bytes.begin <= at && at < bytes.end) page = number;
  return page;
}

// Empty when everything about the quote holds.
std::string objection(const StoredQuote& quote, const ReadBack& document,
                      std::string_view answer) {
  if (!document.text_holds) return "the document's text was changed after the export";
  if (engine::verifyQuote(document.text, quote.bytes, quote.quote) !=
      base::CitationCheck::kVerified)
    return "the document has other words there";
  if (engine::verifyQuote(answer, quote.answer_bytes, quote.quote) !=
      base::CitationCheck::kVerified)
    return "the answer does not contain it";
  if (quote.path != document.path) return "it stands in another document";
  if (document.pages.empty() &&
      std::pair(quote.line_start, quote.line_end) != linesOf(document.text, quote.bytes))
    return "it stands in other lines";
  if (pageOf(document, quote.bytes.begin) != quote.page) return "it stands on another page";
  if (document.on_disk && engine::verifyQuote(document.on_disk->text, quote.bytes, quote.quote) !=
                              base::CitationCheck::kVerified)
    return "the source has other words there";
  return "";
}

Result<CheckedQuote> checkQuote(const Json& citation, const std::vector<ReadBack>& documents,
                                std::string_view answer) {
  StoredQuote stored;
  JsonFields fields(citation);
  fields.need("quote", stored.quote);
  fields.need("path", stored.path);
  fields.need("document", stored.document);
  fields.need("bytes", stored.bytes);
  fields.need("answer_bytes", stored.answer_bytes);
  fields.need("line_start", stored.line_start);
  fields.need("line_end", stored.line_end);
  fields.need("page", stored.page);
  TRY(fields.status());
  CheckedQuote checked;
  checked.quote = stored.quote;
  checked.source = "not_checked";
  if (stored.document < 0 || stored.document >= static_cast<std::int64_t>(documents.size())) {
    checked.reason = "it belongs to no document";
    return checked;
  }
  const ReadBack& document = documents[static_cast<std::size_t>(stored.document)];
  checked.path = document.path;
  checked.source = document.source;
  checked.reason = objection(stored, document, answer);
  checked.verified = checked.reason.empty();
  return checked;
}

// Every finished quote of an answer has its citation: one without is not proven by what is left.
Status addUncited(std::string_view answer, const Json& citations, VerifyReport& report) {
  std::vector<base::ByteRange> cited;
  for (const Json& citation : citations) {
    JsonFields fields(citation);
    fields.need("answer_bytes", cited.emplace_back());
    TRY(fields.status());
  }
  for (std::size_t at = 0; (at = answer.find(base::kQuoteOpen, at)) != std::string_view::npos;) {
    at += base::kQuoteOpen.size();
    const std::size_t end = answer.find(base::kQuoteClose, at);
    if (end == std::string_view::npos) break;
    const base::ByteRange inside{at, end};
    if (std::any_of(cited.begin(), cited.end(),
                    [&](const base::ByteRange& bytes) { return inside.contains(bytes); }))
      continue;
    CheckedQuote& quote = report.quotes.emplace_back();
    quote.quote = answer.substr(at, end - at);
    quote.source = "not_checked";
    quote.reason = "the export does not say where it stands";
  }
  return {};
}

Result<const Json*> arrayOf(const Json& object, const char* key) {
  const Json* found = JsonFields(object).find(key);
  if (found == nullptr || !found->is_array())
    return failure(ErrorCode::kInvalidInput,
                   std::string("the file has no array \"") + key + "\": it is no export of Lectern",
                   "`lectern export` writes such files.");
  return found;
}

}  // namespace

Result<Json> exportSession(ReadingService& service, const std::string& name) {
  TRY_ASSIGN(const storage::Session session, service.session(name));
  TRY_ASSIGN(const auto tree, service.database().messages().treeOf(session.id));
  TRY_ASSIGN(const auto infos, service.documents(session.id));
  TRY_ASSIGN(const auto receipt, service.receipt(session.id));
  ExportedDocuments documents(service, session.id);
  Json said = Json::array(), lines = Json::array(), context = Json::array();
  for (const storage::DocumentInfo& info : infos) {
    TRY_ASSIGN(const std::int64_t document, documents.indexOf(info.use.document));
    context.push_back({{"path", info.path},
                       {"content_hash", info.content_hash.hex()},
                       {"bytes", info.file_bytes},
                       {"tokens", info.use.n_tokens},
                       {"document", document}});
  }
  Positions<base::MessageId> messages;
  for (const storage::Message& message : tree.messages) {
    TRY_ASSIGN(Json json, messageJson(message, messages.of(message.parent), documents));
    said.push_back(std::move(json));
    messages.add(message.id);
  }
  Positions<base::BranchId> branches;
  std::int64_t n_changed = 0;  // names
  for (const storage::Branch& branch : tree.branches) {
    lines.push_back({{"title", portableName(branch.title, n_changed)},
                     {"parent", branches.of(branch.parent)},
                     {"fork", messages.of(branch.fork_point)},
                     {"head", messages.of(branch.head)},
                     {"created_ms", branch.created_ms}});
    branches.add(branch.id);
  }
  const std::string name_there = portableName(session.name, n_changed);
  const std::string title_there = portableName(session.title, n_changed);
  const std::string model_there = portableName(session.model_name, n_changed);
  return sealed({{"lectern_export", kExportVersion},
                 {"changed_names", n_changed},
                 {"session",
                  {{"name", name_there},
                   {"title", title_there},
                   {"model", model_there},
                   {"model_fingerprint", session.model_fingerprint.hex()},
                   {"model_identity", session.model_identity},
                   {"context_tokens", session.n_context_tokens},
                   {"created_ms", session.created_ms}}},
                 {"messages", std::move(said)},
                 {"branches", std::move(lines)},
                 {"active", branches.of(session.branch)},
                 {"documents", documents.take()},
                 {"context", std::move(context)},
                 {"receipt", receiptJson(receipt)}});
}

std::int64_t changedNames(const Json& exported) {
  return exported["changed_names"].get<std::int64_t>();
}

bool VerifyReport::allVerified() const {
  return std::all_of(quotes.begin(), quotes.end(),
                     [](const CheckedQuote& quote) { return quote.verified; });
}

Result<VerifyReport> verifyExport(const Json& exported, Sources sources,
                                  const std::filesystem::path& reader_program,
                                  std::stop_token stop) {
  int version = 0;
  JsonFields(exported).maybe("lectern_export", version);
  if (version > kExportVersion)
    return failure(ErrorCode::kMismatch, "the export is of a newer version",
                   "Install the Lectern that wrote it.");
  TRY_ASSIGN(const Json* exported_documents, arrayOf(exported, "documents"));
  TRY_ASSIGN(const Json* messages, arrayOf(exported, "messages"));
  std::vector<ReadBack> documents;
  for (const Json& document : *exported_documents) {
    TRY_ASSIGN(ReadBack read, readBack(document, sources, reader_program, stop));
    documents.push_back(std::move(read));
  }
  VerifyReport report;
  for (const Json& message : *messages) {
    std::string answer, role;
    JsonFields fields(message);
    fields.need("text", answer);
    fields.need("role", role);
    TRY(fields.status());
    TRY_ASSIGN(const Json* citations, arrayOf(message, "citations"));
    for (const Json& citation : *citations) {
      TRY_ASSIGN(CheckedQuote checked, checkQuote(citation, documents, answer));
      report.quotes.push_back(std::move(checked));
    }
    if (role == storage::messageRoleName(storage::MessageRole::kAssistant))
      TRY(addUncited(answer, *citations, report));
  }
  return report;
}

}  // namespace app
