#include "engine/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace engine {

using base::ErrorCode;
using base::failure;
using base::Result;
using base::Status;

namespace {

constexpr const char* kHint = "Copy the file again or choose another model folder.";

tl::unexpected<base::Error> changed(const std::filesystem::path& path) {
  return failure(ErrorCode::kCorrupt,
                 "the model file " + path.filename().string() + " changed while it was open",
                 "Leave model files alone while they are in use; load the model again.");
}

void closeIfOpen(int descriptor) {
  if (descriptor >= 0) ::close(descriptor);
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  MappedFile file;
  file.path_ = path;
  file.descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const std::string name = path.filename().string();
  if (file.descriptor_ < 0)
    return failure(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
                   name + ": " + std::strerror(errno), kHint);
  struct stat info {};
  if (::fstat(file.descriptor_, &info) != 0 || !S_ISREG(info.st_mode))
    return failure(ErrorCode::kIo, name + " is not a file", kHint);
  if (info.st_size == 0) return failure(ErrorCode::kCorrupt, name + " is empty", kHint);
  file.size_ = info.st_size;
  file.modified_ = info.st_mtim;
  const auto size = static_cast<std::size_t>(info.st_size);
  void* map = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.descriptor_, 0);
  if (map == MAP_FAILED)
    return failure(ErrorCode::kIo, name + " cannot be mapped: " + std::strerror(errno), kHint);
  file.bytes_ = {static_cast<const std::byte*>(map), size};
  file.direct_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT);
  return file;
}

MappedFile::MappedFile(MappedFile&& other) noexcept { *this = std::move(other); }

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(direct_, other.direct_);
  std::swap(size_, other.size_);
  std::swap(modified_, other.modified_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  unmap();
  closeIfOpen(descriptor_);
  closeIfOpen(direct_);
}

void MappedFile::unmap() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  bytes_ = {};
}

void MappedFile::forget() const {
  if (!bytes_.empty())
    ::madvise(const_cast<std::byte*>(bytes_.data()), bytes_.size(), MADV_DONTNEED);
}

Status MappedFile::readFrom(int descriptor, std::int64_t offset, std::int64_t bytes,
                            std::byte* to) const {
  const std::int64_t wanted = std::min(bytes, size_ - offset);
  for (std::int64_t done = 0; done < wanted;) {
    const ssize_t n = ::pread(descriptor, to + done, static_cast<std::size_t>(bytes - done),
                              static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      return failure(ErrorCode::kIo,
                     path_.filename().string() + " cannot be read: " + std::strerror(errno),
                     "Check the disk the model lies on.");
    if (n == 0) return changed(path_);
    done += n;
    // A direct read goes on at an aligned place only.
    if (descriptor == direct_ && done < wanted && done % kReadAlign != 0)
      return readFrom(descriptor_, offset + done, bytes - done, to + done);
  }
  return {};
}

Status MappedFile::readAligned(std::int64_t offset, std::int64_t bytes, std::byte* to) const {
  if (direct_ >= 0) {
    const Status done = readFrom(direct_, offset, bytes, to);
    if (done || done.error().code == ErrorCode::kCorrupt) return done;
  }
  // Not to be had directly: read, then give the pages back.
  TRY(readFrom(descriptor_, offset, bytes, to));
  ::posix_fadvise(descriptor_, offset, bytes, POSIX_FADV_DONTNEED);
  return {};
}

Status MappedFile::read(std::int64_t offset, std::int64_t bytes, std::byte* to) const {
  return readFrom(descriptor_, offset, bytes, to);
}

Status MappedFile::checkUnchanged() const {
  struct stat info {};
  if (::fstat(descriptor_, &info) != 0 || info.st_size != size_ ||
      info.st_mtim.tv_sec != modified_.tv_sec || info.st_mtim.tv_nsec != modified_.tv_nsec)
    return changed(path_);
  return {};
}

}  // namespace engine
