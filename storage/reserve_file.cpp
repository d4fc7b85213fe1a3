#include "storage/reserve_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "storage/data_folder.h"

namespace storage {
namespace {

// Room for a long answer and its log; less is not worth a file.
constexpr std::int64_t kReserveBytesMin = std::int64_t{256} << 10;

}  // namespace

ReserveFile::ReserveFile(std::filesystem::path file, std::int64_t n_bytes)
    : file_(std::move(file)) {
  std::error_code error;
  const auto n_held = static_cast<std::int64_t>(std::filesystem::file_size(file_, error));
  exists_ = !error && n_held > 0;
  if (exists_ && n_held >= n_bytes) return;
  const auto free_bytes = freeBytes(file_.parent_path());
  if (!free_bytes) return;
  n_bytes = std::min(n_bytes, *free_bytes / 4);
  if (n_bytes < kReserveBytesMin || (exists_ && n_bytes <= n_held)) return;
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
