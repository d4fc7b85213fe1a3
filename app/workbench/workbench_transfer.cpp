// How a session leaves this machine as a file, and comes in as one.
#include <system_error>

#include "app/export_file.h"
#include "app/import_check.h"
#include "app/session_export_file.h"
#include "app/session_import.h"
#include "app/workbench/shown_values.h"
#include "app/workbench/workbench.h"
#include "ui/words.h"

namespace app {

using base::ErrorCode;
using ui::ErrorPlace;
using Until = ServiceThread::Until;

namespace {

constexpr int kPoll_ms = 250;

// Under the name in the file, or the next one that is free.
base::Result<ImportReport> importUnderFreeName(ReadingService& service,
                                               const std::filesystem::path& file, ImportKv kv,
                                               std::stop_token stop) {
  auto report = importSession(service, file, {}, kv, stop);
  if (report || report.error().code != ErrorCode::kBusy) return report;
  TRY_ASSIGN(const ExportFile read, readExportFile(file));
  TRY_ASSIGN(const ImportedSession wanted, checkedSession(read.exported));
  TRY_ASSIGN(const auto sessions, service.sessions());
  TRY_ASSIGN(report, importSession(service, file, freeName(sessions, wanted.name), kv, stop));
  // A title that said no more than the name would stand in the list twice.
  if (wanted.title.empty() || wanted.title == wanted.name)
    TRY(service.rename(report->session, report->session));
  return report;
}

QString importedWords(const ImportReport& report) {
  return QString("Imported \u201C%1\u201D: %2, %3, %4 of %5 verified")
      .arg(shown(report.session),
           ui::counted(report.n_documents, "1 document", "%1 documents"),
           ui::counted(report.n_messages, "1 message", "%1 messages"),
           ui::exactCount(report.n_citations - report.n_unverified),
           ui::counted(report.n_citations, "1 quote", "%1 quotes"));
}

QString importRemark(const ImportReport& report) {
  if (report.kv)
    return QString("%1 tokens of it need not be read again.")
        .arg(ui::exactCount(report.kv->n_tokens));
  if (report.kv_refused)
    return QString("Its snapshot was not taken: %1. The text is read again before the next "
                   "answer.").arg(shown(report.kv_refused->message));
  if (report.has_kv)
    return "Its snapshot was left out: the text is read again before the next answer.";
  return {};
}

}  // namespace

// The transfer's own stop: a reading or an answer that runs meanwhile goes on.
void Workbench::beginTransfer(const QString& words, std::int64_t n_bytes,
                              const std::filesystem::path& growing) {
  transfer_stop_ = std::stop_source();
  transfer_ = {.words = words, .n_done = 0, .n_total = n_bytes};
  growing_ = growing;
  window_.showTransfer(transfer_);
  if (n_bytes > 0) transfer_poll_.start(kPoll_ms);
}

// How far the file has grown that is written in the engine's process.
void Workbench::pollTransfer() {
  std::error_code error;
  const auto n_bytes = std::filesystem::file_size(growing_, error);
  if (error) return;
  transfer_.n_done = static_cast<std::int64_t>(n_bytes);
  window_.showTransfer(transfer_);
}

void Workbench::endTransfer(const base::Error& error, const QString& subject, Again again) {
  transfer_poll_.stop();
  window_.endTransfer();
  if (error.code == ErrorCode::kCancelled)
    return window_.showToast("Stopped. Nothing was left half done.");
  fail(error, ErrorPlace::kSessions, subject, std::move(again));
}

void Workbench::exportSession(base::SessionId id, ui::ExportKind kind, const QString& path) {
  service_.look([this, id, kind, path](ReadingService& service) {
    const auto session = service.database().sessions().byId(id);
    service_.inWindow([this, id, kind, path, session] {
      if (session) return exportNow(*session, kind, path);
      fail(session.error(), ErrorPlace::kSessions, {}, [this, id, kind, path] {
        exportSession(id, kind, path);
      });
    });
  });
}

void Workbench::exportNow(const storage::Session& session, ui::ExportKind kind,
                          const QString& path) {
  const bool with_kv = kind == ui::ExportKind::kWithSnapshot;
  const std::filesystem::path file = path.toStdString();
  const EnginePin* pin = stored_.pinOf(session);
  const QString title = shown(session.title.empty() ? session.name : session.title);
  beginTransfer(QString("Exporting \u201C%1\u201D").arg(title),
                with_kv && pin ? pin->logical_bytes : 0, partialFileOf(file));
  service_.post([this, session, kind, path, file, with_kv, title,
                 cancel = transfer_stop_](ReadingService& service, std::stop_token closing) {
    const std::stop_callback on_close(closing, [cancel]() mutable { cancel.request_stop(); });
    const auto done = exportToFile(
        service, {.session = session.name, .file = file, .with_kv = with_kv}, cancel.get_token());
    std::error_code error;
    const auto n_bytes = static_cast<std::int64_t>(std::filesystem::file_size(file, error));
    service_.inWindow([this, session, kind, path, title, done, n_bytes] {
      if (!done)
        return endTransfer(done.error(), title,
                           [this, session, kind, path] { exportNow(session, kind, path); });
      transfer_poll_.stop();
      const bool bare = done->kv && done->kv->n_blocks == 0;
      window_.showTransferResult(
          {.words = QString("Exported \u201C%1\u201D, %2").arg(title, ui::byteWords(n_bytes)),
           .remark = bare ? "No snapshot of it is stored: the file holds the text with its proofs."
                          : path,
           .session = {}});
    });
  }, Until::kClosed);
}

void Workbench::importFile(const QString& path, bool with_snapshot) {
  beginTransfer(QString("Importing %1").arg(ui::fileName(path)), 0, {});
  service_.post([this, path, with_snapshot, cancel = transfer_stop_](ReadingService& service,
                                                                     std::stop_token closing) {
    const std::stop_callback on_close(closing, [cancel]() mutable { cancel.request_stop(); });
    const auto report =
        importUnderFreeName(service, path.toStdString(),
                            with_snapshot ? ImportKv::kTake : ImportKv::kLeave,
                            cancel.get_token());
    base::SessionId id;
    if (report)
      if (const auto session = service.session(report->session)) id = session->id;
    service_.inWindow([this, path, with_snapshot, report, id] {
      if (!report)
        return endTransfer(report.error(), ui::fileName(path),
                           [this, path, with_snapshot] { importFile(path, with_snapshot); });
      window_.showTransferResult(
          {.words = importedWords(*report), .remark = importRemark(*report), .session = id});
      listSessions();
    });
  }, Until::kClosed);
}

}  // namespace app
