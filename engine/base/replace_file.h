// replace_file.h: a file as a whole or not at all.
#pragma once

#include <filesystem>
#include <functional>
#include <iosfwd>

#include "engine/base/result.h"

namespace base {

// Written beside and renamed: a full disk leaves the old file or none, never half a file. A pipe or
// a device is written into and never replaced; a link stays a link. kIo when it cannot be written.
Status replaceFile(const std::filesystem::path& path,
                   const std::function<void(std::ostream&)>& write);

}  // namespace base
