#include "app/reading_service.h"

#include <algorithm>
#include <system_error>

#include "app/block_store_adapter.h"
#include "app/document_reader.h"
#include "app/ingest_job.h"
#include "app/question_job.h"
#include "app/service_parts.h"
#include "app/session_text.h"
#include "app/settings.h"
#include "app/speed_record.h"
#include "app/stored_sessions.h"
#include "storage/storage.h"

namespace app {

using base::ErrorCode;
using base::failure;
using base::Result;
using base::Status;

namespace {

// snapshots.db without the engine that owns it, which need not be started for a look.
Status lookAtBlocks(const std::filesystem::path& data, StoredSessions& stored) {
  TRY_ASSIGN(const auto blocks,
             storage::BlockDatabase::open(data, {.mode = storage::OpenMode::kReadOnly}));
  TRY_ASSIGN(const auto pins, blocks->pins());
  for (const storage::Pin& pin : pins) stored.pins.push_back(enginePin(pin));
  TRY_ASSIGN(const auto stats, blocks->stats());
  stored.stats = engineStats(stats);
  return {};
}

}  // namespace

struct ReadingService::Parts : ServiceParts {
  using ServiceParts::ServiceParts;
};

ReadingService::ReadingService(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
ReadingService::~ReadingService() = default;

Result<std::unique_ptr<ReadingService>> ReadingService::open(const ServiceOptions& options,
                                                             Access access) {
  TRY(makeFolders(options.paths));
  auto parts = std::make_unique<Parts>(options);
  TRY_ASSIGN(parts->database,
             storage::SessionDatabase::open(options.paths.data,
                                            access == Access::kLook
                                                ? storage::OpenMode::kReadOnly
                                                : storage::OpenMode::kReadWrite));
  return std::unique_ptr<ReadingService>(new ReadingService(std::move(parts)));
}

Result<SourcePlan> ReadingService::plan(
    std::span<const std::filesystem::path> paths, bool count,
    const std::function<void(std::size_t, std::size_t)>& on_file, std::stop_token stop) {
  TRY_ASSIGN(SourcePlan plan, planSources(paths, stop));
  if (!count) return plan;
  TRY_ASSIGN(auto tokenizer, parts_->openTokenizer());
  TRY(countTokens(plan, tokenizer, parts_->options.paths.reader_program, on_file, stop));
  return plan;
}

Result<SpeedForecast> ReadingService::forecast() {
  TRY_ASSIGN(const EngineInfo info, parts_->engine.load({}));
  return SpeedRecord(parts_->options.paths.data).forecast(info.fingerprint);
}

Result<IngestReport> ReadingService::ingest(const IngestRequest& request,
                                            const IngestEvents& events, std::stop_token stop) {
  return runIngest(*parts_, request, events, stop);
}

Result<ChangeReport> ReadingService::changes(const IngestRequest& request,
                                             const IngestEvents& events, std::stop_token stop) {
  return lookForChanges(*parts_, request, events, stop);
}

Status ReadingService::queue(const IngestRequest& request, std::stop_token stop) {
  return queueIngest(*parts_, request, stop);
}

Result<std::vector<std::string>> ReadingService::unfinishedReadings() {
  std::vector<std::string> names;
  TRY_ASSIGN(const auto jobs, parts_->database->sessions().unfinishedJobs());
  for (const storage::Job& job : jobs) {
    TRY_ASSIGN(const storage::Session session, parts_->database->sessions().byId(job.session));
    if (std::find(names.begin(), names.end(), session.name) == names.end())
      names.push_back(session.name);
  }
  return names;
}

Result<Answer> ReadingService::ask(const AskRequest& request, const AskEvents& events,
                                   std::stop_token stop) {
  return runQuestion(*parts_, request, events, stop);
}

Result<std::vector<storage::Session>> ReadingService::sessions() {
  return parts_->database->sessions().list();
}

Result<storage::Session> ReadingService::session(const std::string& name) {
  return parts_->sessionNamed(name);
}

Result<std::vector<storage::DocumentInfo>> ReadingService::documents(base::SessionId session) {
  return parts_->database->library().documentsOf(session);
}

Result<std::vector<base::ReceiptEntry>> ReadingService::receipt(base::SessionId session) {
  return parts_->database->library().receiptOf(session);
}

Result<std::vector<storage::Message>> ReadingService::messages(base::SessionId session) {
  TRY_ASSIGN(const storage::Session found, parts_->database->sessions().byId(session));
  return parts_->database->messages().messagesOf(found.branch);
}

Result<base::Extracted> ReadingService::document(base::DocumentId document) {
  return parts_->database->library().readDocument(document);
}

Result<std::vector<ContextSpan>> ReadingService::contextOf(base::SessionId session) {
  TRY_ASSIGN(const Corpus* corpus, parts_->corpusOf(session));
  engine::ContextBuilder builder = corpus->builder;
  TRY_ASSIGN(const auto said, messages(session));
  TRY(addTurns(builder, said));
  return contextSpans(builder.context(), corpus->text);
}

Result<SessionTokens> ReadingService::tokensOf(base::SessionId session) {
  TRY_ASSIGN(const Corpus* corpus, parts_->corpusOf(session));
  engine::ContextBuilder builder = corpus->builder;
  SessionTokens tokens;
  tokens.n_corpus = static_cast<std::int64_t>(builder.context().tokens.size());
  TRY_ASSIGN(const auto said, messages(session));
  TRY(addTurns(builder, said));
  tokens.tokens = builder.context().tokens;
  return tokens;
}

Result<std::filesystem::path> ReadingService::fileOf(base::SessionId session,
                                                     base::DocumentId document) {
  TRY_ASSIGN(const auto infos, documents(session));
  TRY_ASSIGN(const auto sources, parts_->database->library().sourcesOf(session));
  for (const storage::DocumentInfo& info : infos) {
    if (info.use.document != document) continue;
    for (const storage::Source& source : sources)
      if (source.id == info.use.source) return fileBelow(source.path, info.path);
  }
  return failure(ErrorCode::kNotFound, "the source of this document is not known any more");
}

Status ReadingService::remove(const std::string& name, std::stop_token stop) {
  TRY_ASSIGN(const storage::Session found, session(name));
  if (parts_->corpus && parts_->corpus->session == found.id) parts_->corpus.reset();
  TRY(parts_->engine.release(found.key, true, stop));
  return parts_->database->sessions().remove(found.id);
}

Status ReadingService::rename(const std::string& name, const std::string& title) {
  TRY_ASSIGN(const storage::Session found, session(name));
  return parts_->database->sessions().rename(found.id, found.name, title);
}

Result<StoredSessions> ReadingService::stored(std::stop_token stop) {
  StoredSessions stored;
  const std::filesystem::path& data = parts_->options.paths.data;
  stored.budget_bytes = snapshotBudget(data);
  if (!parts_->engine.running()) {
    if (!std::filesystem::exists(data / "snapshots.db")) return stored;
    const Status looked = lookAtBlocks(data, stored);
    if (looked) return stored;
    if (looked.error().code == ErrorCode::kCorrupt) {
      stored.unreadable =
          base::Error{ErrorCode::kCorrupt, "snapshots.db is damaged: " + looked.error().message,
                      "Nothing to do: it is set aside at the next question, and what was stored is "
                      "read again from the text."};
      return stored;
    }
    // Another engine on its way out, or a journal to roll back: a matter for the owner.
  }
  TRY_ASSIGN(stored.pins, parts_->engine.pins(stop));
  TRY_ASSIGN(stored.stats, parts_->engine.stats(stop));
  return stored;
}

ResumeForecast ReadingService::resumeForecast(const storage::Session& session,
                                              const StoredSessions& stored) {
  return app::resumeForecast(session, stored.pinOf(session),
                             SpeedRecord(parts_->options.paths.data));
}

Status ReadingService::setSnapshotBudget(std::int64_t n_bytes, std::stop_token stop) {
  const std::filesystem::path& data = parts_->options.paths.data;
  Settings settings = readSettings(data);
  settings.snapshot_bytes_max = n_bytes;
  TRY(writeSettings(data, settings));
  parts_->engine.setCacheBytesMax(snapshotBudget(data));
  return parts_->keepWithinBudget({}, stop);
}

Status ReadingService::keepWithinBudget(base::SessionId used, std::stop_token stop) {
  return parts_->keepWithinBudget(used, stop);
}

const ServiceOptions& ReadingService::options() const { return parts_->options; }

Result<std::shared_ptr<const engine::Tokenizer>> ReadingService::tokenizer() {
  return parts_->openTokenizer();
}

EngineClient& ReadingService::engine() { return parts_->engine; }
storage::SessionDatabase& ReadingService::database() { return *parts_->database; }

}  // namespace app
