#include "app/settings.h"

#include <algorithm>
#include <fstream>
#include <ostream>
#include <sstream>
#include <system_error>

#include "app/json_fields.h"
#include "engine/base/replace_file.h"
#include "engine/json.h"
#include "storage/data_folder.h"

namespace app {
namespace {

constexpr std::int64_t kDefaultBytes = std::int64_t{16} << 30;

std::filesystem::path fileIn(const std::filesystem::path& data) { return data / "settings.json"; }

}  // namespace

Settings readSettings(const std::filesystem::path& data) {
  std::ifstream in(fileIn(data), std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  Settings settings;
  const auto json = engine::parseJson(text.str());
  if (!json || !json->is_object()) return settings;
  JsonFields fields(*json);
  fields.maybe("snapshot_bytes_max", settings.snapshot_bytes_max);
  return fields.status() && settings.snapshot_bytes_max >= 0 ? settings : Settings{};
}

base::Status writeSettings(const std::filesystem::path& data, const Settings& settings) {
  return base::replaceFile(fileIn(data), [&](std::ostream& out) {
    out << dumpJson({{"snapshot_bytes_max", settings.snapshot_bytes_max}}) << "\n";
  });
}

std::int64_t snapshotBudget(const std::filesystem::path& data) {
  if (const auto chosen = readSettings(data).snapshot_bytes_max; chosen > 0) return chosen;
  const auto free = storage::freeBytes(data);
  if (!free) return kDefaultBytes;
  std::error_code error;
  const auto stored = std::filesystem::file_size(data / "snapshots.db", error);
  return std::min(kDefaultBytes, (*free + (error ? 0 : static_cast<std::int64_t>(stored))) / 2);
}

}  // namespace app
