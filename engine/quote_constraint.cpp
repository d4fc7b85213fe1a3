#include "engine/quote_constraint.h"

#include <algorithm>

#include "engine/base/check.h"
#include "engine/utf8.h"

namespace engine {
namespace {

constexpr std::string_view kOpen = base::kQuoteOpen, kClose = base::kQuoteClose;

// Bytes of `marker` the text ends with after one more. '<' stands only at the beginning of a
// marker, so a mismatch falls back to one byte or none.
int advance(std::string_view marker, int n_matched, char byte) {
  if (byte == marker[static_cast<std::size_t>(n_matched)]) return n_matched + 1;
  return byte == marker[0] ? 1 : 0;
}

void addText(std::string bytes, std::vector<AnswerEvent>& events) {
  if (!bytes.empty()) events.push_back({AnswerEvent::Kind::kText, std::move(bytes), {}, 0});
}

}  // namespace

QuoteConstraint::QuoteConstraint(const Tokenizer& tokenizer,
                                 std::shared_ptr<const QuoteIndex> index, QuoteOptions options)
    : tokenizer_(tokenizer),
      index_(std::move(index)),
      options_(options),
      eos_(tokenizer.addedToken("<｜end▁of▁sentence｜>")),
      end_think_(tokenizer.addedToken("</think>")),
      none_(tokenizer.addedToken(base::kNoAnswer)),
      thinking_mask_(tokenizer.vocabSize()),
      cursor_(index_),
      quote_mask_(tokenizer.vocabSize()) {
  const auto open = tokenizer.addedToken(kOpen), close = tokenizer.addedToken(kClose);
  const bool marker_tokens = open && close;
  if (marker_tokens) {
    open_ = open;
    close_ = {*close};
  } else {
    close_ = tokenizer.encodeText(kClose);
    spells_open_ = !index_->empty();
  }
  for (TokenId id = 0; id < tokenizer.vocabSize(); ++id)
    if (!tokenizer.isAdded(id)) thinking_mask_.allow(id);
  if (eos_) thinking_mask_.allow(*eos_);
  plain_mask_ = thinking_mask_;
  if (end_think_) thinking_mask_.allow(*end_think_);
  if (none_) plain_mask_.allow(*none_);
  if (open_ && !index_->empty()) plain_mask_.allow(*open_);
  if (options_.thinking == ThinkingMode::kThinking && end_think_) state_ = State::kThinking;
}

const TokenMask& QuoteConstraint::allowed() {
  if (state_ == State::kThinking) return thinking_mask_;
  if (state_ == State::kFree) return freeMask();
  if (!quote_mask_ready_) fillQuoteMask();
  return quote_mask_;
}

QuoteConstraint::TailStep QuoteConstraint::step(MarkerTail tail, std::string_view bytes) const {
  TailStep result{tail};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    result.tail.open = advance(kOpen, result.tail.open, bytes[i]);
    result.tail.close = advance(kClose, result.tail.close, bytes[i]);
    if (result.tail.open == static_cast<int>(kOpen.size())) {
      result.opens = spells_open_ && i + 1 == bytes.size();
      result.forbidden |= !result.opens;
      result.tail.open = 0;
    }
    if (result.tail.close == static_cast<int>(kClose.size())) {
      result.forbidden = true;
      result.tail.close = 0;
    }
  }
  return result;
}

TokenMask QuoteConstraint::makeFreeMask(const MarkerTail& tail) const {
  // "<quote" can only be meant as the marker: it is completed, by exactly ">".
  const bool forced = spells_open_ && tail.open + 1 == static_cast<int>(kOpen.size());
  TokenMask mask = plain_mask_;
  for (TokenId id = 0; id < tokenizer_.vocabSize(); ++id) {
    const std::string_view bytes = tokenizer_.bytesOf(id);
    if (forced ? bytes != ">" : bytes.find('>') != bytes.npos && step(tail, bytes).forbidden)
      mask.forbid(id);
  }
  // Marker tokens are not text: their spelling completes nothing.
  if (!forced && open_ && plain_mask_.allows(*open_)) mask.allow(*open_);
  return mask;
}

const TokenMask& QuoteConstraint::freeMask() {
  const auto known = free_masks_.find(tail_);
  if (known != free_masks_.end()) return known->second;
  return free_masks_.emplace(tail_, makeFreeMask(tail_)).first->second;
}

