#include "engine/base/document.h"

namespace base {

std::string_view documentKindName(DocumentKind kind) {
  switch (kind) {
    case DocumentKind::kText: return "text";
    case DocumentKind::kCode: return "code";
    case DocumentKind::kMarkdown: return "markdown";
    case DocumentKind::kPdf: return "pdf";
  }
  return "text";
}

std::string_view detailLevelName(DetailLevel level) {
  switch (level) {
    case DetailLevel::kFull: return "full";
    case DetailLevel::kOutline: return "outline";
    case DetailLevel::kNameOnly: return "name_only";
  }
  return "full";
}

DetailLevel ReceiptEntry::detailLevel() const {
  if (read)
    for (const DetailLevel level : {DetailLevel::kOutline, DetailLevel::kNameOnly})
      if (reason == detailLevelName(level)) return level;
  return DetailLevel::kFull;
}

}  // namespace base
