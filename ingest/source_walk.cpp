#include "ingest/source_walk.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <fcntl.h>
#include <strings.h>
#include <sys/stat.h>

#include "ingest/file_inspection.h"
#include "ingest/folder_listing.h"
#include "ingest/git_tree.h"
#include "ingest/ignore_rules.h"
#include "ingest/inspection_pool.h"
#include "ingest/shown_path.h"

namespace ingest {
namespace fs = std::filesystem;

using base::ErrorCode;
using base::failure;
using base::Result;
using base::Status;

namespace {

constexpr std::size_t kIgnoreFileBytesMax = std::size_t{16} << 20;
constexpr const char* kExcludedSentence = "A .lecternignore file leaves it out.";

CaseMode caseMode(const GitTree* git) {
  return git && git->ignoresCase() ? CaseMode::kFolded : CaseMode::kExact;
}

// The .gitignore in `folder`, which is `tree_path` ("" or "a/b/") below the root of its rules.
std::shared_ptr<const IgnoreFile> ignoreFileOf(const FolderListing& folder, const GitTree* git,
                                               const std::string& tree_path) {
  auto text = folder.smallFile(".gitignore", kIgnoreFileBytesMax);
  if (!text && git) text = git->recordedText(tree_path + ".gitignore");
  return text ? std::make_shared<const IgnoreFile>(*text, tree_path, caseMode(git)) : nullptr;
}

// The .lecternignore in `folder`.
std::shared_ptr<const IgnoreFile> excludeFileOf(const FolderListing& folder, const GitTree* git,
                                                const std::string& tree_path) {
  const auto text = folder.smallFile(".lecternignore", kIgnoreFileBytesMax);
  return text ? std::make_shared<const IgnoreFile>(*text, tree_path, caseMode(git)) : nullptr;
}

IgnoreRules rulesEverywhere(const GitTree* git) {
  std::vector<std::shared_ptr<const IgnoreFile>> files;
  for (const fs::path& path : git->excludeFiles()) {
    std::error_code error;
    const fs::path file = fs::canonical(path, error);  // the user's own may be a link
    if (error) continue;
    const auto folder = FolderListing::open(AT_FDCWD, file.parent_path().c_str());
    const auto text =
        folder ? folder->smallFile(file.filename().c_str(), kIgnoreFileBytesMax) : std::nullopt;
    if (text) files.push_back(std::make_shared<const IgnoreFile>(*text, "", caseMode(git)));
  }
  return IgnoreRules(std::move(files));
}

// The part of the walk that one set of rules governs: a work tree, or a plain folder.
class Tree {
 public:
  // `outside`: where the tree's part of the walk begins below the chosen folder; `inside`: the same
  // place below the tree's root. Both are empty or end in '/'.
  Tree(std::unique_ptr<GitTree> git, std::string outside, std::string inside)
      : git_(std::move(git)), outside_(std::move(outside)), inside_(std::move(inside)) {
    if (git_) seen_.resize(git_->tracked().size(), false);
  }

  const GitTree* git() const { return git_.get(); }
  CaseMode letters() const { return caseMode(git_.get()); }
  // A path below the chosen folder as the rules and the index name it, and back.
  std::string inTree(const std::string& path) const {
    return inside_ + path.substr(outside_.size());
  }
  std::string inWalk(const std::string& tree_path) const {
    return outside_ + tree_path.substr(inside_.size());
  }
  bool covers(const std::string& tree_path) const { return tree_path.starts_with(inside_); }

  // Marks the path as seen.
  const TrackedPath* takeTracked(const std::string& tree_path) {
    const std::size_t i = firstNotBefore(tree_path);
    if (!git_ || i == git_->tracked().size() || git_->tracked()[i].path != tree_path)
      return nullptr;
    seen_[i] = true;
    return &git_->tracked()[i];
  }
  bool tracksBelow(const std::string& tree_path) const {
    const std::size_t i = firstNotBefore(tree_path + '/');
    return git_ && i < git_->tracked().size() &&
           git_->tracked()[i].path.starts_with(tree_path + '/');
  }
  bool isSubmodule(const std::string& tree_path) const {
    const std::size_t i = firstNotBefore(tree_path);
    return git_ && i < git_->tracked().size() && git_->tracked()[i].path == tree_path &&
           git_->tracked()[i].submodule;
  }
  template <class Visit>
  Status forUnseen(Visit visit) const {
    for (std::size_t i = 0; i < seen_.size(); ++i)
      if (!seen_[i] && covers(git_->tracked()[i].path)) TRY(visit(git_->tracked()[i]));
    return {};
  }

