#include "app/session_text.h"

#include <unordered_map>

#include "app/detail_level.h"
#include "app/in_order.h"
#include "engine/receipt_text.h"

namespace app {

using base::Result;
using base::Status;

namespace {

// Documents encoded ahead of the one that is appended.
constexpr std::size_t kEncodedAheadMax = 64;

}  // namespace

std::vector<engine::CitedDocument> SessionText::cited() const {
  std::vector<engine::CitedDocument> cited;
  for (std::size_t i = 0; i < documents.size(); ++i)
    cited.push_back({.id = ids[i], .document = &documents[i].document});
  return cited;
}

Result<SessionText> loadSessionText(storage::SessionDatabase& database, base::SessionId session) {
  SessionText text;
  TRY_ASSIGN(const auto infos, database.library().documentsOf(session));
  for (const storage::DocumentInfo& info : infos) {
    TRY_ASSIGN(auto extracted, database.library().readDocument(info.use.document));
    text.ids.push_back(info.use.document);
    text.documents.push_back(std::move(extracted));
  }
  TRY_ASSIGN(text.receipt, database.library().receiptOf(session));
  return text;
}

Result<engine::ContextBuilder> corpusContext(std::shared_ptr<const engine::Tokenizer> tokenizer,
                                             const SessionText& text) {
  TRY_ASSIGN(auto builder, engine::ContextBuilder::create(tokenizer));
  const auto& documents = text.documents;
  std::unordered_map<std::string_view, base::DetailLevel> levels;
  for (const base::ReceiptEntry& entry : text.receipt)
    if (entry.detailLevel() != base::DetailLevel::kFull) levels[entry.path] = entry.detailLevel();
  TRY(inOrder(
      documents.size(), kEncodedAheadMax,
      [&](std::size_t i, std::stop_token) {
        const base::Document& document = documents[i].document;
        const auto level = levels.find(document.path);
        return encodeAtLevel(*tokenizer, document,
                             level == levels.end() ? base::DetailLevel::kFull : level->second);
      },
      [&](std::size_t, Result<engine::Context>&& encoded) -> Status {
        TRY(encoded);
        builder.addEncoded(*encoded);
        return {};
      },
      {}));
  std::vector<engine::ReceiptNote> notes;
  for (const base::Extracted& extracted : documents)
    if (!extracted.diagnostics.empty())
      notes.push_back({extracted.document.path, extracted.diagnostics});
  builder.addReceipt(engine::receiptText(text.receipt, notes));
  return builder;
}

Status addTurns(engine::ContextBuilder& builder, const std::vector<storage::Message>& messages) {
  const storage::Message* question = nullptr;
  for (const storage::Message& message : messages) {
    if (message.role == storage::MessageRole::kUser) question = &message;
    if (message.role != storage::MessageRole::kAssistant || question == nullptr) continue;
    if (!message.tokens.empty()) {
      builder.addQuestion(question->text);
      TRY(builder.addAnswer(message.tokens));
    }
    question = nullptr;
  }
  return {};
}

std::vector<std::int64_t> documentTokens(const engine::Context& context, std::size_t n_documents) {
  std::vector<std::int64_t> counts(n_documents, 0);
  for (const engine::Segment& segment : context.segments)
    if (segment.document >= 0)
      counts[static_cast<std::size_t>(segment.document)] += segment.tokens.size();
  return counts;
}

std::vector<ContextSpan> contextSpans(const engine::Context& context, const SessionText& text) {
  std::vector<ContextSpan> spans;
  for (const engine::Segment& segment : context.segments) {
    ContextSpan span{.path = "", .tokens = segment.tokens};
    if (segment.document >= 0) {
      const base::Document& document =
          text.documents[static_cast<std::size_t>(segment.document)].document;
      span.path = document.path;
      span.kind = document.kind;
      span.part = ContextSpan::Part::kDocument;
    } else if (segment.kind == engine::SegmentKind::kReceipt) {
      span.part = ContextSpan::Part::kReceipt;
    } else if (segment.kind == engine::SegmentKind::kMessage) {
      span.part = ContextSpan::Part::kMessage;
    }
    if (!spans.empty() && spans.back().part == span.part && spans.back().path == span.path)
      spans.back().tokens.end = span.tokens.end;
    else
      spans.push_back(std::move(span));
  }
  return spans;
}

}  // namespace app
