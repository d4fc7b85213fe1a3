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

  bool isThinking() const { return state_ == State::kThinking; }
  bool inQuote() const { return state_ == State::kQuote; }
  bool isEnd(TokenId token) const { return token == eos_; }

 private:
  enum class State { kThinking, kFree, kQuote };
  // How many bytes of "<quote>" and of "</quote>" the free text ends with.
  struct MarkerTail {
    int open = 0, close = 0;
    auto operator<=>(const MarkerTail&) const = default;
  };
  struct TailStep {
    MarkerTail tail;
    bool opens = false;      // "<quote>" ends exactly with the token
    bool forbidden = false;  // a marker that may not be written here would be complete
  };

  const TokenMask& freeMask();
  TokenMask makeFreeMask(const MarkerTail& tail) const;
  TailStep step(MarkerTail tail, std::string_view bytes) const;
  void fillQuoteMask();
  void acceptFree(TokenId token, std::vector<AnswerEvent>& events);
  void acceptQuoted(TokenId token, std::vector<AnswerEvent>& events);
  void beginQuote(std::vector<AnswerEvent>& events);
  void endQuote(const base::TokenRange& place, std::int64_t n_places,
                std::vector<AnswerEvent>& events);
  void showQuoted(std::size_t n_tokens, std::vector<AnswerEvent>& events);

  const Tokenizer& tokenizer_;
  std::shared_ptr<const QuoteIndex> index_;
  const QuoteOptions options_;
  std::optional<TokenId> eos_, end_think_, open_, none_;
  std::vector<TokenId> close_;  // one marker token, or the spelling
  bool spells_open_ = false;    // "<quote>" is written in letters and may be
  State state_ = State::kFree;

  TokenMask thinking_mask_, plain_mask_;
  std::map<MarkerTail, TokenMask> free_masks_;  // made when first needed; a dozen at most
  MarkerTail tail_;
  std::string held_;  // free text that may become a marker

  QuoteCursor cursor_;
  TokenMask quote_mask_;
  bool quote_mask_ready_ = false;
  bool may_close_ = false;       // of quote_mask_: the close may begin now
  std::vector<TokenId> quoted_;  // since the quote began, with a close that is being spelled
  std::string unfinished_;       // bytes of the character that quoted_ ends in the middle of
  std::size_t n_whole_ = 0;      // tokens of quoted_ up to the last end of a character
  std::size_t n_shown_ = 0;      // tokens of quoted_ given out as text
  std::size_t n_close_ = 0;      // tokens of the close spelled so far; they begin at close_begin_
  std::size_t close_begin_ = 0;
  base::TokenRange close_place_;  // of the quote before it
  std::int64_t n_close_places_ = 0;
};

}  // namespace engine
