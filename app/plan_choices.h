// plan_choices.h: what a person wants read of a plan, and what that makes of it.
#pragma once

#include <string>
#include <vector>

#include "app/source_plan.h"

namespace app {

// ReceiptEntry::reason beside those of ingest/source_walk.h.
inline constexpr const char* kLeftOut = "left_out";              // taken out of the plan by the user
inline constexpr const char* kSecret = "secret";                 // looks like one; not allowed
inline constexpr const char* kSecretAllowed = "secret_allowed";  // read: the user allowed it
inline constexpr const char* kDuplicate = "duplicate";           // the bytes of another file

// Patterns have the grammar of .gitignore and are compared with the path below the source.
struct PlanChoices {
  std::vector<std::string> include{};        // only what matches; empty: everything
  std::vector<std::string> exclude{};        // not what matches; stronger than include
  std::vector<std::string> allow_secrets{};  // read although it looks like a secret
  std::vector<std::string> without{};        // not files with these remarks: "vendored", ...
  std::vector<std::string> outline{};        // no more than the outline (ingest/outline.h)
  std::vector<std::string> name_only{};      // no more than the name; stronger than outline
};

// Of a file that is read; kOutline or kNameOnly.
void setDetailLevel(base::ReceiptEntry& entry, base::DetailLevel level);

// Decides every file anew from what the walk saw: apply it again after any change. Reads nothing.
void choose(SourcePlan& plan, const PlanChoices& choices);

}  // namespace app
