#include "engine/tokenizer_file.h"

#include <array>

#include "engine/json.h"
#include "engine/vocabulary_builder.h"

namespace engine {
namespace {

using base::ErrorCode;
using base::Result;
using base::Status;

// Sorted members instead of engine::Json's ordered ones, which are found one by one: 128,000
// entries of a vocabulary would take minutes.
using FileJson = nlohmann::json;

constexpr std::size_t kFileBytesMax = std::size_t{64} << 20;

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

class Reader {
 public:
  Result<TokenizerFile> read(const FileJson& file) {
    TRY(checkPipeline(file));
    TRY(readAdded(member(file, "added_tokens")));
    TRY(readVocabulary(member(member(file, "model"), "vocab")));
    TRY(readMerges(member(member(file, "model"), "merges")));
    return builder_.finish();
  }

 private:
  Status readAdded(const FileJson& list) {
    if (list.is_null()) return {};
    if (!list.is_array() || list.size() > kTokensMax) return invalid("added_tokens is not a list");
    n_added_ = list.size();
    for (const FileJson& item : list) {
      const FileJson& id = member(item, "id");
      const FileJson& content = member(item, "content");
      if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= kTokensMax || !content.is_string())
        return invalid("an added token without id or content");
      for (const char* key : {"single_word", "lstrip", "rstrip"})
        if (!isFalse(member(item, key)))
          return unsupported(std::string("an added token sets ") + key);
      TRY(builder_.addControl({id.get<TokenId>(), content.get<std::string>(),
                               !isFalse(member(item, "special"))}));
    }
    return {};
  }

  Status readVocabulary(const FileJson& vocabulary) {
    if (!vocabulary.is_object() || vocabulary.empty()) return invalid("no vocabulary");
    if (vocabulary.size() + n_added_ > kTokensMax)
      return base::failure(ErrorCode::kTooLarge, "tokenizer.json: too many tokens");
    for (const auto& [spelling, id] : vocabulary.items()) {
      if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= kTokensMax)
        return invalid("a vocabulary entry is not a spelling with an id");
      TRY(builder_.addToken(id.get<TokenId>(), spelling));
    }
    return {};
  }

  Status readMerges(const FileJson& merges) {
    if (!merges.is_array() || merges.size() > kTokensMax) return invalid("no list of merges");
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
      TRY(builder_.addMerge(left, right));
    }
    return {};
  }

  VocabularyBuilder builder_{"tokenizer.json"};
  std::size_t n_added_ = 0;
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
