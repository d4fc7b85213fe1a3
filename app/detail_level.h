// detail_level.h: a document as the context holds it, in full or less.
#pragma once

#include "engine/base/document.h"
#include "engine/base/result.h"
#include "engine/context_builder.h"
#include "engine/tokenizer.h"

namespace app {

// Errors of ContextBuilder::encodeDocument(). Any thread.
base::Result<engine::Context> encodeAtLevel(const engine::Tokenizer& tokenizer,
                                            const base::Document& document,
                                            base::DetailLevel level);

}  // namespace app
