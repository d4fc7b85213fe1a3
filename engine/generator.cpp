#include "engine/generator.h"

#include <chrono>
#include <utility>

#include "engine/utf8.h"

namespace engine {
namespace {

using base::ErrorCode;
using base::FinishReason;
using base::Result;

double secondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Turns events into text of whole characters and ranges of it.
class AnswerWriter {
 public:
  AnswerWriter(Generated& answer, bool thinking) : answer_(answer), thinking_(thinking) {}

  void write(std::vector<AnswerEvent> events) {
    for (const AnswerEvent& event : events) {
      using Kind = AnswerEvent::Kind;
      if (event.kind == Kind::kText) {
        append(stream_.push(event.bytes));
        continue;
      }
      append(stream_.flush());
      if (event.kind == Kind::kQuoteBegin) beginQuote();
      if (event.kind == Kind::kQuoteEnd) endQuote(event);
      if (event.kind == Kind::kThinkingEnd) {
        // What was thought is a delta of its own: one delta is either reasoning or answer.
        if (on_thinking_end_) on_thinking_end_();
        thinking_ = false;
      }
    }
  }
  void finish() { append(stream_.flush()); }
  void onThinkingEnd(std::function<void()> call) { on_thinking_end_ = std::move(call); }

  base::AnswerDelta takeDelta(int n_tokens) {
    base::AnswerDelta delta = std::exchange(delta_, {});
    delta.thinking = thinking_;
    delta.n_tokens = n_tokens;
    return delta;
  }

 private:
  void append(const std::string& text) {
    (thinking_ ? answer_.reasoning : answer_.text) += text;
    delta_.text += text;
  }

  void beginQuote() {
    append(std::string(base::kQuoteOpen));
    quote_begin_ = answer_.text.size();
  }

  void endQuote(const AnswerEvent& event) {
    const base::ByteRange words{quote_begin_, answer_.text.size()};
    append(std::string(base::kQuoteClose));
    if (event.context.size() <= 0) return;
    const base::QuoteMatch match{words, event.context, event.n_places};
    answer_.quotes.push_back(match);
    delta_.quotes.push_back(match);
  }

  Generated& answer_;
  bool thinking_;
  Utf8Stream stream_;
  std::size_t quote_begin_ = 0;
  base::AnswerDelta delta_;
  std::function<void()> on_thinking_end_;
};

}  // namespace

double Generated::decodeTokensPerS() const {
  return decode_s > 0 ? static_cast<double>(ids.size()) / decode_s : 0;
}

Result<Generated> generate(DecodeTarget& target, QuoteConstraint& constraint,
                           const GenerateOptions& options,
                           const std::function<void(const base::AnswerDelta&)>& on_delta,
                           std::stop_token stop) {
  const auto start = std::chrono::steady_clock::now();
  Generated answer;
  answer.reason = FinishReason::kLength;
  AnswerWriter writer(answer, constraint.isThinking());
  Sampler sampler(options.sampler);
  int n_unsent = 0;
  const auto send = [&] {
    const base::AnswerDelta delta = writer.takeDelta(std::exchange(n_unsent, 0));
    if (on_delta && (delta.n_tokens > 0 || !delta.text.empty())) on_delta(delta);
  };
  writer.onThinkingEnd(send);

  while (static_cast<int>(answer.ids.size()) < options.n_tokens_max) {
    if (stop.stop_requested()) {
      answer.reason = FinishReason::kStopped;
      break;
    }
    TRY_ASSIGN(const TokenId token, sampler.sample(target.logits(), constraint.allowed()));
    if (answer.ids.empty()) answer.first_token_s = secondsSince(start);
    ++n_unsent;
    writer.write(constraint.accept(token));
    if (constraint.isEnd(token)) {
      answer.reason = FinishReason::kEnd;
      break;
    }
    answer.ids.push_back(token);
    send();
    if (static_cast<int>(answer.ids.size()) == options.n_tokens_max) break;
    if (auto decoded = target.decode(token, stop); !decoded) {
      if (decoded.error().code != ErrorCode::kCancelled)
        return tl::make_unexpected(std::move(decoded).error());
      answer.reason = FinishReason::kStopped;
      break;
    }
  }
  writer.write(constraint.finish());
  writer.finish();
  send();
  answer.decode_s = secondsSince(start);
  return answer;
}

}  // namespace engine
