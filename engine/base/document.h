// document.h: a file after reading: its text, and where every byte of the text comes from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/hash.h"
#include "engine/base/span.h"

namespace base {

enum class DocumentKind { kText, kCode, kMarkdown, kPdf };
std::string_view documentKindName(DocumentKind kind);  // "text", "code", "markdown", "pdf"

struct Page {
  int number = 0;          // 1-based position in the file
  std::string label;       // printed label, e.g. "iv"; empty if the file has none
  ByteRange bytes;         // its text in Document::text; pages partition the text
  double width = 0, height = 0;  // PDF points, as displayed
};

// Invariant: `text` is valid UTF-8; spans are sorted, do not overlap and lie inside the text
// (a document without pages has none: its lines are its places).
struct Document {
  std::string path;            // relative to the source it came from, '/' separated
  DocumentKind kind = DocumentKind::kText;
  Hash128 content_hash;        // of the file's bytes
  std::uint64_t file_bytes = 0;
  std::string text;
  std::vector<Page> pages;     // empty for documents without pages
  std::vector<SourceSpan> spans;
};

// Something about a document that is imperfect but not an error.
struct Diagnostic {
  std::string code;     // "repaired", "no_text_layer", "invalid_utf8", ...
  std::string message;  // one sentence
  int page = 0;         // 1-based; 0 = whole document
};

struct Extracted {
  Document document;
  std::vector<Diagnostic> diagnostics;
};

// How much of a document the context holds.
enum class DetailLevel { kFull, kOutline, kNameOnly };
std::string_view detailLevelName(DetailLevel level);  // "full", "outline", "name_only"

// Why a file is or is not part of the context. Every path of a source ends in exactly one entry.
struct ReceiptEntry {
  std::string path;
  bool read = false;
  // "" when read without remark; else "ignored", "binary", "too_large", ... Of what is read, the
  // name of its detail level stands here as well, unless that is full.
  std::string reason;
  std::string detail;  // one sentence; may be empty
  DocumentKind kind = DocumentKind::kText;
  std::uint64_t bytes = 0;

  DetailLevel detailLevel() const;
};

}  // namespace base