void QuoteConstraint::fillQuoteMask() {
  quote_mask_.clear();
  quote_mask_ready_ = true;
  if (quoted_.empty()) {
    quote_mask_ = index_->starts();
    may_close_ = false;
    return;
  }
  may_close_ = unfinished_.empty();
  const bool long_enough = static_cast<int>(quoted_.size()) >= options_.n_quote_tokens_max;
  if (!long_enough || !may_close_) cursor_.allowNext(quote_mask_);
  // A text that ends inside a character is none; should one come, the quote ends with it.
  if (quote_mask_.count() == 0) may_close_ = true;
  if (n_close_ > 0) {
    quote_mask_.allow(close_[n_close_]);
  } else if (may_close_) {
    quote_mask_.allow(close_[0]);
  }
}

std::vector<AnswerEvent> QuoteConstraint::accept(TokenId token) {
  CHECK(allowed().allows(token));
  std::vector<AnswerEvent> events;
  if (state_ == State::kQuote) {
    acceptQuoted(token, events);
  } else if (isEnd(token)) {
    addText(std::exchange(held_, {}), events);
    events.push_back({AnswerEvent::Kind::kEnd, {}, {}, 0});
  } else if (state_ == State::kFree) {
    acceptFree(token, events);
  } else if (token == end_think_) {
    state_ = State::kFree;
    events.push_back({AnswerEvent::Kind::kThinkingEnd, {}, {}, 0});
  } else {
    addText(std::string(tokenizer_.bytesOf(token)), events);
  }
  return events;
}

void QuoteConstraint::acceptFree(TokenId token, std::vector<AnswerEvent>& events) {
  if (token == open_) {
    beginQuote(events);
    return;
  }
  const std::string_view bytes = tokenizer_.bytesOf(token);
  const TailStep next = step(tail_, bytes);
  tail_ = next.tail;
  held_ += bytes;
  if (next.opens) {
    held_.resize(held_.size() - kOpen.size());
    addText(std::exchange(held_, {}), events);
    beginQuote(events);
    return;
  }
  const std::size_t n_held = spells_open_ ? static_cast<std::size_t>(tail_.open) : 0;
  addText(held_.substr(0, held_.size() - n_held), events);
  held_.erase(0, held_.size() - n_held);
}

void QuoteConstraint::beginQuote(std::vector<AnswerEvent>& events) {
  events.push_back({AnswerEvent::Kind::kQuoteBegin, {}, {}, 0});
  state_ = State::kQuote;
  cursor_.begin();
  quote_mask_ready_ = false;
  quoted_.clear();
  unfinished_.clear();
  n_whole_ = n_shown_ = n_close_ = 0;
}

void QuoteConstraint::acceptQuoted(TokenId token, std::vector<AnswerEvent>& events) {
  if (n_close_ > 0 && token == close_[n_close_]) {
    ++n_close_;
  } else if (may_close_ && token == close_[0]) {
    n_close_ = 1;
    close_begin_ = quoted_.size();
    close_place_ = cursor_.place();
    n_close_places_ = cursor_.placeCount();
  } else {
    n_close_ = 0;
  }
  if (n_close_ == close_.size()) {
    showQuoted(close_begin_, events);
    endQuote(close_place_, n_close_places_, events);
    return;
  }
  quote_mask_ready_ = false;
  quoted_.push_back(token);
  cursor_.push(token);
  unfinished_ += tokenizer_.bytesOf(token);
  unfinished_.erase(0, unfinished_.size() - unfinishedUtf8(unfinished_));
  if (unfinished_.empty()) n_whole_ = quoted_.size();
  showQuoted(n_close_ > 0 ? close_begin_ : n_whole_, events);
}

void QuoteConstraint::showQuoted(std::size_t n_tokens, std::vector<AnswerEvent>& events) {
  std::string bytes;
  for (; n_shown_ < n_tokens; ++n_shown_) bytes += tokenizer_.bytesOf(quoted_[n_shown_]);
  addText(std::move(bytes), events);
}

void QuoteConstraint::endQuote(const base::TokenRange& place, std::int64_t n_places,
                               std::vector<AnswerEvent>& events) {
  events.push_back({AnswerEvent::Kind::kQuoteEnd, {}, place, n_places});
  state_ = State::kFree;
  tail_ = {};
}

std::vector<AnswerEvent> QuoteConstraint::finish() {
  std::vector<AnswerEvent> events;
  addText(std::exchange(held_, {}), events);
  if (state_ == State::kQuote) {
    // Cut at the last whole character, and before a close that had been begun.
    base::TokenRange place = n_close_ > 0 ? close_place_ : cursor_.place();
    const std::size_t n_tokens = n_close_ > 0 ? close_begin_ : n_whole_;
    showQuoted(n_tokens, events);
    place.end = std::min(place.end, place.begin + static_cast<std::int64_t>(n_tokens));
    endQuote(place, n_close_ > 0 ? n_close_places_ : cursor_.placeCount(), events);
  }
  return events;
}

}  // namespace engine
