// vocabulary_builder.h: a TokenizerFile out of what a file lists, and a refusal of whatever
// contradicts its invariant. Vocabularies are spelled in the byte level alphabet (specification
// §16.1).
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/tokenizer_file.h"

namespace engine {

inline constexpr std::size_t kTokensMax = 1'000'000;

class VocabularyBuilder {
 public:
  // `where` begins every message.
  explicit VocabularyBuilder(std::string where) : where_(std::move(where)) {}

  // Control tokens first, then tokens, then merges by rank.
  base::Status addControl(AddedToken token);
  // A control token may stand among the tokens too, with the same id.
  base::Status addToken(TokenId id, std::string_view spelling);
  base::Status addMerge(std::string_view left, std::string_view right);
  bool isToken(std::string_view spelling) const { return ids_.contains(std::string(spelling)); }

  base::Result<TokenizerFile> finish();

 private:
  tl::unexpected<base::Error> invalid(std::string what) const;
  bool put(TokenId id, std::string bytes);  // false: taken
  bool everyByteHasAToken() const;

  std::string where_;
  TokenizerFile file_;
  std::vector<bool> taken_;  // by id
  std::unordered_set<TokenId> added_ids_;
  std::unordered_map<std::string, TokenId> added_;  // by spelling
  std::unordered_map<std::string, TokenId> ids_;    // vocabulary without added tokens
};

}  // namespace engine
