#include "engine/tokenizer_file.h"

#include <array>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "engine/json.h"
#include "engine/utf8.h"

namespace engine {
namespace {

using base::ErrorCode;
using base::Result;
using base::Status;

// Sorted members instead of engine::Json's ordered ones, which are found one by one: 128,000
// entries of a vocabulary would take minutes.
using FileJson = nlohmann::json;

constexpr std::size_t kFileBytesMax = std::size_t{64} << 20;
constexpr std::size_t kTokensMax = 1'000'000;
constexpr std::size_t kSpellingBytesMax = 1024;

// The splits text_splitter.h implements, with escapes resolved (plainPattern).
constexpr std::array<std::string_view, 3> kSplits = {
    R"(\p{N}{1,3})", "[一-龥぀-ゟ゠-ヿ]+",
    "[!\"#$%&'()*+,\\-./"
    ":;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+|"
    " ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"};

tl::unexpected<base::Error> invalid(std::string what) {
  return base::failure(ErrorCode::kInvalidInput, "tokenizer.json: " + std::move(what),
                       "Get the model's tokenizer.json again.");
}

tl::unexpected<base::Error> unsupported(std::string what) {
  return base::failure(ErrorCode::kUnsupported, "tokenizer.json: " + std::move(what),
                       "Use the tokenizer.json of a DeepSeek-V4 model.");
}

const FileJson& member(const FileJson& object, const char* key) {
  static const FileJson kNothing;
  if (!object.is_object()) return kNothing;
  const auto found = object.find(key);
  return found == object.end() ? kNothing : *found;
}

bool isText(const FileJson& value, std::string_view text) {
  return value.is_string() && value.get_ref<const std::string&>() == text;
}
bool isFalse(const FileJson& value) {
  return value.is_null() || (value.is_boolean() && !value.get<bool>());
}

// \r, \n and \" inside the expression are spelled out or escaped, depending on who wrote it.
std::string plainPattern(std::string_view pattern) {
  std::string plain;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char next = i + 1 < pattern.size() ? pattern[i + 1] : '\0';
    if (pattern[i] != '\\') {
      plain += pattern[i];
    } else if (next == 'r' || next == 'n' || next == '"') {
      plain += next == 'r' ? '\r' : next == 'n' ? '\n' : '"';
      ++i;
    } else {
      plain += pattern[i];
      if (next == '\\') plain += pattern[++i];
    }
  }
  return plain;
}

Status checkPipeline(const FileJson& file) {
  const FileJson& normalizer = member(file, "normalizer");
  const FileJson& steps = member(normalizer, "normalizers");
  if (!normalizer.is_null() &&
      !(isText(member(normalizer, "type"), "Sequence") && steps.is_array() && steps.empty()))
    return unsupported("it has a normaliser");

  const FileJson& splits = member(member(file, "pre_tokenizer"), "pretokenizers");
  if (!splits.is_array() || splits.size() != kSplits.size() + 1)
    return unsupported("its splits are not DeepSeek's");
  for (std::size_t i = 0; i < kSplits.size(); ++i) {
    const FileJson& split = splits[i];
    const FileJson& regex = member(member(split, "pattern"), "Regex");
    if (!isText(member(split, "type"), "Split") || !isText(member(split, "behavior"), "Isolated") ||
        !isFalse(member(split, "invert")) || !regex.is_string() ||
        plainPattern(regex.get_ref<const std::string&>()) != plainPattern(kSplits[i]))
      return unsupported("its splits are not DeepSeek's");
  }
  const FileJson& last = splits[kSplits.size()];
  if (!isText(member(last, "type"), "ByteLevel") || !isFalse(member(last, "add_prefix_space")) ||
      !isFalse(member(last, "use_regex")))
    return unsupported("its splits are not DeepSeek's");
  if (!isText(member(member(file, "decoder"), "type"), "ByteLevel"))
    return unsupported("its decoder is not byte level");

  const FileJson& model = member(file, "model");
  if (!isText(member(model, "type"), "BPE")) return unsupported("its model is not BPE");
  for (const char* key : {"byte_fallback", "ignore_merges", "fuse_unk"})
    if (!isFalse(member(model, key))) return unsupported(std::string("its model sets ") + key);
  for (const char* key :
       {"dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"}) {
    const FileJson& value = member(model, key);
    if (!value.is_null() && !isText(value, ""))
      return unsupported(std::string("its model sets ") + key);
  }
  return {};
}

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

class Reader {
 public:
  Result<TokenizerFile> read(const FileJson& file) {
    TRY(checkPipeline(file));
    TRY(readAdded(member(file, "added_tokens")));
    TRY(readVocabulary(member(member(file, "model"), "vocab")));
    TRY(readMerges(member(member(file, "model"), "merges")));
    return std::move(file_);
  }

