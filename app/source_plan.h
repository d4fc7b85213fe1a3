// source_plan.h: what would be read of some folders and files, before anything is read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/base/document.h"
#include "engine/base/hash.h"
#include "engine/base/result.h"
#include "engine/tokenizer.h"

namespace app {

// A folder or file the user chose.
struct PlannedSource {
  std::filesystem::path path;  // absolute
  std::string name;            // unique among the sources; paths in the context begin with it
  bool folder = true;
  std::string revision;  // commit, when it is a git work tree
};

struct PlanChoices;  // plan_choices.h

struct PlannedFile {
  base::ReceiptEntry entry;              // entry.path begins with the source's name
  base::ReceiptEntry seen;               // the same as the walk decided, before the user's choices
  std::optional<base::Hash128> content;  // of all bytes, where another file may hold the same
  std::filesystem::path file;            // absolute
  std::size_t source = 0;                // index in SourcePlan::sources
  std::string relative;                  // path below the source; the file name for a single file
  int restlessness = 0;                  // how often it changes; see planSources()
  std::int64_t n_tokens = -1;   // at its detail level; -1: not counted
  std::int64_t n_outline = -1;  // of its outline; -1: not counted
  std::int64_t n_name = -1;     // of its name alone; -1: not counted
};

struct SourcePlan {
  std::vector<PlannedSource> sources;
  std::vector<PlannedFile> files;  // context order: by source as given, restlessness, path

  std::int64_t readCount() const;
  std::uint64_t readBytes() const;
  std::int64_t tokens() const;  // of the files counted so far, their header lines included

  // Of what stands around the documents; -1: not counted.
  std::int64_t n_template = -1, n_receipt = -1;
  // Of everything before the first question, exactly as ContextBuilder makes it; -1: not counted.
  std::int64_t contextTokens() const;
};

// The file of a document: `document` is its path in the context, `source` the folder or file it
// came from.
std::filesystem::path fileBelow(const std::filesystem::path& source, const std::string& document);

// kNotFound when a path does not exist, kCancelled. A folder that vanishes meanwhile leaves
// entries that say so. A file with the bytes of one before it is not read a second time.
//
// What changes often comes last in a source, so that little stands behind a change and has to be
// read again: restlessness counts the binary digits of how many recent commits changed a file; what
// git does not know comes behind all of them. It is steady: edits that are not committed change no
// place, and a commit moves only files that it changed.
base::Result<SourcePlan> planSources(std::span<const std::filesystem::path> paths,
                                     std::stop_token stop);
base::Result<SourcePlan> planSources(std::span<const std::filesystem::path> paths,
                                     const PlanChoices& choices, std::stop_token stop);

}  // namespace app
