// tokenizer_gguf.h: the vocabulary in the metadata of a GGUF file (specification §15.8).
#pragma once

#include "engine/base/result.h"
#include "engine/gguf.h"
#include "engine/tokenizer_file.h"

namespace engine {

// kNotFound when the file has no vocabulary, kUnsupported when it is another kind of tokenizer,
// kInvalidInput when it contradicts itself.
base::Result<TokenizerFile> readGgufTokenizer(const GgufFile& file);

}  // namespace engine
