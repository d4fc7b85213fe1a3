// generator.h: the decode loop: logits, constraint, sampler, next token; out come pieces of answer.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/base/answer.h"
#include "engine/base/result.h"
#include "engine/quote_constraint.h"
#include "engine/sampler.h"
#include "engine/tokenizer.h"

namespace engine {

// What the loop needs from a sequence: the logits after its last token, and to append one.
class DecodeTarget {
 public:
  virtual ~DecodeTarget() = default;
  virtual std::span<const float> logits() const = 0;  // [vocab]
  virtual base::Status decode(TokenId token, std::stop_token stop) = 0;
};

struct GenerateOptions {
  SamplerOptions sampler;
  int n_tokens_max = 1024;
};

struct Generated {
  base::FinishReason reason = base::FinishReason::kEnd;
  std::vector<TokenId> ids;  // as sampled, without the end token; for ContextBuilder::addAnswer()
  // The answer as written: quotes stand between <quote> and </quote>, which nothing else can
  // produce in free text (QuoteConstraint); <none/> stays.
  std::string text;
  std::string reasoning;     // what came before </think>
  std::vector<base::QuoteMatch> quotes;  // QuoteMatch::answer: between the markers
  double first_token_s = 0;              // from the call to the first sampled token
  double decode_s = 0;                   // the whole loop
  double decodeTokensPerS() const;
};

// Appends sampled tokens to `target` until an end token, options.n_tokens_max or a stop; the last
// two may leave the last sampled token out of the target. A stop is a result (kStopped), not an
// error. `on_delta` is called on this thread, in order, with complete characters.
base::Result<Generated> generate(DecodeTarget& target, QuoteConstraint& constraint,
                                 const GenerateOptions& options,
                                 const std::function<void(const base::AnswerDelta&)>& on_delta,
                                 std::stop_token stop);

}  // namespace engine
