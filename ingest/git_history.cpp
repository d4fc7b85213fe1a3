// GitTree::changeCounts().
#include <string>
#include <utility>

#include "ingest/git_handles.h"
#include "ingest/git_tree.h"

namespace ingest {
namespace fs = std::filesystem;

namespace {

// A commit or a tree of a real repository is far smaller.
constexpr std::size_t kObjectBytesMax = std::size_t{16} << 20;
constexpr int kTreeDepthMax = 256;
constexpr int kObjectFilesMax = 1'000'000;

// libgit2 would wait for ever for the writer of a pipe in the place of an object. Objects that are
// borrowed from another repository could lie anywhere.
bool objectsAreFiles(const fs::path& objects) {
  std::error_code error;
  if (fs::exists(objects / "info/alternates", error)) return false;
  int n_files = 0;
  for (auto at = fs::recursive_directory_iterator(objects, error);
       !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    const fs::file_status status = at->symlink_status(error);
    if (error || (!fs::is_regular_file(status) && !fs::is_directory(status))) return false;
    if (++n_files > kObjectFilesMax) return false;
  }
  return !error;
}

class History {
 public:
  History(git_repository* repository, std::stop_token stop)
      : repository_(repository), stop_(std::move(stop)) {
    git_odb* opened = nullptr;
    if (git_repository_odb(&opened, repository) == 0) odb_.reset(opened);
  }

  std::unordered_map<std::string, int> count(const git_oid& head) {
    git_oid id = head;
    for (int n_commits = 0; n_commits < GitTree::kHistoryCommits; ++n_commits) {
      const CommitHandle commit = commitOf(id);
      // The first commit brings everything and changes nothing.
      if (!commit || git_commit_parentcount(commit.get()) == 0) break;
      id = *git_commit_parent_id(commit.get(), 0);
      const CommitHandle parent = commitOf(id);
      if (!parent) break;
      const TreeHandle now = treeOf(*git_commit_tree_id(commit.get()));
      const TreeHandle before = treeOf(*git_commit_tree_id(parent.get()));
      if (!now || !before || !compare(now.get(), before.get(), "", 0)) break;
    }
    return std::move(counts_);
  }

 private:
  // Whether the object is there and of a size that is worth memory.
  bool isSmall(const git_oid& id) const {
    std::size_t n_bytes = 0;
    git_object_t type = GIT_OBJECT_INVALID;
    return odb_ && git_odb_read_header(&n_bytes, &type, odb_.get(), &id) == 0 &&
           n_bytes <= kObjectBytesMax;
  }

  CommitHandle commitOf(const git_oid& id) const {
    git_commit* opened = nullptr;
    if (!isSmall(id) || git_commit_lookup(&opened, repository_, &id) != 0) return nullptr;
    return CommitHandle(opened);
  }

  TreeHandle treeOf(const git_oid& id) const {
    ::git_tree* opened = nullptr;
    if (!isSmall(id) || git_tree_lookup(&opened, repository_, &id) != 0) return nullptr;
    return TreeHandle(opened);
  }

  // False when it cannot go on. Equal folders are not opened.
  bool compare(const ::git_tree* now, const ::git_tree* before, const std::string& folder,
               int depth) {
    if (depth > kTreeDepthMax || stop_.stop_requested()) return false;
    const std::size_t n_entries = git_tree_entrycount(now);
    if ((n_looked_at_ += static_cast<std::int64_t>(n_entries)) > GitTree::kHistoryEntries)
      return false;
    for (std::size_t i = 0; i < n_entries; ++i) {
      const git_tree_entry* entry = git_tree_entry_byindex(now, i);
      const char* name = git_tree_entry_name(entry);
      const git_tree_entry* old = before ? git_tree_entry_byname(before, name) : nullptr;
      if (old && git_oid_equal(git_tree_entry_id(old), git_tree_entry_id(entry))) continue;
      if (git_tree_entry_type(entry) != GIT_OBJECT_TREE) {
        ++counts_[folder + name];
        continue;
      }
      const TreeHandle below = treeOf(*git_tree_entry_id(entry));
      const TreeHandle old_below = old && git_tree_entry_type(old) == GIT_OBJECT_TREE
                                       ? treeOf(*git_tree_entry_id(old))
                                       : nullptr;
      if (!below || !compare(below.get(), old_below.get(), folder + name + '/', depth + 1))
        return false;
    }
    return true;
  }

  git_repository* repository_;
  OdbHandle odb_;
  const std::stop_token stop_;
  std::int64_t n_looked_at_ = 0;
  std::unordered_map<std::string, int> counts_;
};

}  // namespace

std::unordered_map<std::string, int> GitTree::changeCounts(std::stop_token stop) const {
  git_repository* repository = repository_->handle.get();
  git_oid head;
  if (head_.empty() || git_oid_fromstr(&head, head_.c_str()) != 0) return {};
  if (!objectsAreFiles(fs::path(git_repository_commondir(repository)) / "objects")) return {};
  return History(repository, std::move(stop)).count(head);
}

}  // namespace ingest
