// bundle_file.h: one file that carries named parts: a session with its KV on its way to another
// machine.
//
// A SQLite database with one table, so that gigabytes can be written and read piece by piece and a
// reader needs no parser of ours. Read as what it is: a stranger's file. Its schema must be exactly
// this one, pieces have hashes, and nothing in it is run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "storage/sqlite.h"

namespace storage {

class BundleFile {
 public:
  // True when the file begins like one.
  static bool isOne(const std::filesystem::path& file);
  // Opens for writing; the file is made when it is not there.
  static base::Result<BundleFile> write(const std::filesystem::path& file);
  // kInvalidInput when it is no bundle, kCorrupt when SQLite finds damage.
  static base::Result<BundleFile> read(const std::filesystem::path& file);

  // On the disk when it returns. kInvalidInput when there is a part of this name.
  base::Status add(const std::string& name, std::span<const std::byte> bytes);
  base::Result<bool> has(const std::string& name);
  // kNotFound; kTooLarge beyond n_bytes_max; kCorrupt when a piece is missing or changed.
  base::Result<std::vector<std::byte>> part(const std::string& name, std::int64_t n_bytes_max);

 private:
  BundleFile(Database database, std::string file)
      : database_(std::move(database)), file_(std::move(file)) {}

  Database database_;
  std::string file_;  // as it was named, for errors
};

}  // namespace storage
