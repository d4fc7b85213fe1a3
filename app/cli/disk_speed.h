// disk_speed.h: what the disk below a model gives when nothing else is asked of it.
#pragma once

#include <span>

#include "engine/mapped_file.h"

namespace app {

// Bytes per second of long reads past the page cache, for about `seconds`.
double diskReadSpeed(std::span<engine::MappedFile* const> files, double seconds);

}  // namespace app
