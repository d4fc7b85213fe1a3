#include "engine/vocabulary_builder.h"

#include <array>
#include <optional>

#include "engine/utf8.h"

namespace engine {
namespace {

using base::ErrorCode;
using base::Result;
using base::Status;

constexpr std::size_t kSpellingBytesMax = 1024;

// The byte level alphabet: printable bytes stand for themselves, the others for U+0100 upwards.
std::unordered_map<char32_t, char> makeAlphabet() {
  std::unordered_map<char32_t, char> alphabet;
  char32_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable = (byte > 32 && byte < 127) || (byte > 160 && byte != 173);
    alphabet[printable ? static_cast<char32_t>(byte) : next++] = static_cast<char>(byte);
  }
  return alphabet;
}

std::optional<std::string> tokenBytes(std::string_view spelling) {
  static const std::unordered_map<char32_t, char> kAlphabet = makeAlphabet();
  std::string bytes;
  for (std::size_t at = 0; at < spelling.size();) {
    const auto found = kAlphabet.find(nextCodePoint(spelling, at));
    if (found == kAlphabet.end()) return std::nullopt;
    bytes += found->second;
  }
  return bytes;
}

bool fits(TokenId id, std::string_view spelling) {
  return id >= 0 && static_cast<std::size_t>(id) < kTokensMax && !spelling.empty() &&
         spelling.size() <= kSpellingBytesMax;
}

}  // namespace

tl::unexpected<base::Error> VocabularyBuilder::invalid(std::string what) const {
  return base::failure(ErrorCode::kInvalidInput, where_ + ": " + std::move(what),
                       "Get the model's files again.");
}

bool VocabularyBuilder::put(TokenId id, std::string bytes) {
  const auto at = static_cast<std::size_t>(id);
  if (at >= taken_.size()) taken_.resize(at + 1), file_.bytes.resize(at + 1);
  if (taken_[at]) return false;
  taken_[at] = true;
  file_.bytes[at] = std::move(bytes);
  return true;
}

Status VocabularyBuilder::addControl(AddedToken token) {
  if (!fits(token.id, token.spelling))
    return invalid("an added token of no or excessive length, or with an impossible id");
  if (!added_ids_.insert(token.id).second || !added_.emplace(token.spelling, token.id).second)
    return invalid("an added token appears twice");
  file_.added.push_back(std::move(token));
  return {};
}

Status VocabularyBuilder::addToken(TokenId id, std::string_view spelling) {
  if (!fits(id, spelling)) return invalid("a vocabulary entry is not a spelling with an id");
  if (const auto control = added_.find(std::string(spelling)); control != added_.end()) {
    if (control->second != id) return invalid("an added token has another id in the vocabulary");
    return {};
  }
  std::optional<std::string> bytes = tokenBytes(spelling);
  if (!bytes) return invalid("a vocabulary entry is not spelled in the byte level alphabet");
  if (!ids_.emplace(spelling, id).second) return invalid("a token appears twice");
  if (!put(id, std::move(*bytes))) return invalid("two tokens with one id");
  return {};
}

Status VocabularyBuilder::addMerge(std::string_view left, std::string_view right) {
  const auto a = ids_.find(std::string(left)), b = ids_.find(std::string(right)),
             c = ids_.find(std::string(left).append(right));
  if (a == ids_.end() || b == ids_.end() || c == ids_.end())
    return invalid("a merge of tokens that are not in the vocabulary");
  file_.merges.push_back({a->second, b->second, c->second});
  return {};
}

bool VocabularyBuilder::everyByteHasAToken() const {
  std::array<bool, 256> found{};
  for (const auto& entry : ids_)
    if (const std::string& bytes = file_.bytes[static_cast<std::size_t>(entry.second)];
        bytes.size() == 1)
      found[static_cast<std::uint8_t>(bytes[0])] = true;
  for (const bool byte : found)
    if (!byte) return false;
  return true;
}

Result<TokenizerFile> VocabularyBuilder::finish() {
  for (const AddedToken& token : file_.added)
    if (!put(token.id, token.spelling)) return invalid("two tokens with one id");
  for (const bool is_taken : taken_)
    if (!is_taken) return invalid("the ids have gaps");
  if (!everyByteHasAToken()) return invalid("a byte has no token");
  return std::move(file_);
}

}  // namespace engine