 private:
  std::size_t firstNotBefore(const std::string& tree_path) const {
    if (!git_) return 0;
    const auto& tracked = git_->tracked();
    const auto found = std::lower_bound(
        tracked.begin(), tracked.end(), tree_path,
        [](const TrackedPath& entry, const std::string& path) { return entry.path < path; });
    return static_cast<std::size_t>(found - tracked.begin());
  }

  const std::unique_ptr<GitTree> git_;
  const std::string outside_, inside_;
  std::vector<bool> seen_;  // of git_->tracked()
};

// One folder of the walk.
struct Level {
  std::shared_ptr<FolderListing> folder;
  std::string path;        // below the chosen folder: "" or "a/b/"
  IgnoreRules rules;       // git's
  IgnoreRules excludes;    // of .lecternignore
  bool ignored = false;    // by the rules; it is walked because something in it is tracked
  int depth = 0;
};

class Walk {
 public:
  Walk(fs::path root, std::stop_token stop)
      : root_(std::move(root)), stop_(stop), inspections_(stop) {}

  Result<WalkedSource> run() {
    auto folder = opened(AT_FDCWD, root_.c_str());
    if (!folder) return refused(errno);
    if (auto git = GitTree::enclosing(root_)) TRY(walkWorkTree(std::move(git), std::move(folder)));
    else TRY(walkPlain(std::move(folder)));
    TRY_ASSIGN(auto inspected, inspections_.take());
    source_.files.insert(source_.files.end(), std::make_move_iterator(inspected.begin()),
                         std::make_move_iterator(inspected.end()));
    finish();
    return std::move(source_);
  }

 private:
  using Folder = std::shared_ptr<FolderListing>;

  // Null with errno set.
  static Folder opened(int parent, const char* name) {
    auto folder = FolderListing::open(parent, name);
    return folder ? std::make_shared<FolderListing>(std::move(*folder)) : nullptr;
  }

  tl::unexpected<base::Error> refused(int error) const {
    if (error == ENOENT)
      return failure(ErrorCode::kNotFound, "the folder does not exist",
                     "Check whether it was moved or renamed, and add it again.");
    if (error == ENOTDIR)
      return failure(ErrorCode::kInvalidInput, "it is not a folder", "Choose a folder.");
    return failure(ErrorCode::kIo,
                   std::string("the folder cannot be listed: ") + std::strerror(error),
                   error == EACCES ? "Give yourself permission to read it." : "");
  }

  Status walkPlain(Folder folder) {
    Tree plain(nullptr, "", "");
    return walkTree(plain, {std::move(folder), "", IgnoreRules({}), IgnoreRules({})});
  }

  // The chosen folder is the root of a work tree or lies inside one.
  Status walkWorkTree(std::unique_ptr<GitTree> git, Folder folder) {
    IgnoreRules rules = rulesEverywhere(git.get()), excludes({});
    std::string inside;
    for (const fs::path& part : root_.lexically_relative(git->root())) {
      if (part == ".") continue;
      if (const Folder above = opened(AT_FDCWD, (git->root() / inside).c_str())) {
        rules = rules.below(ignoreFileOf(*above, git.get(), inside));
        excludes = excludes.below(excludeFileOf(*above, git.get(), inside));
      }
      const std::string path = inside + part.native();
      if (part == ".git" || rules.ignored(path, PathType::kFolder))
        return walkPlain(std::move(folder));
      inside = path + '/';
    }
    above_ = inside;
    source_.git = true;
    source_.revision = git->head();
    Tree tree(std::move(git), "", inside);
    return walkTree(tree, {std::move(folder), "", std::move(rules), std::move(excludes)});
  }

  Status walkTree(Tree& tree, Level top) {
    TRY(walkLevel(tree, std::move(top)));
    noteChanges(tree);
    return tree.forUnseen([&](const TrackedPath& tracked) -> Status {
      const std::string missing = tree.inWalk(tracked.path);
      const bool in_unread = std::any_of(unread_.begin(), unread_.end(), [&](const auto& unread) {
        return missing.starts_with(unread);
      });
      if (in_unread) return {};
      if (tracked.submodule) return add(missing, "submodule", "It is not checked out.");
      return add(missing, "missing",
                 tracked.left_out ? "A sparse checkout leaves it out."
                                  : "Git tracks it, but it is not in the folder.");
    });
  }

