// quote_index.h: where in the context a token sequence occurs, for quotes under construction.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/base/span.h"
#include "engine/token_mask.h"
#include "engine/tokenizer.h"

namespace engine {

// Every place a quote can begin or go on. Memory: 8 bytes per quotable token.
// Immutable; one index serves any number of answers over the same documents.
class QuoteIndex {
 public:
  // `quotable`: disjoint ranges of `tokens`; no quote crosses the end of one. Neither is kept.
  QuoteIndex(const Tokenizer& tokenizer, std::span<const TokenId> tokens,
             std::span<const base::TokenRange> quotable);

  // Tokens that can be the first of a quote: those that begin a character somewhere and are not
  // white space alone there.
  const TokenMask& starts() const { return starts_; }
  bool empty() const { return n_starts_ == 0; }

 private:
  friend class QuoteCursor;
  static constexpr TokenId kEnd = -1;  // stands behind every range

  struct Range {
    std::int64_t index_begin;    // in tokens_
    std::int64_t context_begin;  // in the context
  };

  std::vector<TokenId> tokens_;       // the ranges one after the other, each followed by kEnd
  std::vector<Range> ranges_;         // by index_begin
  std::vector<std::int32_t> places_;  // start positions in tokens_, grouped by token, ascending
  std::vector<std::int32_t> first_;   // [vocab + 1] group borders in places_
  TokenMask starts_;
  std::int64_t n_starts_ = 0;
};

// One quote under construction: the places where all its tokens so far stand.
class QuoteCursor {
 public:
  explicit QuoteCursor(std::shared_ptr<const QuoteIndex> index) : index_(std::move(index)) {}

  void begin();
  // Narrows the places to those where `token` follows; without any left the cursor is dead.
  void push(TokenId token);
  void allowNext(TokenMask& mask) const;  // adds every token that follows at some place

  std::int64_t size() const { return n_tokens_; }
  // Where the quote stands first, and in how many places; an empty range when it is dead.
  base::TokenRange place() const;
  std::int64_t placeCount() const { return static_cast<std::int64_t>(places_.size()); }

 private:
  std::shared_ptr<const QuoteIndex> index_;
  std::vector<std::int32_t> places_;
  std::int64_t n_tokens_ = 0;
};

}  // namespace engine
