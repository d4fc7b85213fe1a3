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

}  // namespace base
