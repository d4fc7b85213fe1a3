#include "engine/tokenizer_gguf.h"

#include <string>
#include <vector>

#include "engine/vocabulary_builder.h"

namespace engine {
namespace {

using base::ErrorCode;
using base::failure;
using base::Result;
using base::Status;

// What a token is, as the file numbers it.
enum TokenType : std::int64_t { kNormal = 1, kControl = 3, kUserDefined = 4, kUnused = 5 };

std::string textOf(const GgufFile& file, const char* key) {
  const GgufValue* value = file.value(key);
  const auto text = value != nullptr ? value->text() : std::nullopt;
  return text ? std::string(text->substr(0, 40)) : "";
}

class Reader {
 public:
  explicit Reader(const GgufFile& file) : file_(file), builder_(file.name()) {}

  Result<TokenizerFile> read() {
    TRY(checkKind());
    TRY_ASSIGN(const auto tokens, list("tokenizer.ggml.tokens"));
    TRY_ASSIGN(const auto types, list("tokenizer.ggml.token_type"));
    if (types.size() != tokens.size()) return invalid("tokens and their types differ in number");
    TRY(addTokens(tokens, types, /*controls=*/true));
    TRY(addTokens(tokens, types, /*controls=*/false));
    TRY_ASSIGN(const auto merges, list("tokenizer.ggml.merges"));
    for (const GgufValue& merge : merges) TRY(addMerge(merge));
    return builder_.finish();
  }

 private:
  tl::unexpected<base::Error> invalid(const std::string& what) const {
    return failure(ErrorCode::kInvalidInput, file_.name() + ": " + what,
                   "Get the model's files again.");
  }
  tl::unexpected<base::Error> unsupported(const std::string& what) const {
    return failure(ErrorCode::kUnsupported, file_.name() + ": " + what,
                   "Choose a GGUF file with the tokenizer of DeepSeek-V4.");
  }

  Status checkKind() const {
    const std::string model = textOf(file_, "tokenizer.ggml.model");
    if (model == "no_vocab" || file_.value("tokenizer.ggml.tokens") == nullptr)
      return failure(ErrorCode::kNotFound, file_.name() + " has no vocabulary",
                     "Choose a model with its tokenizer; `lectern bench`, `logits` and `plan` work "
                     "without one.");
    if (model != "gpt2") return unsupported("its tokenizer is '" + model + "', not byte level BPE");
    const std::string splits = textOf(file_, "tokenizer.ggml.pre");
    if (splits != "joyai-llm")
      return unsupported("its tokenizer splits text as '" + splits + "', not as 'joyai-llm'");
    return {};
  }

  Result<std::vector<GgufValue>> list(const char* key) const {
    const GgufValue* value = file_.value(key);
    if (value == nullptr || !value->isList()) return invalid(std::string(key) + " is no list");
    if (value->size() > kTokensMax)
      return failure(ErrorCode::kTooLarge, file_.name() + ": too many tokens or merges");
    return value->elements(kTokensMax);
  }

  Status addTokens(const std::vector<GgufValue>& tokens, const std::vector<GgufValue>& types,
                   bool controls) {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const auto spelling = tokens[i].text();
      const auto type = types[i].integer();
      if (!spelling || !type) return invalid("a token without spelling or type");
      const auto id = static_cast<TokenId>(i);
      if (*type == kControl || *type == kUserDefined) {
        if (controls) TRY(builder_.addControl({id, std::string(*spelling), *type == kControl}));
      } else if (*type == kNormal || *type == kUnused) {
        if (!controls) TRY(builder_.addToken(id, *spelling));
      } else {
        return unsupported("its tokenizer has tokens of type " + std::to_string(*type));
      }
    }
    return {};
  }

  // A list may not be empty in this format, so vocabularies without merges hold one that leads
  // nowhere.
  Status addMerge(const GgufValue& merge) {
    const auto both = merge.text();
    const std::size_t blank = both ? both->find(' ') : std::string_view::npos;
    if (blank == std::string_view::npos) return invalid("a merge without two sides");
    const std::string_view left = both->substr(0, blank), right = both->substr(blank + 1);
    if (!builder_.isToken(std::string(left).append(right))) return {};
    return builder_.addMerge(left, right);
  }

  const GgufFile& file_;
  VocabularyBuilder builder_;
};

}  // namespace

Result<TokenizerFile> readGgufTokenizer(const GgufFile& file) { return Reader(file).read(); }

}  // namespace engine
