// git_tree.h: what a git work tree knows beside its files. libgit2 ends in git_handles.h.
//
// Reads the repository's index, HEAD and configuration; runs nothing that they name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

namespace ingest {

struct TrackedPath {
  std::string path;         // relative to the work tree, '/' separated, as in the index
  bool submodule = false;   // a recorded commit of another repository
  bool left_out = false;    // by a sparse checkout
};

class GitTree {
 public:
  // The work tree that holds `folder` (absolute, without links); nullptr outside of any, and where
  // libgit2 cannot read the repository (then the folder is walked as a plain one).
  static std::unique_ptr<GitTree> enclosing(const std::filesystem::path& folder);
  // The same for a folder that is the root of a work tree itself.
  static std::unique_ptr<GitTree> at(const std::filesystem::path& folder);
  ~GitTree();

  const std::filesystem::path& root() const { return root_; }  // without links
  const std::string& head() const { return head_; }            // commit in hex; empty before any
  bool ignoresCase() const { return ignores_case_; }
  const std::vector<TrackedPath>& tracked() const { return tracked_; }  // sorted by path
  // The ignore files that hold everywhere in the tree, the strongest first.
  const std::vector<std::filesystem::path>& excludeFiles() const { return exclude_files_; }
  // How many of the last kHistoryCommits on the first line of parents changed a file, by path in
  // the tree; files that none did are not in it. Where the history ends early, cannot be read or is
  // larger than kHistoryEntries, what was seen until then; always the same for the same HEAD.
  static constexpr int kHistoryCommits = 1000;
  static constexpr std::int64_t kHistoryEntries = 4'000'000;  // entries of trees, looked at
  std::unordered_map<std::string, int> changeCounts(std::stop_token stop) const;
  // The recorded text of a file that a sparse checkout leaves out.
  std::optional<std::string> recordedText(const std::string& path) const;

 private:
  struct Repository;
  explicit GitTree(std::unique_ptr<Repository> repository);
  bool load(const std::filesystem::path& folder);
  bool loadTracked();
  void loadConfiguration();

  std::unique_ptr<Repository> repository_;
  std::filesystem::path root_;
  std::string head_;
  bool ignores_case_ = false;
  std::vector<TrackedPath> tracked_;
  std::vector<std::filesystem::path> exclude_files_;
};

}  // namespace ingest