  void noteChanges(const Tree& tree) {
    if (!tree.git()) return;
    for (const auto& [path, n_changes] : tree.git()->changeCounts(stop_))
      if (tree.covers(path)) changes_[tree.inWalk(path)] = n_changes;
  }

  Status walkLevel(Tree& tree, Level level) {
    const auto names = level.folder->names();
    if (!names) {
      if (level.path.empty()) return refused(errno);
      return addUnread(level.path, "unreadable",
                       std::string("The system stopped listing it: ") + std::strerror(errno) + ".");
    }
    const std::string tree_path = tree.inTree(level.path);
    if (!level.ignored)
      level.rules = level.rules.below(ignoreFileOf(*level.folder, tree.git(), tree_path));
    level.excludes =
        level.excludes.below(excludeFileOf(*level.folder, tree.git(), above_ + level.path));
    InspectionBatch batch{level.folder, {}, {}};
    for (const ListedName& name : *names) {
      if (stop_.stop_requested()) return failure(ErrorCode::kCancelled, "walking stopped");
      if (isDotGit(tree, name.name)) continue;
      TRY(name.type == NameType::kFolder ? visitFolder(tree, level, name.name)
                                         : visitFile(tree, level, name.name, batch));
    }
    return inspections_.add(std::move(batch));
  }

  static bool isDotGit(const Tree& tree, const std::string& name) {
    if (tree.letters() == CaseMode::kExact) return name == ".git";
    return name.size() == 4 && ::strcasecmp(name.c_str(), ".git") == 0;
  }

