#include "ingest/opened_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace ingest {
namespace {

using base::ErrorCode;
using base::failure;

constexpr std::size_t kChunkBytes = std::size_t{16} << 20;

tl::unexpected<base::Error> changed() {
  return failure(ErrorCode::kIo, "the file changed while it was read",
                 "Read it again when nothing writes to it any more.");
}

tl::unexpected<base::Error> refused(int error) {
  if (error == ENOENT || error == ENOTDIR)
    return failure(ErrorCode::kNotFound, "there is no such file",
                   "Check whether it was moved or renamed, and add it again.");
  return failure(ErrorCode::kIo, std::string("the file cannot be opened: ") + std::strerror(error),
                 error == EACCES ? "Give yourself permission to read it." : "");
}

}  // namespace

base::Result<std::unique_ptr<OpenedFile>> OpenedFile::open(const std::filesystem::path& file,
                                                           std::uint64_t bytes_max) {
  // Not blocking: a pipe without a writer would hold us here for ever.
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0) return refused(errno);
  struct stat status {};
  const bool known = ::fstat(descriptor, &status) == 0;
  std::unique_ptr<OpenedFile> opened(new OpenedFile(descriptor, status));
  if (!known || !S_ISREG(status.st_mode))
    return failure(ErrorCode::kUnsupported, "it is not a regular file", "Choose a file.");
  if (opened->size() > bytes_max)
    return failure(ErrorCode::kTooLarge,
                   "the file has " + std::to_string(opened->size() >> 20) +
                       " MiB; the limit is " + std::to_string(bytes_max >> 20) + " MiB",
                   "Split the document and add the parts you need.");
  return opened;
}

OpenedFile::OpenedFile(int descriptor, const struct stat& opened)
    : descriptor_(descriptor), opened_(opened) {}

OpenedFile::~OpenedFile() { ::close(descriptor_); }

base::Result<base::Hash128> OpenedFile::hash(std::stop_token stop) const {
  std::vector<std::byte> bytes(size());
  std::size_t n_done = 0;
  while (n_done < bytes.size()) {
    if (stop.stop_requested()) return failure(ErrorCode::kCancelled, "stopped");
    const std::size_t n_wanted = std::min(kChunkBytes, bytes.size() - n_done);
    const ssize_t n =
        ::pread(descriptor_, bytes.data() + n_done, n_wanted, static_cast<off_t>(n_done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      return failure(ErrorCode::kIo,
                     std::string("the file cannot be read: ") + std::strerror(errno));
    if (n == 0) return changed();
    n_done += static_cast<std::size_t>(n);
  }
  return base::hashBytes(bytes);
}

base::Status OpenedFile::unchanged() const {
  struct stat now {};
  if (::fstat(descriptor_, &now) != 0 || now.st_size != opened_.st_size ||
      now.st_mtim.tv_sec != opened_.st_mtim.tv_sec ||
      now.st_mtim.tv_nsec != opened_.st_mtim.tv_nsec)
    return changed();
  return {};
}

}  // namespace ingest
