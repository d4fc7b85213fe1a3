#include "storage/data_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

namespace storage {

using base::ErrorCode;
using base::failure;

base::Status makeDataFolder(const std::filesystem::path& folder) {
  std::error_code error;
  if (std::filesystem::is_directory(folder, error)) return {};
  const auto parent = std::filesystem::absolute(folder, error).parent_path();
  std::filesystem::create_directories(parent, error);
  if (::mkdir(folder.c_str(), 0700) == 0) return {};
  if (errno == EEXIST || errno == ENOTDIR)
    return failure(ErrorCode::kInvalidInput, "the data folder is not a folder",
                   "Choose another data folder.");
  if (errno == ENOSPC || errno == EDQUOT)
    return failure(ErrorCode::kDiskFull, "no room to make the data folder",
                   "Make room on the disk.");
  return failure(ErrorCode::kIo, "cannot make the data folder: errno " + std::to_string(errno),
                 "Choose a data folder that you may write to.");
}

base::Status syncFolder(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = descriptor >= 0 && ::fsync(descriptor) == 0;
  // Some file systems have nothing to sync in a folder and say so.
  const int system_error = synced || errno == EINVAL ? 0 : errno;
  if (descriptor >= 0) ::close(descriptor);
  if (system_error == 0) return {};
  return failure(ErrorCode::kIo, "cannot sync the data folder: errno " +
                                     std::to_string(system_error),
                 "Check the disk that holds the data folder.");
}

base::Result<std::int64_t> freeBytes(const std::filesystem::path& folder) {
  struct statvfs status {};
  if (::statvfs(folder.c_str(), &status) != 0)
    return failure(ErrorCode::kIo, "statvfs failed: errno " + std::to_string(errno));
  return static_cast<std::int64_t>(status.f_bavail) * static_cast<std::int64_t>(status.f_frsize);
}

}  // namespace storage
