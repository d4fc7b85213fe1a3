#include "app/source_plan.h"

#include <algorithm>
#include <bit>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "app/plan_choices.h"
#include "ingest/file_kind.h"
#include "ingest/opened_file.h"
#include "ingest/source_walk.h"

namespace app {

namespace fs = std::filesystem;
using base::ErrorCode;
using base::failure;
using base::Result;
using base::Status;

namespace {

// "src", and "src-2" for a second one of that name.
std::string uniqueName(const fs::path& path, std::set<std::string>& taken) {
  std::string wanted = path.filename().string();
  if (wanted.empty()) wanted = "root";
  std::string name = wanted;
  for (int n = 2; !taken.insert(name).second; ++n) name = wanted + "-" + std::to_string(n);
  return name;
}

int restlessnessOf(const ingest::WalkedFile& file) {
  constexpr int kUnknown = 32;  // above the digits of any count
  return file.untracked ? kUnknown : std::bit_width(static_cast<unsigned>(file.n_changes));
}

PlannedFile planned(ingest::WalkedFile walked, const PlannedSource& source, std::size_t index) {
  const int restlessness = restlessnessOf(walked);
  base::ReceiptEntry seen{.path = source.folder ? source.name + "/" + walked.relative : source.name,
                          .read = walked.read,
                          .reason = std::move(walked.reason),
                          .detail = std::move(walked.detail),
                          .kind = walked.kind,
                          .bytes = walked.bytes};
  return {.entry = seen,
          .seen = std::move(seen),
          .content = walked.head_hash,
          .file = std::move(walked.file),
          .source = index,
          .relative = std::move(walked.relative),
          .restlessness = restlessness};
}

// The hash of the head stands for the whole of a short file. Longer ones are hashed where another
// has the same length and head.
Status hashLikeFiles(SourcePlan& plan, std::stop_token stop) {
  std::map<std::pair<std::uint64_t, base::Hash128>, std::vector<PlannedFile*>> alike;
  for (PlannedFile& file : plan.files)
    if (file.seen.bytes > ingest::kHeadBytes && file.content)
      alike[{file.seen.bytes, *file.content}].push_back(&file);
  for (const auto& [key, files] : alike) {
    for (PlannedFile* file : files) {
      file->content.reset();
      if (files.size() == 1) continue;
      const auto opened = ingest::OpenedFile::open(file->file, ingest::kPdfBytesMax);
      if (!opened) continue;
      auto hash = (*opened)->hash(stop);
      if (!hash && hash.error().code == ErrorCode::kCancelled)
        return tl::make_unexpected(hash.error());
      if (hash) file->content = *hash;
    }
  }
  return {};
}

Status addSource(SourcePlan& plan, const fs::path& path, std::set<std::string>& names,
                 std::stop_token stop) {
  std::error_code error;
  const fs::path absolute = fs::weakly_canonical(path, error);
  if (error || !fs::exists(absolute, error))
    return failure(ErrorCode::kNotFound, "there is nothing at " + path.string(),
                   "Check the path; the folder may have been moved or removed.");
  for (const PlannedSource& known : plan.sources)
    if (known.path == absolute) return {};

  PlannedSource source{.path = absolute,
                       .name = uniqueName(absolute, names),
                       .folder = fs::is_directory(absolute, error),
                       .revision = ""};
  const std::size_t index = plan.sources.size();
  if (source.folder) {
    TRY_ASSIGN(ingest::WalkedSource walked, ingest::walkFolder(absolute, stop));
    source.revision = walked.revision;
    for (ingest::WalkedFile& file : walked.files)
      plan.files.push_back(planned(std::move(file), source, index));
  } else {
    TRY_ASSIGN(ingest::WalkedFile file, ingest::inspectFile(absolute));
    plan.files.push_back(planned(std::move(file), source, index));
  }
  plan.sources.push_back(std::move(source));
  return {};
}

}  // namespace

std::int64_t SourcePlan::readCount() const {
  return std::count_if(files.begin(), files.end(),
                       [](const PlannedFile& file) { return file.entry.read; });
}

std::uint64_t SourcePlan::readBytes() const {
  std::uint64_t bytes = 0;
  for (const PlannedFile& file : files)
    if (file.entry.read) bytes += file.entry.bytes;
  return bytes;
}

std::int64_t SourcePlan::tokens() const {
  std::int64_t tokens = 0;
  for (const PlannedFile& file : files)
    if (file.entry.read && file.n_tokens > 0) tokens += file.n_tokens;
  return tokens;
}

std::int64_t SourcePlan::contextTokens() const {
  return n_template < 0 || n_receipt < 0 ? -1 : n_template + tokens() + n_receipt;
}

fs::path fileBelow(const fs::path& source, const std::string& document) {
  const auto slash = document.find('/');
  return slash == std::string::npos ? source : source / document.substr(slash + 1);
}

Result<SourcePlan> planSources(std::span<const fs::path> paths, std::stop_token stop) {
  return planSources(paths, PlanChoices{}, stop);
}

Result<SourcePlan> planSources(std::span<const fs::path> paths, const PlanChoices& choices,
                               std::stop_token stop) {
  SourcePlan plan;
  std::set<std::string> names;
  for (const fs::path& path : paths) TRY(addSource(plan, path, names, stop));
  std::stable_sort(
      plan.files.begin(), plan.files.end(), [](const PlannedFile& a, const PlannedFile& b) {
        return std::pair(a.source, a.restlessness) < std::pair(b.source, b.restlessness);
      });
  TRY(hashLikeFiles(plan, stop));
  choose(plan, choices);
  return plan;
}

}  // namespace app
