#include "engine/tokenizer.h"

#include <array>
#include <fstream>
#include <mutex>
#include <utility>

#include "engine/added_token_finder.h"
#include "engine/bpe.h"
#include "engine/text_splitter.h"
#include "engine/tokenizer_file.h"
#include "engine/tokenizer_gguf.h"
#include "engine/utf8.h"

namespace engine {
namespace {

using base::ErrorCode;
using base::Result;

constexpr std::uintmax_t kFileBytesMax = std::uintmax_t{64} << 20;
enum Flag : std::uint8_t { kAdded = 1, kSpecial = 2 };

// Text of valid UTF-8: the caller's own bytes when they are, else a repaired copy.
class ValidText {
 public:
  explicit ValidText(std::string_view text) : view_(text) {
    if (firstInvalidUtf8(text) == text.npos) return;
    repaired_ = repairUtf8(text);
    view_ = repaired_;
  }
  ValidText(const ValidText&) = delete;
  ValidText& operator=(const ValidText&) = delete;
  std::string_view view() const { return view_; }

 private:
  std::string repaired_;
  std::string_view view_;
};

bool isGguf(const std::filesystem::path& path) {
  char magic[4] = {};
  std::ifstream(path, std::ios::binary).read(magic, 4);
  return std::string_view(magic, 4) == "GGUF";
}

// Scratch memory that outlives a call: whoever encodes borrows one, so several threads can.
class ScratchPool {
 public:
  std::unique_ptr<BpeScratch> take() {
    std::lock_guard lock(mutex_);
    if (idle_.empty()) return std::make_unique<BpeScratch>();
    auto scratch = std::move(idle_.back());
    idle_.pop_back();
    return scratch;
  }
  void giveBack(std::unique_ptr<BpeScratch> scratch) {
    std::lock_guard lock(mutex_);
    idle_.push_back(std::move(scratch));
  }

