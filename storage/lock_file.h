// lock_file.h: one process per database, said politely before SQLite is asked.
#pragma once

#include <filesystem>

#include "engine/base/result.h"

namespace storage {

// Invariant: while it lives, no other LockFile on the same path exists, in this process or another.
// The file itself stays; a lock ends with its process, however that ends.
class LockFile {
 public:
  static base::Result<LockFile> acquire(const std::filesystem::path& file);  // kBusy; never waits
  LockFile(LockFile&& other) noexcept;
  LockFile& operator=(LockFile&&) = delete;
  ~LockFile();

 private:
  explicit LockFile(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;  // -1 once moved from
};

}  // namespace storage
