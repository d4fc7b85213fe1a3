// data_folder.h: the folder that holds both databases.
#pragma once

#include <cstdint>
#include <filesystem>

#include "engine/base/result.h"

namespace storage {

// Makes the folder with mode 0700 if it is missing. kInvalidInput if something else is in its
// place.
base::Status makeDataFolder(const std::filesystem::path& folder);

// The names in the folder are on the disk when it returns: a file is only as safe as its name.
base::Status syncFolder(const std::filesystem::path& folder);

// Room that a user without special rights still has on the file system of `folder`.
base::Result<std::int64_t> freeBytes(const std::filesystem::path& folder);

}  // namespace storage
