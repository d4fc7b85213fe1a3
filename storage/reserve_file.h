// reserve_file.h: disk space set aside for the worst moment.
#pragma once

#include <cstdint>
#include <filesystem>

namespace storage {

// A file of allocated, unused bytes. When the disk is full it is given up and its room carries the
// last messages. Having none is no error: then there was no room to set aside.
class ReserveFile {
 public:
  ReserveFile() = default;  // none
  // Allocates up to `n_bytes`, and no more than a quarter of what is free; keeps what an earlier
  // run set aside.
  ReserveFile(std::filesystem::path file, std::int64_t n_bytes);

  bool exists() const { return exists_; }
  bool release();  // true if there was something to give up

 private:
  std::filesystem::path file_;
  bool exists_ = false;
};

}  // namespace storage
