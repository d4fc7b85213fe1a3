// folder_listing.h: an opened folder and the names in it. Nothing here follows a link.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <dirent.h>

namespace ingest {

enum class NameType { kFolder, kOther };

struct ListedName {
  std::string name;
  NameType type = NameType::kOther;
};

class FolderListing {
 public:
  // `name` is relative to the descriptor `parent` (or AT_FDCWD). nullopt with errno set.
  static std::optional<FolderListing> open(int parent, const char* name);

  int descriptor() const;
  // All names but "." and "..", sorted by bytes; nullopt with errno set if the system stops midway.
  std::optional<std::vector<ListedName>> names();
  // The text of a regular file of at most `bytes_max`; nullopt for anything else.
  std::optional<std::string> smallFile(const char* name, std::size_t bytes_max) const;
  // Whether the folder `name` in this one is the work tree of a repository, by git's own test.
  bool holdsRepository(const std::string& name) const;

 private:
  struct Close {
    void operator()(DIR* folder) const noexcept { ::closedir(folder); }
  };
  explicit FolderListing(DIR* folder) : folder_(folder) {}

  std::unique_ptr<DIR, Close> folder_;
};

}  // namespace ingest
