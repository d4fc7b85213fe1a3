// source_walk.h: what a folder holds, and what of it would be read.
//
// Every path below the folder ends in exactly one entry; only `.git` has none, as in git's own
// lists. Inside a git work tree git's rules decide: nested .gitignore files, info/exclude,
// core.excludesFile, negation; what is tracked is read although a pattern ignores it. Nothing that
// a repository's configuration names is ever run. A plain folder honours the .gitignore files in
// it, and a repository inside a plain folder is walked by its own rules. A folder that the
// enclosing repository ignores was chosen all the same and counts as a plain one.
//
// Symbolic links are never followed (the chosen path itself may be one); pipes, sockets and devices
// are never opened. Files are looked at on several threads. Knows nothing of tokens or of what is
// inside a PDF. Any thread may call.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/base/document.h"
#include "engine/base/hash.h"
#include "engine/base/result.h"

namespace ingest {

// Longer text cannot lie in a context of a million tokens.
inline constexpr std::uint64_t kTextBytesMax = std::uint64_t{32} << 20;
inline constexpr std::uint64_t kPdfBytesMax = std::uint64_t{1} << 30;
inline constexpr std::size_t kEntriesMax = 1'000'000;
inline constexpr int kFolderDepthMax = 256;

// Reasons of what is not read:
//   "ignored"       by a rule of git; an ignored folder is one entry
//   "excluded"      by a .lecternignore file, which has the same grammar as .gitignore and counts
//                   for what is tracked as well; an excluded folder is one entry
//   "secret"        looks like a key, token or password, by its name or in its first kHeadBytes
//   "binary"        not text in any encoding, no PDF
//   "too_large"     above kTextBytesMax or kPdfBytesMax
//   "unreadable"    the system refuses
//   "symlink"       `detail` says where it points
//   "submodule"     a folder of another repository that this one records
//   "repository"    an untracked repository inside a work tree
//   "lfs_pointer"   stands for a file that Git LFS has not fetched
//   "special"       pipe, socket, device
//   "missing"       tracked, but not in the work tree
//   "vanished"      gone while the folder was walked
//   "too_deep"      a folder below kFolderDepthMax others
// Remarks on what is read: "lock_file", "generated", "minified", "vendored".
struct WalkedFile {
  std::string relative;        // below the folder, '/' separated; folders end in '/', except those
                               // of submodules. Valid UTF-8 and unique: bytes of a name that are
                               // not UTF-8 are shown as \xNN
  std::filesystem::path file;  // absolute, the true bytes
  base::DocumentKind kind = base::DocumentKind::kText;
  std::uint64_t bytes = 0;
  bool read = false;
  std::string reason;          // see above; "" when read without remark
  std::string detail;          // one sentence; may be empty
  base::Hash128 head_hash;     // of the first kHeadBytes, where they were looked at
  bool untracked = false;      // in a work tree, but not in its index
  int n_changes = 0;           // commits of the recent history that changed it (git_tree.h)
};

struct WalkedSource {
  std::vector<WalkedFile> files;  // sorted by the bytes of `relative`
  std::string revision;           // commit of HEAD in hex; empty outside git and before any commit
  bool git = false;               // inside a git work tree
};

// A folder that vanishes or changes meanwhile leaves entries that say so. kNotFound, kInvalidInput
// (not a folder), kIo (cannot be listed), kTooLarge (more than kEntriesMax paths), kCancelled.
base::Result<WalkedSource> walkFolder(const std::filesystem::path& folder, std::stop_token stop);

// One file by itself; `relative` is its name. A link is followed: it was chosen. kNotFound, kIo,
// kInvalidInput (a folder).
base::Result<WalkedFile> inspectFile(const std::filesystem::path& file);

}  // namespace ingest
