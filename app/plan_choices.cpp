#include "app/plan_choices.h"

#include <algorithm>
#include <map>
#include <utility>

#include "ingest/path_patterns.h"

namespace app {
namespace {

// To say that a shorter file is the same as another costs as much as to read it.
constexpr std::uint64_t kDuplicateBytesMin = 256;

void leaveOut(base::ReceiptEntry& entry, std::string detail) {
  entry.read = false;
  entry.reason = kLeftOut;
  entry.detail = std::move(detail);
}

struct Patterns {
  explicit Patterns(const PlanChoices& choices)
      : include(choices.include), exclude(choices.exclude), allow(choices.allow_secrets),
        outline(choices.outline), name_only(choices.name_only) {}
  const ingest::PathPatterns include, exclude, allow, outline, name_only;
};

void chooseOne(PlannedFile& file, const PlanChoices& choices, const Patterns& patterns) {
  base::ReceiptEntry& entry = file.entry;
  entry = file.seen;
  if (entry.reason == kSecret && patterns.allow.match(file.relative)) {
    entry.read = true;
    entry.reason = kSecretAllowed;
    entry.detail += " You allowed it.";
  }
  if (!entry.read) return;
  if (!patterns.include.empty() && !patterns.include.match(file.relative))
    return leaveOut(entry, "It is not among what you include.");
  if (patterns.exclude.match(file.relative)) return leaveOut(entry, "You exclude it.");
  if (std::find(choices.without.begin(), choices.without.end(), entry.reason) !=
      choices.without.end())
    return leaveOut(entry, "You leave out what is " + entry.reason + ".");
  // One word has room in the receipt, and an allowed secret must stay known as one.
  if (entry.reason == kSecretAllowed) return;
  if (patterns.name_only.match(file.relative))
    setDetailLevel(entry, base::DetailLevel::kNameOnly);
  else if (patterns.outline.match(file.relative))
    setDetailLevel(entry, base::DetailLevel::kOutline);
}

void markDuplicates(SourcePlan& plan) {
  std::map<std::pair<std::uint64_t, base::Hash128>, const PlannedFile*> first;
  for (PlannedFile& file : plan.files) {
    if (!file.entry.read || file.entry.bytes < kDuplicateBytesMin || !file.content) continue;
    const auto [found, added] = first.try_emplace({file.entry.bytes, *file.content}, &file);
    if (added) continue;
    file.entry.read = false;
    file.entry.reason = kDuplicate;
    file.entry.detail = "The same bytes as " + found->second->entry.path + ".";
  }
}

}  // namespace

void setDetailLevel(base::ReceiptEntry& entry, base::DetailLevel level) {
  entry.reason = base::detailLevelName(level);
  entry.detail.clear();
}

void choose(SourcePlan& plan, const PlanChoices& choices) {
  const Patterns patterns(choices);
  for (PlannedFile& file : plan.files) chooseOne(file, choices, patterns);
  markDuplicates(plan);
}

}  // namespace app
