// session_export_file.h: an export into a file: written beside its place, and there whole or not at
// all.
#pragma once

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>

#include "app/reading_service.h"
#include "engine/base/result.h"

namespace app {

struct ExportFileRequest {
  std::string session;  // name
  std::filesystem::path file;
  bool with_kv = false;
};

// Where the export grows until it is whole.
std::filesystem::path partialFileOf(const std::filesystem::path& file);

struct ExportReport {
  std::optional<KvTransfer> kv{};  // what of it went along; empty without with_kv
  std::int64_t n_changed_names = 0;
};

// kCancelled, kDiskFull, kTooLarge and everything else leave the place as it was.
base::Result<ExportReport> exportToFile(ReadingService& service, const ExportFileRequest& request,
                                        std::stop_token stop);

}  // namespace app
