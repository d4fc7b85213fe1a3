#include "app/detail_level.h"

#include "ingest/outline.h"

namespace app {

using base::DetailLevel;
using engine::ContextBuilder;

base::Result<engine::Context> encodeAtLevel(const engine::Tokenizer& tokenizer,
                                            const base::Document& document, DetailLevel level) {
  switch (level) {
    case DetailLevel::kFull:
      return ContextBuilder::encodeDocument(tokenizer, document);
    case DetailLevel::kOutline:
      return ContextBuilder::encodePart(tokenizer, document, level, ingest::outlineOf(document));
    case DetailLevel::kNameOnly:
      return ContextBuilder::encodePart(tokenizer, document, level, {});
  }
  return ContextBuilder::encodeDocument(tokenizer, document);
}

}  // namespace app
