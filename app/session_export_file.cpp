#include "app/session_export_file.h"

#include <ostream>
#include <span>
#include <utility>
#include <vector>

#include <unistd.h>

#include "app/export_file.h"
#include "app/json_fields.h"
#include "app/session_export.h"
#include "engine/base/replace_file.h"
#include "storage/storage.h"

namespace app {

using base::ErrorCode;
using base::failure;
using base::Result;
using engine::Json;

namespace {

// A file that is removed unless it takes the place it was made for.
class PartialFile {
 public:
  explicit PartialFile(std::filesystem::path place)
      : place_(std::move(place)), path_(partialFileOf(place_)) {}
  ~PartialFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
    std::filesystem::remove(path_.string() + "-journal", ignored);
  }
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  base::Status rename() {
    std::error_code error;
    std::filesystem::rename(path_, place_, error);
    if (!error) return {};
    return failure(ErrorCode::kIo, "cannot write " + place_.string(), "Choose another place.");
  }

 private:
  std::filesystem::path place_, path_;
};

Result<KvTransfer> writeBundle(ReadingService& service, const Json& exported,
                               const ExportFileRequest& request, std::stop_token stop) {
  TRY_ASSIGN(const storage::Session session, service.session(request.session));
  TRY_ASSIGN(const SessionTokens context, service.tokensOf(session.id));
  PartialFile partial(std::filesystem::absolute(request.file));
  {
    TRY_ASSIGN(auto bundle, storage::BundleFile::write(partial.path()));
    TRY_ASSIGN(const std::string text, exportText(exported));
    TRY(bundle.add(kSessionPart, std::as_bytes(std::span(text))));
  }
  const std::vector<std::int64_t> ends{context.n_corpus,
                                       static_cast<std::int64_t>(context.tokens.size())};
  TRY_ASSIGN(const KvTransfer packed,
             service.engine().packKv(context.tokens, ends, partial.path(), stop));
  TRY(partial.rename());
  return packed;
}

}  // namespace

std::filesystem::path partialFileOf(const std::filesystem::path& file) {
  std::filesystem::path partial = std::filesystem::absolute(file);
  partial += ".partial-" + std::to_string(::getpid());
  return partial;
}

Result<ExportReport> exportToFile(ReadingService& service, const ExportFileRequest& request,
                                  std::stop_token stop) {
  TRY_ASSIGN(const Json exported, exportSession(service, request.session));
  if (stop.stop_requested()) return failure(ErrorCode::kCancelled, "the export was stopped");
  ExportReport report;
  report.n_changed_names = changedNames(exported);
  if (request.with_kv) {
    TRY_ASSIGN(report.kv, writeBundle(service, exported, request, stop));
    return report;
  }
  TRY_ASSIGN(const std::string text, exportText(exported));
  TRY(base::replaceFile(request.file, [&](std::ostream& out) { out << text << "\n"; }));
  return report;
}

}  // namespace app
