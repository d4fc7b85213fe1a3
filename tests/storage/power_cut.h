// power_cut.h: what the files may hold after the power went away.
//
// What was synced is there. Of what was not, anything: each write and each of its sectors may be
// there, missing or torn, in whatever order; where a file grew without its bytes there are zeros or
// what the disk held before; a deleted file may be back and a new one may never have been.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/storage/fault_vfs.h"

namespace support {

class PoweredDisk {
 public:
  PoweredDisk() = default;
  // The files of this folder are on the disk already.
  explicit PoweredDisk(const std::filesystem::path& folder);

  void play(const DiskEvent& event);
  // One of the states that are possible now, as files in an empty folder.
  void cut(const std::filesystem::path& folder, std::mt19937_64& random) const;

 private:
  struct File {
    std::string synced;
    std::vector<DiskEvent> unsynced;
  };
  using Folder = std::map<std::string, std::shared_ptr<File>>;

  static std::string bytesAfterCut(const File& file, std::mt19937_64& random);

  Folder now_, synced_;
};

}  // namespace support
