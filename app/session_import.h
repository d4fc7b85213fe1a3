// session_import.h: an export of another machine, or of another day, as a session of this one.
//
// The file is a stranger's. Everything in it is checked before anything is stored, and stored in
// one step or not at all. Nothing in it is believed: quotes are compared with the text again,
// tokens of answers must spell the answers, KV gets the names that this machine computes, documents
// never stand in for files of this machine, and the sources' paths are not taken over.
#pragma once

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>

#include "app/reading_service.h"
#include "engine/base/result.h"

namespace app {

// kTake believes the sender that the KV is what the model made of the text.
enum class ImportKv { kLeave, kTake };

struct ImportReport {
  std::string session;
  std::int64_t n_documents = 0, n_messages = 0, n_branches = 0;
  std::int64_t n_citations = 0, n_unverified = 0;
  bool has_kv = false;                  // the file brings KV along
  std::optional<KvTransfer> kv{};       // what was taken of it
  std::optional<base::Error> kv_refused{};
};

// `name` empty: the one in the file. kInvalidInput and kCorrupt say what does not hold; kMismatch:
// written by a newer version; kBusy: the name is taken; kTooLarge. kCancelled: the session is
// stored, but not all of its KV.
base::Result<ImportReport> importSession(ReadingService& service, const std::filesystem::path& file,
                                         const std::string& name, ImportKv kv,
                                         std::stop_token stop);

}  // namespace app
