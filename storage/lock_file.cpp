#include "storage/lock_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace storage {

using base::ErrorCode;
using base::failure;

base::Result<LockFile> LockFile::acquire(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0)
    return failure(errno == ENOSPC || errno == EDQUOT ? ErrorCode::kDiskFull : ErrorCode::kIo,
                   "cannot open a lock file: errno " + std::to_string(errno),
                   "Check that the data folder may be written.");
  LockFile lock(descriptor);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK)
    return failure(ErrorCode::kBusy, file.stem().string() + " is in use by another running Lectern",
                   "Switch to the open Lectern window, or close it and try again.");
  return failure(ErrorCode::kIo, "cannot lock the data folder: errno " + std::to_string(errno),
                 "Choose a data folder on a local disk.");
}

LockFile::LockFile(LockFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

LockFile::~LockFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace storage