 private:
  std::mutex mutex_;  // guards everything below
  std::vector<std::unique_ptr<BpeScratch>> idle_;
};

}  // namespace

struct Tokenizer::Tables {
  std::string bytes;                  // of all tokens, one after the other
  std::vector<std::uint32_t> begins;  // [vocab + 1] in bytes
  std::vector<std::uint8_t> flags;    // [vocab]
  AddedTokenFinder added;
  Bpe bpe;
  base::Hash128 fingerprint;
  mutable ScratchPool scratch;
};

Tokenizer::Tokenizer(std::unique_ptr<const Tables> tables) : tables_(std::move(tables)) {}
Tokenizer::~Tokenizer() = default;

Result<std::shared_ptr<const Tokenizer>> Tokenizer::open(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::path file = path;
  if (std::filesystem::is_directory(path, error)) file /= "tokenizer.json";
  if (!std::filesystem::exists(file, error))
    return base::failure(ErrorCode::kNotFound, "no tokenizer.json at the model's path",
                         "Choose a folder that holds a model with its tokenizer.json.");
  if (isGguf(file)) {
    TRY_ASSIGN(const GgufFile container, GgufFile::open(file));
    TRY_ASSIGN(const TokenizerFile vocabulary, readGgufTokenizer(container));
    return make(vocabulary, base::hashBytes(container.header()));
  }
  const std::uintmax_t n_bytes = std::filesystem::file_size(file, error);
  if (error) return base::failure(ErrorCode::kIo, "tokenizer.json: " + error.message());
  if (n_bytes > kFileBytesMax)
    return base::failure(ErrorCode::kTooLarge, "tokenizer.json: more than 64 MB");
  std::ifstream stream(file, std::ios::binary);
  std::string json(static_cast<std::size_t>(n_bytes), '\0');
  if (!stream.read(json.data(), static_cast<std::streamsize>(n_bytes)))
    return base::failure(ErrorCode::kIo, "tokenizer.json cannot be read");
  return parse(json);
}

Result<std::shared_ptr<const Tokenizer>> Tokenizer::parse(std::string_view json) {
  TRY_ASSIGN(const TokenizerFile file, parseTokenizerFile(json));
  return make(file, base::hashText(json));
}

Result<std::shared_ptr<const Tokenizer>> Tokenizer::make(const TokenizerFile& file,
                                                         const base::Hash128& fingerprint) {
  std::array<TokenId, 256> byte_tokens{};
  std::vector<std::uint8_t> flags(file.bytes.size());
  AddedTokenFinder added;
  for (const AddedToken& token : file.added) {
    flags[static_cast<std::size_t>(token.id)] = kAdded | (token.special ? kSpecial : 0);
    added.add(token.spelling, token.id);
  }
  std::string bytes;
  std::vector<std::uint32_t> begins = {0};
  for (std::size_t id = 0; id < file.bytes.size(); ++id) {
    const std::string& token = file.bytes[id];
    if (token.size() == 1 && flags[id] == 0)
      byte_tokens[static_cast<std::uint8_t>(token[0])] = static_cast<TokenId>(id);
    bytes += token;
    begins.push_back(static_cast<std::uint32_t>(bytes.size()));
  }
  MergeTable merges(file.merges.size());
  std::uint32_t rank = 0;
  for (const FileMerge& merge : file.merges)
    if (!merges.add(merge.left, merge.right, {rank++, merge.result}))
      return base::failure(ErrorCode::kInvalidInput, "the tokenizer has a merge twice",
                           "Get the model's files again.");

  return std::shared_ptr<const Tokenizer>(
      new Tokenizer(std::unique_ptr<const Tables>(new Tables{std::move(bytes),
                                                             std::move(begins),
                                                             std::move(flags),
                                                             std::move(added),
                                                             Bpe(byte_tokens, std::move(merges)),
                                                             fingerprint,
                                                             {}})));
}

void Tokenizer::encodePlain(std::string_view valid, std::vector<TokenId>& ids) const {
  std::unique_ptr<BpeScratch> scratch = tables_->scratch.take();
  TextSplitter splitter(valid);
  for (std::string_view piece = splitter.next(); !piece.empty(); piece = splitter.next())
    tables_->bpe.encode(piece, *scratch, ids);
  tables_->scratch.giveBack(std::move(scratch));
}

std::vector<TokenId> Tokenizer::encodeText(std::string_view text) const {
  const ValidText valid(text);
  std::vector<TokenId> ids;
  ids.reserve(valid.view().size() / 3);
  encodePlain(valid.view(), ids);
  return ids;
}

std::vector<TokenId> Tokenizer::encodeTemplate(std::string_view text) const {
  const ValidText repaired(text);
  const std::string_view valid = repaired.view();
  std::vector<TokenId> ids;
  std::size_t at = 0;
  while (const auto match = tables_->added.find(valid, at)) {
    encodePlain(valid.substr(at, match->begin - at), ids);
    ids.push_back(match->id);
    at = match->end;
  }
  encodePlain(valid.substr(at), ids);
  return ids;
}

std::string Tokenizer::decode(std::span<const TokenId> ids, bool skip_special) const {
  std::string bytes;
  for (const TokenId id : ids)
    if (!skip_special || !isSpecial(id)) bytes += bytesOf(id);
  return repairUtf8(bytes);
}

std::string_view Tokenizer::bytesOf(TokenId id) const {
  if (id < 0 || id >= vocabSize()) return {};
  const auto at = static_cast<std::size_t>(id);
  return std::string_view(tables_->bytes)
      .substr(tables_->begins[at], tables_->begins[at + 1] - tables_->begins[at]);
}

bool Tokenizer::isAdded(TokenId id) const {
  return id >= 0 && id < vocabSize() && (tables_->flags[static_cast<std::size_t>(id)] & kAdded);
}

bool Tokenizer::isSpecial(TokenId id) const {
  return id >= 0 && id < vocabSize() && (tables_->flags[static_cast<std::size_t>(id)] & kSpecial);
}

std::optional<TokenId> Tokenizer::addedToken(std::string_view spelling) const {
  return tables_->added.exactly(spelling);
}

int Tokenizer::vocabSize() const { return static_cast<int>(tables_->flags.size()); }
const base::Hash128& Tokenizer::fingerprint() const { return tables_->fingerprint; }

}  // namespace engine
