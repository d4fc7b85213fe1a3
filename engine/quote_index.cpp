#include "engine/quote_index.h"

#include <algorithm>

#include "engine/base/check.h"
#include "engine/unicode_classes.h"
#include "engine/utf8.h"

namespace engine {
namespace {

bool continuesCharacter(char byte) { return (byte & 0xC0) == 0x80; }

// Whether whole characters of `bytes` show something; a character cut off at the end does not
// count.
bool showsSomething(std::string_view bytes) {
  bytes.remove_suffix(unfinishedUtf8(bytes));
  const std::string text = repairUtf8(bytes);
  for (std::size_t at = 0; at < text.size();)
    if ((unicodeClass(nextCodePoint(text, at)) & kClassMask) != kWhiteSpace) return true;
  return false;
}

enum class Start : std::uint8_t { kUnknown, kNever, kAlways, kByWhatFollows };

Start startOf(std::string_view bytes) {
  if (bytes.empty() || continuesCharacter(bytes[0])) return Start::kNever;
  if (showsSomething(bytes)) return Start::kAlways;
  return unfinishedUtf8(bytes) == 0 ? Start::kNever : Start::kByWhatFollows;
}

}  // namespace

QuoteIndex::QuoteIndex(const Tokenizer& tokenizer, std::span<const TokenId> tokens,
                       std::span<const base::TokenRange> quotable)
    : first_(static_cast<std::size_t>(tokenizer.vocabSize()) + 1), starts_(tokenizer.vocabSize()) {
  for (const base::TokenRange& range : quotable) {
    CHECK(range.begin >= 0 && range.begin <= range.end &&
          range.end <= static_cast<std::int64_t>(tokens.size()));
    ranges_.push_back({static_cast<std::int64_t>(tokens_.size()), range.begin});
    for (std::int64_t i = range.begin; i < range.end; ++i) {
      // A control token in a quotable range would be a mistake of the context's maker; it must not
      // become quotable through it.
      const TokenId token = tokens[static_cast<std::size_t>(i)];
      const bool text = token >= 0 && token < tokenizer.vocabSize() && !tokenizer.isAdded(token);
      tokens_.push_back(text ? token : kEnd);
    }
    tokens_.push_back(kEnd);
  }

  std::vector<Start> start_of(first_.size(), Start::kUnknown);
  std::vector<std::uint8_t> can_start(tokens_.size());
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    if (tokens_[i] == kEnd) continue;
    Start& start = start_of[static_cast<std::size_t>(tokens_[i])];
    if (start == Start::kUnknown) start = startOf(tokenizer.bytesOf(tokens_[i]));
    can_start[i] = start == Start::kAlways;
    if (start != Start::kByWhatFollows) continue;
    // The first thing it may show is a character that the next tokens finish.
    std::string whole(tokenizer.bytesOf(tokens_[i]));
    for (std::size_t j = i + 1; tokens_[j] != kEnd && unfinishedUtf8(whole) != 0; ++j)
      whole += tokenizer.bytesOf(tokens_[j]);
    can_start[i] = unfinishedUtf8(whole) == 0 && showsSomething(whole);
  }

  for (std::size_t i = 0; i < tokens_.size(); ++i)
    if (can_start[i]) ++first_[static_cast<std::size_t>(tokens_[i]) + 1];
  for (std::size_t token = 0; token + 1 < first_.size(); ++token) {
    if (first_[token + 1] > 0) starts_.allow(static_cast<TokenId>(token));
    first_[token + 1] += first_[token];
  }
  n_starts_ = first_.back();
  places_.resize(static_cast<std::size_t>(n_starts_));
  std::vector<std::int32_t> next(first_.begin(), first_.end() - 1);
  for (std::size_t i = 0; i < tokens_.size(); ++i)
    if (can_start[i])
      places_[static_cast<std::size_t>(next[static_cast<std::size_t>(tokens_[i])]++)] =
          static_cast<std::int32_t>(i);
}

void QuoteCursor::begin() {
  places_.clear();
  n_tokens_ = 0;
}

void QuoteCursor::push(TokenId token) {
  if (n_tokens_ == 0) {
    const auto at = static_cast<std::size_t>(token);
    places_.assign(index_->places_.begin() + index_->first_[at],
                   index_->places_.begin() + index_->first_[at + 1]);
  } else {
    std::erase_if(places_, [&](std::int32_t place) {
      return index_->tokens_[static_cast<std::size_t>(place + n_tokens_)] != token;
    });
  }
  ++n_tokens_;
}

void QuoteCursor::allowNext(TokenMask& mask) const {
  for (const std::int32_t place : places_) {
    const TokenId token = index_->tokens_[static_cast<std::size_t>(place + n_tokens_)];
    if (token != QuoteIndex::kEnd) mask.allow(token);
  }
}

base::TokenRange QuoteCursor::place() const {
  if (places_.empty()) return {};
  // Ranges are in the order they were given, so the lowest place is the first one.
  const std::int64_t first = places_.front();
  const auto range = std::prev(std::upper_bound(
      index_->ranges_.begin(), index_->ranges_.end(), first,
      [](std::int64_t at, const QuoteIndex::Range& r) { return at < r.index_begin; }));
  const std::int64_t begin = range->context_begin + (first - range->index_begin);
  return {begin, begin + n_tokens_};
}

}  // namespace engine