 private:
  Status readAdded(const FileJson& list) {
    if (list.is_null()) return {};
    if (!list.is_array() || list.size() > kTokensMax) return invalid("added_tokens is not a list");
    for (const FileJson& item : list) {
      const FileJson& id = member(item, "id");
      const FileJson& content = member(item, "content");
      if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= kTokensMax || !content.is_string())
        return invalid("an added token without id or content");
      for (const char* key : {"single_word", "lstrip", "rstrip"})
        if (!isFalse(member(item, key)))
          return unsupported(std::string("an added token sets ") + key);
      AddedToken token{id.get<TokenId>(), content.get<std::string>(),
                       !isFalse(member(item, "special"))};
      if (token.spelling.empty() || token.spelling.size() > kSpellingBytesMax)
        return invalid("an added token of no or excessive length");
      if (!added_ids_.insert(token.id).second || !spellings_.insert(token.spelling).second)
        return invalid("an added token appears twice");
      file_.added.push_back(std::move(token));
    }
    return {};
  }

  Status readVocabulary(const FileJson& vocabulary) {
    if (!vocabulary.is_object() || vocabulary.empty()) return invalid("no vocabulary");
    if (vocabulary.size() + file_.added.size() > kTokensMax)
      return base::failure(ErrorCode::kTooLarge, "tokenizer.json: too many tokens");
    std::unordered_map<std::string_view, TokenId> added;
    for (const AddedToken& token : file_.added) added[token.spelling] = token.id;

    std::vector<bool> taken;
    const auto put = [&](TokenId id, std::string bytes) {
      const auto at = static_cast<std::size_t>(id);
      if (at >= taken.size()) taken.resize(at + 1), file_.bytes.resize(at + 1);
      if (taken[at]) return false;
      taken[at] = true;
      file_.bytes[at] = std::move(bytes);
      return true;
    };
    ids_.reserve(vocabulary.size());
    for (const auto& [spelling, id] : vocabulary.items()) {
      if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= kTokensMax || spelling.empty() ||
          spelling.size() > kSpellingBytesMax)
        return invalid("a vocabulary entry is not a spelling with an id");
      if (const auto control = added.find(spelling); control != added.end()) {
        if (control->second != id.get<TokenId>())
          return invalid("an added token has another id in the vocabulary");
        continue;
      }
      std::optional<std::string> bytes = tokenBytes(spelling);
      if (!bytes) return invalid("a vocabulary entry is not spelled in the byte level alphabet");
      if (!put(id.get<TokenId>(), std::move(*bytes))) return invalid("two tokens with one id");
      ids_[spelling] = id.get<TokenId>();
    }
    for (const AddedToken& token : file_.added)
      if (!put(token.id, token.spelling)) return invalid("two tokens with one id");
    for (const bool is_taken : taken)
      if (!is_taken) return invalid("the ids have gaps");
    return checkBytes();
  }

  Status checkBytes() const {
    std::array<bool, 256> found{};
    for (const auto& entry : ids_)
      if (const std::string& bytes = file_.bytes[static_cast<std::size_t>(entry.second)];
          bytes.size() == 1)
        found[static_cast<std::uint8_t>(bytes[0])] = true;
    for (const bool byte : found)
      if (!byte) return invalid("a byte has no token");
    return {};
  }

  Status readMerges(const FileJson& merges) {
    if (!merges.is_array() || merges.size() > kTokensMax) return invalid("no list of merges");
    file_.merges.reserve(merges.size());
    std::string joined;
    for (const FileJson& item : merges) {
      std::string_view left, right;
      if (item.is_string()) {
        const std::string_view both = item.get_ref<const std::string&>();
        const std::size_t blank = both.find(' ');
        if (blank == both.npos) return invalid("a merge without two sides");
        left = both.substr(0, blank);
        right = both.substr(blank + 1);
      } else if (item.is_array() && item.size() == 2 && item[0].is_string() &&
                 item[1].is_string()) {
        left = item[0].get_ref<const std::string&>();
        right = item[1].get_ref<const std::string&>();
      } else {
        return invalid("a merge without two sides");
      }
      joined.assign(left).append(right);
      const auto a = ids_.find(std::string(left)), b = ids_.find(std::string(right)),
                 c = ids_.find(joined);
      if (a == ids_.end() || b == ids_.end() || c == ids_.end())
        return invalid("a merge of tokens that are not in the vocabulary");
      file_.merges.push_back({a->second, b->second, c->second});
    }
    return {};
  }

  TokenizerFile file_;
  std::unordered_set<TokenId> added_ids_;
  std::unordered_set<std::string> spellings_;
  std::unordered_map<std::string, TokenId> ids_;  // vocabulary without added tokens
};

}  // namespace

Result<TokenizerFile> parseTokenizerFile(std::string_view text) {
  if (text.size() > kFileBytesMax)
    return base::failure(ErrorCode::kTooLarge, "tokenizer.json: more than 64 MB");
  const FileJson file = FileJson::parse(text, nullptr, /*allow_exceptions=*/false);
  if (file.is_discarded()) return invalid("not JSON");
  return Reader().read(file);
}

}  // namespace engine
