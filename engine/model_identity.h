// model_identity.h: what makes stored KV the KV of one model, part by part.
//
// KV is of use only to the model that made it: other weights, another vocabulary or another way of
// rounding read the same text differently. The fingerprint says whether two models are the same;
// the parts say what is different when they are not, in words a user can act on.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/hash.h"
#include "engine/model_config.h"
#include "engine/numerics.h"

namespace engine {

// One line of text, "name=value": how an identity is kept with a session and told to other
// processes. A value is a short number or word, or the hash of something long.
class ModelIdentity {
 public:
  ModelIdentity() = default;

  // `vocabulary` and `control_tokens` are hashes of what the tokenizer file holds; empty when they
  // are a part of the weights' file.
  struct Sources {
    base::Hash128 weights;
    std::string vocabulary, control_tokens;
    int layout_version = 0;
    Numerics numerics = Numerics::kOfficial;
    std::string_view backend;
  };
  ModelIdentity(const ModelConfig& config, const Sources& sources);

  // Lines without "=" are left out: a text of another version compares as far as it can.
  static ModelIdentity parse(std::string_view text);
  std::string text() const;
  bool empty() const { return parts_.empty(); }

  // What is not the same here and there, as "other weights" or "a window of 128 (here 64)"; parts
  // only one of them has count. Empty: nothing.
  std::vector<std::string> differences(const ModelIdentity& here) const;

 private:
  struct Part {
    std::string name, value;
  };
  const std::string* valueOf(const std::string& name) const;

  std::vector<Part> parts_;
};

}  // namespace engine
