#include "storage/reserve_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "storage/data_folder.h"

namespace storage {

ReserveFile::ReserveFile(std::filesystem::path file, std::int64_t n_bytes)
    : file_(std::move(file)) {
  std::error_code error;
  if (std::filesystem::file_size(file_, error) == static_cast<std::uintmax_t>(n_bytes) && !error) {
    exists_ = true;
    return;
  }
  const auto free_bytes = freeBytes(file_.parent_path());
  if (!free_bytes || *free_bytes < 4 * n_bytes) return;
  const int descriptor = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0) return;
  exists_ = ::posix_fallocate(descriptor, 0, n_bytes) == 0;
  ::close(descriptor);
  if (!exists_) std::filesystem::remove(file_, error);
}

bool ReserveFile::release() {
  if (!exists_) return false;
  exists_ = false;
  std::error_code error;
  return std::filesystem::remove(file_, error);
}

}  // namespace storage
