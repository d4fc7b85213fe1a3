// session_export.h: a session as one file that proves itself, and the proof repeated.
//
// The export holds all branches with their citations and the text of every document of the context
// and every cited one, so that each quote can be compared with the text again, by anybody, without
// a model, and the session can be gone on with elsewhere. Where the source still lies on disk with
// the same bytes it is read anew and compared as well.
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "app/reading_service.h"
#include "engine/base/result.h"
#include "engine/json.h"

namespace app {

// 2: whole trees, spans, tokens: what can be imported.
inline constexpr int kExportVersion = 2;
// Of a session, a title, a branch: what a file may call them.
inline constexpr std::size_t kNameBytesMax = 300;

// Sealed (export_file.h). Names no import would take are changed; "changed_names" says how many.
base::Result<engine::Json> exportSession(ReadingService& service, const std::string& name);

std::int64_t changedNames(const engine::Json& exported);

struct CheckedQuote {
  std::string quote, path;
  bool verified = false;
  std::string reason;  // why not; empty when verified
  std::string source;  // "confirmed", "changed", "missing", "not_checked"
};

struct VerifyReport {
  std::vector<CheckedQuote> quotes;
  bool allVerified() const;
};

enum class Sources { kRead, kLeave };

// kInvalidInput when `exported` is no export of ours or contradicts itself in its shape.
base::Result<VerifyReport> verifyExport(const engine::Json& exported, Sources sources,
                                        const std::filesystem::path& reader_program,
                                        std::stop_token stop);

}  // namespace app
