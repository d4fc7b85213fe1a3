#include "engine/base/answer.h"

namespace base {

std::string_view citationCheckName(CitationCheck check) {
  switch (check) {
    case CitationCheck::kVerified: return "verified";
    case CitationCheck::kUnverified: return "unverified";
    case CitationCheck::kOlderText: return "older_text";
  }
  return "unverified";
}

std::string_view finishReasonName(FinishReason reason) {
  switch (reason) {
    case FinishReason::kEnd: return "end";
    case FinishReason::kLength: return "length";
    case FinishReason::kStopped: return "stopped";
  }
  return "end";
}

}  // namespace base
