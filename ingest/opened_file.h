// opened_file.h: a document of the user's, opened once: what is hashed is what is read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>

#include <sys/stat.h>

#include "engine/base/hash.h"
#include "engine/base/result.h"

namespace ingest {

class OpenedFile {
 public:
  // A regular file of at most `bytes_max`. kNotFound, kIo, kUnsupported (folder, device, pipe),
  // kTooLarge.
  static base::Result<std::unique_ptr<OpenedFile>> open(const std::filesystem::path& file,
                                                        std::uint64_t bytes_max);
  ~OpenedFile();
  OpenedFile(const OpenedFile&) = delete;
  OpenedFile& operator=(const OpenedFile&) = delete;

  int descriptor() const { return descriptor_; }
  std::uint64_t size() const { return static_cast<std::uint64_t>(opened_.st_size); }

  // Of all bytes. kCancelled, kIo.
  base::Result<base::Hash128> hash(std::stop_token stop) const;
  // kIo if somebody wrote to it since it was opened.
  base::Status unchanged() const;

 private:
  OpenedFile(int descriptor, const struct stat& opened);

  const int descriptor_;  // close-on-exec
  const struct stat opened_;
};

}  // namespace ingest
