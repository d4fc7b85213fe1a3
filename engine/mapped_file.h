// mapped_file.h: a model file that is read but never written: mapped, or read past the map.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "engine/base/result.h"

namespace engine {

// What direct reads must be multiples of: offset, length and address.
inline constexpr std::int64_t kReadAlign = 4096;

// A read-only map of a file and the descriptor behind it. Touching the map raises SIGBUS when
// another process has shortened the file meanwhile, therefore only in processes that may die;
// reads answer with an error instead.
class MappedFile {
 public:
  static base::Result<MappedFile> open(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  const std::filesystem::path& path() const { return path_; }
  std::int64_t size() const { return size_; }
  std::span<const std::byte> bytes() const { return bytes_; }  // empty after unmap
  void unmap();
  // The map's pages no longer count as this process's memory until they are touched again.
  void forget() const;

  // Fills [to, to + bytes) from `offset`, past the page cache where the file system takes that.
  // All three are multiples of kReadAlign; what lies behind the file's end stays as it was.
  // kIo; kCorrupt when the file ends before it did when it was opened. Any thread.
  base::Status readAligned(std::int64_t offset, std::int64_t bytes, std::byte* to) const;
  // The same without alignment, through the page cache.
  base::Status read(std::int64_t offset, std::int64_t bytes, std::byte* to) const;
  // kCorrupt when length or modification time are not those of opening.
  base::Status checkUnchanged() const;

 private:
  MappedFile() = default;
  base::Status readFrom(int descriptor, std::int64_t offset, std::int64_t bytes,
                        std::byte* to) const;

  std::filesystem::path path_;
  int descriptor_ = -1;
  int direct_ = -1;  // the same file with O_DIRECT; −1: not to be had
  std::int64_t size_ = 0;
  timespec modified_{};
  std::span<const std::byte> bytes_;
};

}  // namespace engine
