// context_builder.h: documents, receipt and conversation to the tokens the model reads, with a map
// back to their sources (design §7).
//
//   BOS system <User> { "=== path ===\n" text "\n" } receipt "\n\n" question <Assistant></think>
//   answer EOS <User> question <Assistant></think> ...
//
// Behind the header of a document that is not shown in full, "--- outline ---\n" or
// "--- name only ---\n" says so.
//
// Every piece is encoded on its own, so what follows never changes the tokens before it: a question
// or a turn appended keeps everything already read. Paths, texts, questions and the receipt are
// data: no spelling in them becomes a control token.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/document.h"
#include "engine/base/result.h"
#include "engine/base/span.h"
#include "engine/tokenizer.h"

namespace engine {

enum class SegmentKind { kTemplate, kMessage, kReceipt, kDocument };

struct Segment {
  SegmentKind kind = SegmentKind::kTemplate;
  base::TokenRange tokens;  // position in Context::tokens
  int document = -1;        // order of addDocument(); also set for a document's header lines
  base::ByteRange bytes;    // in Document::text; empty unless kDocument
};

// Invariant: the segments partition the tokens, in order; the tokens of a kDocument segment are the
// encoding of its bytes (and of a line feed behind them where the text lacks its last one).
struct Context {
  std::vector<TokenId> tokens;
  std::vector<Segment> segments;
  std::vector<base::TokenRange> quotable;  // where quotes may come from: the kDocument segments
};

struct Place {
  int document = 0;       // order of addDocument()
  base::ByteRange bytes;  // in Document::text
};

// Where in its document a range of tokens lies. Empty when the range is not inside one kDocument
// segment. Walks the segment's tokens before the range: no table is kept.
std::optional<Place> locate(const Context& context, const Tokenizer& tokenizer,
                            const base::TokenRange& range);

enum class ThinkingMode { kChat, kThinking };

struct ContextOptions {
  std::string system_text;  // empty: defaultSystemText()
  ThinkingMode thinking = ThinkingMode::kChat;
};

// What the model is told to do: one sentence for models with tokens for quotes (Lectern Mini was
// trained on exactly it), instructions for others.
std::string defaultSystemText(const Tokenizer& tokenizer);

// Order of calls: documents, at most one receipt, then questions and answers in turn.
// Copyable: keep one with the documents and copy it for every branch.
class ContextBuilder {
 public:
  // kUnsupported when the vocabulary lacks the control tokens of the chat encoding.
  static base::Result<ContextBuilder> create(std::shared_ptr<const Tokenizer> tokenizer,
                                             ContextOptions options = {});

  // kInvalidInput if the text is not UTF-8 or the pages do not partition it. Not kept after the
  // call.
  base::Status addDocument(const base::Document& document);
  // The same in two steps: the first, which takes the time, on any thread and in any order.
  static base::Result<Context> encodeDocument(const Tokenizer& tokenizer,
                                              const base::Document& document);
  // No more of the text than `shown`: sorted ranges of it that do not overlap and end with a line,
  // none across a page; kInvalidInput for others. Each is a segment, so no quote goes over a gap.
  static base::Result<Context> encodePart(const Tokenizer& tokenizer,
                                          const base::Document& document,
                                          base::DetailLevel level,
                                          std::span<const base::ByteRange> shown);
  void addEncoded(const Context& document);
  // `text` from receiptText(); nothing is added when it is empty.
  void addReceipt(std::string_view text);
  void addQuestion(std::string_view question);
  // The ids exactly as generated; the end token is appended unless they end with it.
  // kInvalidInput for ids outside the vocabulary.
  base::Status addAnswer(std::span<const TokenId> ids);

  const Context& context() const { return context_; }
  int documentCount() const { return n_documents_; }

 private:
  ContextBuilder(std::shared_ptr<const Tokenizer> tokenizer, ContextOptions options);
  void add(SegmentKind kind, std::span<const TokenId> ids, int document = -1,
           base::ByteRange bytes = {});
  void addText(SegmentKind kind, std::string_view text, int document = -1);

  std::shared_ptr<const Tokenizer> tokenizer_;
  ContextOptions options_;
  TokenId bos_ = 0, eos_ = 0, user_ = 0, assistant_ = 0, think_ = 0, end_think_ = 0;
  Context context_;
  int n_documents_ = 0;
  bool asked_ = false;
};

}  // namespace engine
