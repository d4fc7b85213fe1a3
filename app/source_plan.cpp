#include "app/source_plan.h"

#include <algorithm>
#include <set>
#include <system_error>

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

PlannedFile planned(const ingest::WalkedFile& walked, const PlannedSource& source,
                    std::size_t index) {
  const std::string path =
      source.folder ? source.name + "/" + walked.relative : source.name;
  return {.entry = {.path = path,
                    .read = walked.read,
                    .reason = walked.reason,
                    .detail = walked.detail,
                    .kind = walked.kind,
                    .bytes = walked.bytes},
          .file = walked.file,
          .source = index,
          .relative = walked.relative};
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
    TRY_ASSIGN(const ingest::WalkedSource walked, ingest::walkFolder(absolute, stop));
    source.revision = walked.revision;
    for (const ingest::WalkedFile& file : walked.files)
      plan.files.push_back(planned(file, source, index));
  } else {
    TRY_ASSIGN(const ingest::WalkedFile file, ingest::inspectFile(absolute));
    plan.files.push_back(planned(file, source, index));
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

fs::path fileBelow(const fs::path& source, const std::string& document) {
  const auto slash = document.find('/');
  return slash == std::string::npos ? source : source / document.substr(slash + 1);
}

Result<SourcePlan> planSources(std::span<const fs::path> paths, std::stop_token stop) {
  SourcePlan plan;
  std::set<std::string> names;
  for (const fs::path& path : paths) TRY(addSource(plan, path, names, stop));
  return plan;
}

}  // namespace app
