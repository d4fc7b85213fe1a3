// ignore_rules.h: the patterns of ignore files, and which of them decides about a path.
//
// Our own reading of gitignore(5), because libgit2 wants a repository where a plain folder has none
// and answers some patterns otherwise than git does; a test compares it with git itself.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/glob.h"

namespace ingest {

enum class PathType { kFile, kFolder };

// The patterns of one ignore file.
class IgnoreFile {
 public:
  // `base` is the folder the patterns begin at: "" or "a/b/".
  IgnoreFile(std::string_view text, std::string base, CaseMode letters);

  enum class Answer { kSilent, kIgnored, kWanted };
  // `path` is relative to the root of the rules, without a slash at its end.
  Answer ask(std::string_view path, PathType type) const;
  bool empty() const { return patterns_.empty(); }

 private:
  struct Pattern {
    bool negated = false;
    bool folders_only = false;
    bool name_only = false;  // no slash inside: compared with the last part of the path
    std::string prefix;      // compared as it is; `rest` begins behind it
    Glob rest;
    bool rest_empty = false;
  };

  void addLine(std::string_view line);
  bool matches(const Pattern& pattern, std::string_view path) const;
  bool equal(std::string_view a, std::string_view b) const;

  const std::string base_;
  const CaseMode letters_;
  std::vector<Pattern> patterns_;
};

// All rules that hold in one folder: its own file, those of the folders above, then the files that
// hold everywhere. Immutable; folders below share it.
class IgnoreRules {
 public:
  // `everywhere`: the strongest first.
  explicit IgnoreRules(std::vector<std::shared_ptr<const IgnoreFile>> everywhere);

  // The rules of a folder that holds `file`.
  IgnoreRules below(std::shared_ptr<const IgnoreFile> file) const;
  // About a path whose parent folder is not ignored itself.
  bool ignored(std::string_view path, PathType type) const;

 private:
  std::vector<std::shared_ptr<const IgnoreFile>> files_;  // the strongest first
};

}  // namespace ingest
