// import_check.h: the facts of an export, read from its JSON and checked: what comes out is as
// consistent as what Lectern stores itself.
#pragma once

#include <string>
#include <vector>

#include "engine/base/document.h"
#include "engine/base/result.h"
#include "engine/json.h"
#include "storage/message_store.h"

namespace app {

struct ImportedSession {
  std::string name, title, model_name;
  base::Hash128 model_fingerprint;
  std::string model_identity;
  std::int64_t n_context_tokens = 0;
  std::vector<base::Extracted> documents;
  struct Use {
    std::size_t document = 0;  // position in `documents`
    std::int64_t n_tokens = 0;
  };
  std::vector<Use> context;
  std::vector<base::ReceiptEntry> receipt;
  // Ids are positions counted from 1; a citation's document is its position in `documents`, too.
  storage::MessageTree tree;
  std::size_t active = 0;  // branch, counted from 0
};

// kInvalidInput, kCorrupt, kMismatch, kTooLarge.
base::Result<ImportedSession> checkedSession(const engine::Json& exported);

}  // namespace app
