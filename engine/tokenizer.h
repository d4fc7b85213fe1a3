// tokenizer.h: text to vocabulary ids and back (spec §16): byte-level BPE after DeepSeek's three
// splits, read from tokenizer.json or from a GGUF file.
//
// Two ways in. encodeTemplate() is for text written by ourselves: it recognises added tokens
// (`<｜User｜>`, ...) as the published tokenizer does. encodeText() is for everything that comes
// from documents, tools, file names and people: no spelling in it ever becomes an added token,
// whatever the file's `special` flag says. All functions are const and thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/hash.h"
#include "engine/base/ids.h"
#include "engine/base/result.h"

namespace engine {

using base::TokenId;
struct TokenizerFile;

// Invariant: every byte has a token of its own, so any text can be encoded; no merge yields an
// added token; decode(encodeText(x)) == repairUtf8(x).
class Tokenizer {
 public:
  // `path` is tokenizer.json, a folder that holds one, or a GGUF file. kNotFound (also a GGUF file
  // without vocabulary), kIo; kInvalidInput when the file contradicts itself; kUnsupported when it
  // is well-formed but another kind of tokenizer.
  static base::Result<std::shared_ptr<const Tokenizer>> open(const std::filesystem::path& path);
  static base::Result<std::shared_ptr<const Tokenizer>> parse(std::string_view json);
  ~Tokenizer();

  // Bytes that are not UTF-8 are replaced by U+FFFD first (utf8.h).
  std::vector<TokenId> encodeText(std::string_view text) const;
  std::vector<TokenId> encodeTemplate(std::string_view text) const;

  // Valid UTF-8. `skip_special` leaves out the tokens the file marks `special`, which are not all
  // added tokens. Ids outside the vocabulary are ignored.
  std::string decode(std::span<const TokenId> ids, bool skip_special = false) const;

  // The bytes of one token, maybe part of a character; empty outside the vocabulary.
  std::string_view bytesOf(TokenId id) const;
  bool isAdded(TokenId id) const;    // control token: never from encodeText()
  bool isSpecial(TokenId id) const;  // as the file's flag says
  std::optional<TokenId> addedToken(std::string_view spelling) const;
  int vocabSize() const;                     // ids are 0 .. vocabSize() - 1
  const base::Hash128& fingerprint() const;  // of the bytes it was read from

 private:
  struct Tables;
  explicit Tokenizer(std::unique_ptr<const Tables> tables);
  static base::Result<std::shared_ptr<const Tokenizer>> make(const TokenizerFile& file,
                                                             const base::Hash128& fingerprint);
  void encodePlain(std::string_view valid, std::vector<TokenId>& ids) const;

  std::unique_ptr<const Tables> tables_;
};

}  // namespace engine
