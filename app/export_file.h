// export_file.h: an export as a file: JSON with a seal, alone or as a part of a bundle with KV.
//
// The seal is a hash of everything else: it finds accidents. Who forges an export can renew it, so
// what is read is still nobody's word.
#pragma once

#include <filesystem>
#include <string>

#include "engine/base/result.h"
#include "engine/json.h"

namespace app {

// The name of the JSON among the parts of a bundle.
inline constexpr const char* kSessionPart = "session";
// What lists the KV among them; bundles of sessions that have none stored lack it.
inline constexpr const char* kKvPart = "kv";

// With its seal, as the last member.
engine::Json sealed(engine::Json exported);

// As it is written. kTooLarge: no import would take it.
base::Result<std::string> exportText(const engine::Json& exported);

struct ExportFile {
  engine::Json exported;
  bool intact = false;  // the seal holds; false also for exports that have none
  bool has_kv = false;
};

// kNotFound; kTooLarge; kInvalidInput when it is no export of ours: no JSON, no UTF-8, nested
// deeper than any of ours, a member named twice; kCorrupt for a damaged bundle.
base::Result<ExportFile> readExportFile(const std::filesystem::path& file);

}  // namespace app
