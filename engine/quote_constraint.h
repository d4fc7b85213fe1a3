// quote_constraint.h: which tokens an answer may go on with, so that a quote cannot be false.
//
// Inside <quote> only tokens that continue a token sequence of the documents; </quote> as soon as
// the quote shows something and ends with a whole character; nothing but </quote> when the document
// ends or the quote is long enough. Outside, no control token except the end, </think> while
// thinking, <quote> and <none/>; a </quote> without its <quote> cannot be written.
//
// Models whose vocabulary has the markers as tokens use those. Others spell them: after "<quote"
// only ">" may follow, and the tokens of "</quote>" are forced once begun. In a document that
// itself contains "</" both readings stay open until the next token decides.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/answer.h"
#include "engine/context_builder.h"
#include "engine/quote_index.h"
#include "engine/token_mask.h"
#include "engine/tokenizer.h"

namespace engine {

struct QuoteOptions {
  int n_quote_tokens_max = 512;
  ThinkingMode thinking = ThinkingMode::kChat;  // kThinking: the answer begins inside <think>
};

// What an accepted token means for the answer. Markers never appear in the text.
struct AnswerEvent {
  enum class Kind { kText, kQuoteBegin, kQuoteEnd, kThinkingEnd, kEnd };
  Kind kind = Kind::kText;
  std::string bytes;          // kText: maybe half a character
  base::TokenRange context;   // kQuoteEnd: first place of the quoted tokens
  std::int64_t n_places = 0;  // kQuoteEnd
};

// One answer, from the first generated token to the end. Not thread-safe.
class QuoteConstraint {
 public:
  // `tokenizer` must outlive this.
  QuoteConstraint(const Tokenizer& tokenizer, std::shared_ptr<const QuoteIndex> index,
                  QuoteOptions options = {});

  // Never empty. Valid until the next accept().
  const TokenMask& allowed();

  // `token` must be allowed. Text that may still turn out to be a marker is held back.
  std::vector<AnswerEvent> accept(TokenId token);

  // The answer ends here, whatever state it is in: held-back text, and the end of an open quote.
  std::vector<AnswerEvent> finish();

  bool inQuote() const { return state_ == State::kQuote; }
  bool isEnd(TokenId token) const;  // EOS or the begin of a next turn

 private:
  enum class State { kThinking, kFree, kQuote };
  // How much of "<quote>" and of "</quote>" the free text ends with.
  struct MarkerTail {
    int open = 0, close = 0;
    auto operator<=>(const MarkerTail&) const = default;
  };
  struct TailStep {
    MarkerTail tail;
    bool opens = false;      // "<quote>" ends exactly with the token
    bool forbidden = false;  // a marker ends inside the token, or may not be written here
  };

  const TokenMask& freeMask(const MarkerTail& tail);
  TailStep step(MarkerTail tail, std::string_view bytes) const;
  void fillQuoteMask();
  bool canClose() const;
  void beginQuote(std::vector<AnswerEvent>& events);
  void endQuote(std::int64_t n_tokens, std::vector<AnswerEvent>& events);
  void acceptFree(TokenId token, std::vector<AnswerEvent>& events);
  void acceptQuoted(TokenId token, std::vector<AnswerEvent>& events);
  void emitQuoted(std::size_t n_tokens, std::vector<AnswerEvent>& events);

  const Tokenizer& tokenizer_;
  std::shared_ptr<const QuoteIndex> index_;
  QuoteOptions options_;
  std::optional<TokenId> eos_, user_, end_think_, open_, none_;
  std::vector<TokenId> close_;  // one marker token, or the spelling

  State state_ = State::kFree;
  TokenMask thinking_mask_, plain_mask_;
  std::map<MarkerTail, TokenMask> free_masks_;  // made when first needed, at most 14
  MarkerTail tail_;
  std::string held_;  // free text that may become a marker

  QuoteCursor cursor_;
  TokenMask quote_mask_;
  bool quote_mask_ready_ = false;
  std::vector<TokenId> quoted_;   // since the quote began, with tokens of a close being spelled
  std::size_t n_emitted_ = 0;     // of quoted_
  std::string unfinished_;        // bytes of the character the quote ends in the middle of
  std::size_t close_begin_ = 0;   // where in quoted_ the spelled close begins
  std::size_t n_close_ = 0;       // tokens of it so far
  base::TokenRange close_place_;  // place and count of the quote before it
  std::int64_t n_close_places_ = 0;
};

}  // namespace engine
