// file_kind.h: what a file is by its name and its first bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/base/document.h"

namespace ingest {

inline constexpr std::size_t kHeadBytes = 64 << 10;  // what is looked at before a file is read

// `name` without folders; `head` the first kHeadBytes at most. A name that ends in .pdf is a PDF
// whatever it holds: then its reader says what is wrong with it.
base::DocumentKind fileKind(std::string_view name, std::string_view head);

// A document that is an archive, which only lectern-reader may open.
bool isOffice(std::string_view name);

struct FileRemark {
  std::string reason, detail;
};

// "lock_file", "generated" or "minified" for text that no person wrote for reading.
std::optional<FileRemark> generatedRemark(std::string_view name, std::string_view head);

// Whether a folder on the way to the file says that it came from elsewhere: node_modules, vendor ...
bool isVendored(std::string_view relative);

// The size that a Git LFS pointer stands for; nullopt for anything else.
std::optional<std::uint64_t> lfsPointerSize(std::string_view bytes);

}  // namespace ingest
