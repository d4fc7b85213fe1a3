#include "ingest/git_tree.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include <sys/stat.h>

#include "engine/base/log.h"
#include "ingest/git_handles.h"

namespace ingest {
namespace fs = std::filesystem;

namespace {

// Why the owner of a repository may be anybody: git distrusts foreign repositories because their
// configuration can name programs; libgit2 runs none of them, and we only read.
// The extensions named are those that change nothing in what we read.
bool startLibrary() {
  if (git_libgit2_init() < 0) return false;
  git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
  const char* extensions[] = {"worktreeconfig", "partialclone", "preciousobjects"};
  git_libgit2_opts(GIT_OPT_SET_EXTENSIONS, extensions, std::size(extensions));
  return true;
}

bool libraryReady() {
  static const bool ready = startLibrary();
  return ready;
}

bool regularOrAbsent(const fs::path& file) {
  struct stat status {};
  return ::stat(file.c_str(), &status) != 0 || S_ISREG(status.st_mode);
}

// libgit2 would wait for ever for the writer of a pipe in the place of one of these.
bool safeToOpen(const fs::path& git_folder) {
  for (const char* name : {"HEAD", "config", "config.worktree", "index", "packed-refs", "commondir",
                           "gitdir", "shallow"})
    if (!regularOrAbsent(git_folder / name)) return false;
  return true;
}

fs::path homePath(const char* variable, const char* below_home) {
  if (const char* value = std::getenv(variable); value && *value) return value;
  const char* home = std::getenv("HOME");
  return home && *home ? fs::path(home) / below_home : fs::path();
}

}  // namespace

GitTree::GitTree(std::unique_ptr<Repository> repository) : repository_(std::move(repository)) {}
GitTree::~GitTree() = default;

std::unique_ptr<GitTree> GitTree::enclosing(const fs::path& folder) {
  for (fs::path at_folder = folder;; at_folder = at_folder.parent_path()) {
    if (auto tree = at(at_folder)) return tree;
    if (at_folder == at_folder.parent_path()) return nullptr;
  }
}

std::unique_ptr<GitTree> GitTree::at(const fs::path& folder) {
  struct stat status {};
  const fs::path dot_git = folder / ".git";
  if (::lstat(dot_git.c_str(), &status) != 0) return nullptr;
  if (!S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode))
    return nullptr;
  // A link may lead to a pipe, a folder may hold one.
  std::error_code error;
  if (!regularOrAbsent(dot_git) && !(fs::is_directory(dot_git, error) && safeToOpen(dot_git)))
    return nullptr;
  if (!libraryReady()) return nullptr;
  std::unique_ptr<GitTree> tree(new GitTree(std::make_unique<Repository>()));
  return tree->load(folder) ? std::move(tree) : nullptr;
}

bool GitTree::load(const fs::path& folder) {
  git_repository* handle = nullptr;
  constexpr unsigned kHere = GIT_REPOSITORY_OPEN_NO_SEARCH;
  if (git_repository_open_ext(&handle, folder.c_str(), kHere, nullptr) < 0) {
    base::logWarn("ingest", "git repository cannot be opened");
    return false;
  }
  repository_->handle.reset(handle);
  const char* work_tree = git_repository_workdir(handle);
  if (!work_tree || !safeToOpen(git_repository_path(handle))) return false;
  std::error_code error;
  root_ = fs::canonical(work_tree, error);
  // core.worktree may name any folder; only one that holds the chosen one makes sense.
  if (error || root_ != folder) return false;

  git_oid head;
  if (git_reference_name_to_id(&head, handle, "HEAD") == 0) {
    char hex[GIT_OID_HEXSZ + 1];
    head_ = git_oid_tostr(hex, sizeof hex, &head);
  }
  loadConfiguration();
  return loadTracked();
}

bool GitTree::loadTracked() {
  git_index* index = nullptr;
  if (git_repository_index(&index, repository_->handle.get()) < 0) {
    base::logWarn("ingest", "git index cannot be read");
    return false;
  }
  repository_->index.reset(index);
  const std::size_t n_entries = git_index_entrycount(index);
  tracked_.reserve(n_entries);
  for (std::size_t i = 0; i < n_entries; ++i) {
    const git_index_entry* entry = git_index_get_byindex(index, i);
    tracked_.push_back(
        {.path = entry->path,
         .submodule = entry->mode == GIT_FILEMODE_COMMIT,
         .left_out = (entry->flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE) != 0});
  }
  // An unmerged path is there up to three times.
  std::sort(tracked_.begin(), tracked_.end(),
            [](const TrackedPath& a, const TrackedPath& b) { return a.path < b.path; });
  tracked_.erase(std::unique(tracked_.begin(), tracked_.end(),
                             [](const auto& a, const auto& b) { return a.path == b.path; }),
                 tracked_.end());
  return true;
}

void GitTree::loadConfiguration() {
  git_repository* repository = repository_->handle.get();
  exclude_files_.push_back(fs::path(git_repository_commondir(repository)) / "info/exclude");

  git_config* opened = nullptr;
  fs::path excludes;
  if (git_repository_config_snapshot(&opened, repository) == 0) {
    const ConfigHandle config(opened);
    int ignores_case = 0;
    if (git_config_get_bool(&ignores_case, opened, "core.ignorecase") == 0)
      ignores_case_ = ignores_case != 0;
    git_buf path = GIT_BUF_INIT;
    if (git_config_get_path(&path, opened, "core.excludesfile") == 0) excludes = root_ / path.ptr;
    git_buf_dispose(&path);
  }
  if (excludes.empty()) {
    const fs::path settings = homePath("XDG_CONFIG_HOME", ".config");
    if (!settings.empty()) excludes = settings / "git/ignore";
  }
  if (!excludes.empty()) exclude_files_.push_back(excludes);
}

std::optional<std::string> GitTree::recordedText(const std::string& path) const {
  const git_index_entry* entry =
      git_index_get_bypath(repository_->index.get(), path.c_str(), GIT_INDEX_STAGE_NORMAL);
  if (!entry || !(entry->flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE)) return std::nullopt;
  git_blob* opened = nullptr;
  if (git_blob_lookup(&opened, repository_->handle.get(), &entry->id) < 0) return std::nullopt;
  const BlobHandle blob(opened);
  return std::string(static_cast<const char*>(git_blob_rawcontent(opened)),
                     static_cast<std::size_t>(git_blob_rawsize(opened)));
}

}  // namespace ingest
