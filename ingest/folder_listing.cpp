#include "ingest/folder_listing.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ingest {
namespace {

bool isFolder(int folder, const char* name) {
  struct stat status {};
  return ::fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
}

bool exists(int folder, const std::string& name) {
  struct stat status {};
  return ::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
}

}  // namespace

std::optional<FolderListing> FolderListing::open(int parent, const char* name) {
  const int descriptor =
      ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return std::nullopt;
  DIR* folder = ::fdopendir(descriptor);
  if (!folder) {
    const int error = errno;
    ::close(descriptor);
    errno = error;
    return std::nullopt;
  }
  return FolderListing(folder);
}

int FolderListing::descriptor() const { return ::dirfd(folder_.get()); }

std::optional<std::vector<ListedName>> FolderListing::names() {
  std::vector<ListedName> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(folder_.get());
    if (!entry) break;
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    const bool folder = entry->d_type == DT_DIR ||
                        (entry->d_type == DT_UNKNOWN && isFolder(descriptor(), entry->d_name));
    names.push_back({std::string(name), folder ? NameType::kFolder : NameType::kOther});
  }
  if (errno != 0) return std::nullopt;
  std::sort(names.begin(), names.end(),
            [](const ListedName& a, const ListedName& b) { return a.name < b.name; });
  return names;
}

std::optional<std::string> FolderListing::smallFile(const char* name, std::size_t bytes_max) const {
  struct stat status {};
  if (::fstatat(descriptor(), name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
      !S_ISREG(status.st_mode))
    return std::nullopt;
  const int file =
      ::openat(descriptor(), name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (file < 0) return std::nullopt;
  std::optional<std::string> text;
  if (::fstat(file, &status) == 0 && S_ISREG(status.st_mode) &&
      static_cast<std::size_t>(status.st_size) <= bytes_max) {
    text.emplace(static_cast<std::size_t>(status.st_size), '\0');
    const ssize_t n = ::read(file, text->data(), text->size());
    text->resize(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  }
  ::close(file);
  return text;
}

bool FolderListing::holdsRepository(const std::string& name) const {
  const std::string dot_git = name + "/.git";
  if (isFolder(descriptor(), dot_git.c_str()))
    return exists(descriptor(), dot_git + "/HEAD") && exists(descriptor(), dot_git + "/objects") &&
           exists(descriptor(), dot_git + "/refs");
  constexpr std::size_t kGitFileBytesMax = 64 << 10;
  const auto pointer = smallFile(dot_git.c_str(), kGitFileBytesMax);
  return pointer && pointer->starts_with("gitdir: ");
}

}  // namespace ingest
