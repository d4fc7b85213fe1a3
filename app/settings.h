// settings.h: what the user chose for a data folder, in settings.json inside it. A file that is
// missing or damaged means the defaults: losing it loses no more than a choice.
#pragma once

#include <cstdint>
#include <filesystem>

#include "engine/base/result.h"

namespace app {

struct Settings {
  std::int64_t snapshot_bytes_max = 0;  // 0: the default below
};

Settings readSettings(const std::filesystem::path& data);
base::Status writeSettings(const std::filesystem::path& data, const Settings& settings);

// What snapshots.db may hold: what was chosen, else 16 GiB or half of what the disk has for it,
// whichever is less.
std::int64_t snapshotBudget(const std::filesystem::path& data);

}  // namespace app
