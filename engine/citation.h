// citation.h: from a quote the decoder made to a place the reader can open.
#pragma once

#include <span>
#include <string_view>

#include "engine/base/answer.h"
#include "engine/base/document.h"
#include "engine/context_builder.h"
#include "engine/tokenizer.h"

namespace engine {

struct CitedDocument {
  base::DocumentId id;
  const base::Document* document = nullptr;
};

// `documents` in the order they were added to the context. The quote and its byte range are without
// the line feeds around them. `check` is kVerified only when the document's bytes at the range
// were compared with the answer's and are equal; a match that lies in no document gives an
// unverified citation without a place.
base::Citation makeCitation(const base::QuoteMatch& match, std::string_view answer_text,
                            const Context& context, const Tokenizer& tokenizer,
                            std::span<const CitedDocument> documents);

// Path and lines, or page, label and boxes, of citation.bytes, which lie inside the document's text.
void placeIn(const base::Document& document, base::Citation& citation);

// kVerified when `text` has exactly `quote` at `range`.
base::CitationCheck verifyQuote(std::string_view text, const base::ByteRange& range,
                                std::string_view quote);

}  // namespace engine
