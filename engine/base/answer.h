// answer.h: what comes back from a question, and how far the work is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/span.h"

namespace base {

// How an answer writes its quotes, and that the text does not say.
inline constexpr std::string_view kQuoteOpen = "<quote>", kQuoteClose = "</quote>";
inline constexpr std::string_view kNoAnswer = "<none/>";

// A quote as the decoder produced it: token positions in the context it was copied from.
// Known by construction, before any text is compared.
struct QuoteMatch {
  ByteRange answer;          // the quoted words in the answer text, without the markers
  TokenRange context;        // first place in the context with these tokens
  std::int64_t n_places = 1; // how many places have these tokens
};

// One step of a streamed answer. `text` is complete UTF-8 characters, appended to what came before.
struct AnswerDelta {
  std::string text;
  bool thinking = false;            // belongs to the reasoning, not to the answer
  int n_tokens = 0;                 // tokens this delta covers
  std::vector<QuoteMatch> quotes;   // quotes that closed in this delta
};

enum class CitationCheck { kVerified, kUnverified, kOlderText };
std::string_view citationCheckName(CitationCheck check);  // "verified", ...

// A quote tied to its source. Shown as proven only when `check` is kVerified: the bytes of the
// stored document at `bytes` were compared with `quote` and are equal.
struct Citation {
  std::string quote;
  ByteRange answer;            // in the answer text
  DocumentId document;
  std::string path;
  ByteRange bytes;             // in Document::text
  int line_start = 0, line_end = 0;  // 1-based, inclusive; 0 for paged documents
  int page = 0;                // 1-based; 0 without pages
  std::string page_label;
  std::vector<Box> boxes;
  std::int64_t n_places = 1;
  CitationCheck check = CitationCheck::kUnverified;
};

struct Usage {
  std::int64_t context_tokens = 0, reused_tokens = 0, prefilled_tokens = 0, decode_tokens = 0;
  double prefill_s = 0, first_token_s = 0, decode_tok_s = 0;
};

// How far a prefill is. Times are ranges until they are facts.
struct Progress {
  std::int64_t n_done = 0, n_total = 0;  // tokens of this prefill, reused ones not counted
  std::int64_t n_safe = 0;               // tokens of the whole context that are on disk
  double tokens_per_s = 0, elapsed_s = 0;
  double eta_low_s = 0, eta_high_s = 0;
};

enum class FinishReason { kEnd, kLength, kStopped };
std::string_view finishReasonName(FinishReason reason);  // "end", "length", "stopped"

}  // namespace base