  Status visitFile(Tree& tree, const Level& level, const std::string& name,
                   InspectionBatch& batch) {
    const std::string path = level.path + name;
    const std::string tree_path = tree.inTree(path);
    const bool tracked = tree.takeTracked(tree_path) != nullptr;
    const bool ignored =
        !tracked && (level.ignored || level.rules.ignored(tree_path, PathType::kFile));
    const bool excluded = !ignored && level.excludes.ignored(above_ + path, PathType::kFile);
    if (ignored || excluded) {
      struct stat status {};
      if (::fstatat(level.folder->descriptor(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
        status.st_size = 0;
      return add(path, ignored ? "ignored" : "excluded", excluded ? kExcludedSentence : "",
                 static_cast<std::uint64_t>(status.st_size));
    }
    TRY_ASSIGN(WalkedFile entry, named(path));
    entry.untracked = tree.git() && !tracked;
    batch.entries.push_back(std::move(entry));
    batch.names.push_back(name);
    if (batch.names.size() < InspectionPool::kBatchFilesMax) return {};
    return inspections_.add(std::exchange(batch, InspectionBatch{level.folder, {}, {}}));
  }

  Status visitFolder(Tree& tree, const Level& level, const std::string& name) {
    const std::string path = level.path + name + '/';
    const std::string tree_path = tree.inTree(level.path + name);
    if (tree.isSubmodule(tree_path)) {
      tree.takeTracked(tree_path);
      return add(level.path + name, "submodule", "It belongs to another repository.");
    }
    const bool ignored = level.ignored || level.rules.ignored(tree_path, PathType::kFolder);
    const bool tracked = tree.tracksBelow(tree_path);
    if (ignored && !tracked) return add(path, "ignored", "");
    if (level.excludes.ignored(above_ + level.path + name, PathType::kFolder))
      return addUnread(path, "excluded", kExcludedSentence);
    if (!tracked && level.folder->holdsRepository(name)) {
      if (tree.git()) return add(path, "repository", "It is a repository of its own.");
      if (auto git = GitTree::at(root_ / level.path / name))
        return walkRepository(std::move(git), level, name);
    }
    if (level.depth >= kFolderDepthMax)
      return addUnread(path, "too_deep", "It lies too deep in other folders.");
    Folder folder = opened(level.folder->descriptor(), name.c_str());
    if (!folder) return addUnopened(path, errno);
    return walkLevel(tree, {std::move(folder), path, level.rules, level.excludes, ignored,
                            level.depth + 1});
  }

  // A repository inside a plain folder: its own rules, from its root.
  Status walkRepository(std::unique_ptr<GitTree> git, const Level& level, const std::string& name) {
    const std::string path = level.path + name + '/';
    Folder folder = opened(level.folder->descriptor(), name.c_str());
    if (!folder) return addUnopened(path, errno);
    IgnoreRules rules = rulesEverywhere(git.get());
    Tree tree(std::move(git), path, "");
    return walkTree(tree, {std::move(folder), path, std::move(rules), level.excludes, false,
                           level.depth + 1});
  }

  Status addUnopened(const std::string& path, int error) {
    if (error == ENOENT || error == ENOTDIR || error == ELOOP)
      return addUnread(path, "vanished", "It is no longer there.");
    return addUnread(path, "unreadable",
                     std::string("The system refuses: ") + std::strerror(error) + ".");
  }

  // A folder whose content, tracked or not, this one entry stands for.
  Status addUnread(const std::string& path, std::string reason, std::string detail) {
    unread_.push_back(path);
    return add(path, std::move(reason), std::move(detail));
  }

  Status add(const std::string& path, std::string reason, std::string detail,
             std::uint64_t bytes = 0) {
    TRY_ASSIGN(WalkedFile entry, named(path));
    entry.reason = std::move(reason);
    entry.detail = std::move(detail);
    entry.bytes = bytes;
    source_.files.push_back(std::move(entry));
    return {};
  }

  // An entry that knows its place; counted, so that it is in the end.
  Result<WalkedFile> named(const std::string& path) {
    if (++n_entries_ > kEntriesMax)
      return failure(ErrorCode::kTooLarge,
                     "the folder holds more than " + std::to_string(kEntriesMax) + " paths",
                     "Choose a smaller folder.");
    WalkedFile entry;
    entry.relative = shownPath(path);
    entry.file = root_ / (path.ends_with('/') ? path.substr(0, path.size() - 1) : path);
    return entry;
  }

  // Sorts the entries and tells paths apart that are shown alike: `a\xe9` may be five characters of
  // a name or stand for one byte of another.
  void finish() {
    auto& files = source_.files;
    const std::size_t n_root = root_.native().size() + (root_.native().ends_with('/') ? 0 : 1);
    for (WalkedFile& entry : files)
      if (const auto found = changes_.find(entry.file.native().substr(n_root));
          found != changes_.end())
        entry.n_changes = found->second;
    const auto before = [](const WalkedFile& a, const WalkedFile& b) {
      return a.relative != b.relative ? a.relative < b.relative
                                      : a.file.native() < b.file.native();
    };
    std::sort(files.begin(), files.end(), before);
    std::unordered_set<std::string> taken;
    bool changed = false;
    for (WalkedFile& entry : files) {
      const std::string shown = entry.relative;
      for (int n = 2; !taken.insert(entry.relative).second; ++n) {
        entry.relative = shown + "~" + std::to_string(n);
        changed = true;
      }
    }
    if (changed) std::sort(files.begin(), files.end(), before);
  }

  const fs::path root_;  // absolute, without links
  const std::stop_token stop_;
  WalkedSource source_;
  std::string above_;  // the chosen folder below its work tree: .lecternignore counts there
  std::size_t n_entries_ = 0;
  std::vector<std::string> unread_;  // folders, with their '/'
  std::unordered_map<std::string, int> changes_;  // by the path's bytes below root_
  InspectionPool inspections_;
};

}  // namespace

Result<WalkedSource> walkFolder(const fs::path& folder, std::stop_token stop) {
  std::error_code error;
  const fs::path root = fs::canonical(folder, error);
  if (error)
    return failure(error == std::errc::permission_denied ? ErrorCode::kIo : ErrorCode::kNotFound,
                   "the folder cannot be found: " + error.message(),
                   "Check whether it was moved or renamed, and add it again.");
  return Walk(root, stop).run();
}

Result<WalkedFile> inspectFile(const fs::path& file) {
  std::error_code error;
  const fs::path absolute = fs::absolute(file, error).lexically_normal();
  const fs::file_status status = fs::status(absolute, error);
  if (status.type() == fs::file_type::not_found)
    return failure(ErrorCode::kNotFound, "there is no such file",
                   "Check whether it was moved or renamed, and add it again.");
  if (error) return failure(ErrorCode::kIo, "the file cannot be looked at: " + error.message());
  if (status.type() == fs::file_type::directory)
    return failure(ErrorCode::kInvalidInput, "it is a folder", "Add it as a folder.");
  WalkedFile entry;
  entry.relative = shownPath(absolute.filename().native());
  entry.file = absolute;
  inspectInto(entry, AT_FDCWD, absolute.c_str(), LinkMode::kFollow);
  return entry;
}

}  // namespace ingest
