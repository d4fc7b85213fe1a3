// stream_decoder.h: ids one at a time to text, never half a character.
#pragma once

#include <string>

#include "engine/tokenizer.h"
#include "engine/utf8.h"

namespace engine {

// The pieces of push() and flush() together are Tokenizer::decode() of all ids.
class StreamDecoder {
 public:
  // `tokenizer` must outlive this.
  explicit StreamDecoder(const Tokenizer& tokenizer) : tokenizer_(&tokenizer) {}

  std::string push(TokenId id) { return stream_.push(tokenizer_->bytesOf(id)); }
  std::string flush() { return stream_.flush(); }

 private:
  const Tokenizer* tokenizer_;
  Utf8Stream stream_;
};

}  // namespace engine
