// receipt_text.h: what the model is told about what it was not given.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/document.h"

namespace engine {

// The imperfections of one document that was read.
struct ReceiptNote {
  std::string path;
  std::vector<base::Diagnostic> diagnostics;
};

// Lines for ContextBuilder::addReceipt(); empty when everything was read without remark. Short
// whatever the folder holds: at most `n_lines_max` files by name, the others counted by reason.
std::string receiptText(std::span<const base::ReceiptEntry> entries,
                        std::span<const ReceiptNote> notes, int n_lines_max = 40);

// A path or sentence on one line: control characters, line breaks and backslashes are escaped
// (\n, \\, \u{85}), bytes that are not UTF-8 become U+FFFD.
std::string oneLine(std::string_view text);

}  // namespace engine
