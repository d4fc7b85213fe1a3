// session_text.h: a session's text as it is stored, and as the model reads it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/reading_service.h"
#include "engine/base/document.h"
#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/citation.h"
#include "engine/context_builder.h"
#include "engine/tokenizer.h"
#include "storage/storage.h"

namespace app {

// What a session was made of, read from session.db: documents in context order, and the receipt.
struct SessionText {
  std::vector<base::DocumentId> ids;
  std::vector<base::Extracted> documents;
  std::vector<base::ReceiptEntry> receipt;

  // For engine::makeCitation(); valid as long as this object stays where it is.
  std::vector<engine::CitedDocument> cited() const;
};

base::Result<SessionText> loadSessionText(storage::SessionDatabase& database,
                                          base::SessionId session);

// The part of the context that stays: system text, documents, receipt.
base::Result<engine::ContextBuilder> corpusContext(
    std::shared_ptr<const engine::Tokenizer> tokenizer, const SessionText& text);

// Questions and their answers behind the corpus. A question whose answer was never begun is shown
// to the user but not to the model: a turn without an answer has no place in the chat encoding.
base::Status addTurns(engine::ContextBuilder& builder,
                      const std::vector<storage::Message>& messages);

// Token counts of the documents, in their order.
std::vector<std::int64_t> documentTokens(const engine::Context& context, std::size_t n_documents);
// What stands where, neighbours of one kind joined.
std::vector<ContextSpan> contextSpans(const engine::Context& context, const SessionText& text);

}  // namespace app
