#include "app/ingest_job.h"

#include <chrono>
#include <optional>

#include "app/document_reader.h"
#include "app/engine_restart.h"
#include "app/progress_line.h"
#include "app/session_text.h"
#include "app/speed_record.h"
#include "engine/base/log.h"
#include "storage/data_folder.h"

namespace app {

using base::ErrorCode;
using base::failure;
using base::Result;
using base::Status;

namespace {

// Tokens a question and its answer may need behind the documents.
constexpr std::int64_t kTurnTokens = 2048;
// How often the job's row follows the progress.
constexpr double kJobInterval_s = 1.0;

double secondsSince(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// One run of the job, with what its steps hand on to each other.
class IngestRun {
 public:
  IngestRun(ServiceParts& parts, const IngestRequest& request, const IngestEvents& events,
            std::stop_token stop)
      : parts_(parts), request_(request), events_(events), stop_(stop) {}

  Result<IngestReport> run() {
    TRY_ASSIGN(info_, withRestarts([&] { return parts_.engine.load(stop_); }, events_.on_restart));
    TRY(findSession());
    TRY(planAndRead());
    TRY(buildContext());
    TRY(announce());
    // Nothing is stored, and nothing of an earlier reading replaced, before it is known to fit.
    TRY(makeSession());
    TRY(storeDocuments());
    TRY(prefill());
    return std::move(report_);
  }

 private:
  storage::SessionStore& sessions() { return parts_.database->sessions(); }
  storage::LibraryStore& library() { return parts_.database->library(); }

  Status findSession() {
    auto known = sessions().byName(request_.session);
    if (known)
      session_ = *std::move(known);
    else if (known.error().code != ErrorCode::kNotFound)
      return tl::make_unexpected(known.error());
    return {};
  }

  Status makeSession() {
    if (session_.id) return sessions().setModel(session_.id, info_.model_name, info_.fingerprint);
    TRY_ASSIGN(session_, sessions().create({.name = request_.session,
                                            .title = "",
                                            .model_name = info_.model_name,
                                            .model_fingerprint = info_.fingerprint,
                                            .workspace = {}}));
    return {};
  }

  Status planAndRead() {
    const auto begin = std::chrono::steady_clock::now();
    if (!request_.plan.sources.empty()) {
      plan_ = request_.plan;
    } else {
      TRY_ASSIGN(const auto paths, sourcePaths());
      TRY_ASSIGN(plan_, planSources(paths, stop_));
    }
    const auto n_files = plan_.files.size();
    TRY_ASSIGN(read_, readFiles(
                          plan_, parts_.options.paths.reader_program,
                          [&](std::size_t n_done) {
                            if (events_.on_file) events_.on_file(n_done, n_files);
                          },
                          stop_));
    report_.read_s = secondsSince(begin);
    if (read_.documents.empty())
      return failure(ErrorCode::kInvalidInput, "nothing in the sources can be read",
                     "See `lectern files DIR` for the reasons, or add other files.");
    return {};
  }

  Result<std::vector<std::filesystem::path>> sourcePaths() {
    if (!request_.paths.empty()) return request_.paths;
    std::vector<std::filesystem::path> paths;
    if (session_.id) {
      TRY_ASSIGN(const auto sources, library().sourcesOf(session_.id));
      for (const storage::Source& source : sources) paths.emplace_back(source.path);
    }
    if (paths.empty())
      return failure(ErrorCode::kInvalidInput,
                     "session \"" + request_.session + "\" has no sources",
                     "Name the folders and files to read.");
    return paths;
  }

  Status buildContext() {
    text_.documents = std::move(read_.documents);
    text_.receipt = read_.receipt;
    TRY_ASSIGN(auto tokenizer, parts_.openTokenizer());
    TRY_ASSIGN(builder_, corpusContext(std::move(tokenizer), text_));
    return {};
  }

  Status storeDocuments() {
    std::vector<storage::Source> sources;
    for (const PlannedSource& source : plan_.sources)
      sources.push_back({.id = {},
                         .path = source.path.string(),
                         .kind = !source.folder              ? storage::SourceKind::kFile
                                 : source.revision.empty() ? storage::SourceKind::kFolder
                                                           : storage::SourceKind::kGit,
                         .revision = source.revision});
    TRY_ASSIGN(const auto source_ids, library().setSources(session_.id, sources));

    for (const base::Extracted& extracted : text_.documents) {
      if (stop_.stop_requested()) return failure(ErrorCode::kCancelled, "reading stopped");
      TRY_ASSIGN(const base::DocumentId id, library().addDocument(extracted, kReaderVersion));
      text_.ids.push_back(id);
    }
    const auto counts = documentTokens(builder_->context(), text_.documents.size());
    std::vector<storage::SessionDocument> uses;
    for (std::size_t i = 0; i < text_.ids.size(); ++i)
      uses.push_back({.document = text_.ids[i],
                      .source = source_ids[read_.sources[i]],
                      .n_tokens = counts[i]});
    TRY(library().setDocuments(session_.id, uses, text_.receipt));
    parts_.corpus = std::make_unique<Corpus>(
        Corpus{session_.id, std::move(text_), *std::move(builder_)});
    return {};
  }

  // The plan, before anything is paid for it.
  Status announce() {
    const engine::Context& context = builder_->context();
    IngestPlan& plan = report_.plan;
    plan.n_files = static_cast<std::int64_t>(plan_.files.size());
    plan.n_read = static_cast<std::int64_t>(text_.documents.size());
    plan.n_tokens = static_cast<std::int64_t>(context.tokens.size());
    plan.n_context_max = info_.context_max;
    plan.speed = SpeedRecord(parts_.options.paths.data).forecast(info_.fingerprint);
    plan.receipt = text_.receipt;
    plan.spans = contextSpans(context, text_);
    TRY(checkContextFits(plan.n_tokens + kTurnTokens, info_.context_max));
    TRY_ASSIGN(const EnginePlan memory,
               withRestarts([&] { return parts_.engine.plan(plan.n_tokens + kTurnTokens, stop_); },
                            events_.on_restart));
    plan.memory_bytes = memory.total_bytes;
    plan.snapshot_bytes = memory.snapshot_bytes;
    if (events_.on_plan) events_.on_plan(plan);
    TRY(checkDisk(plan));
    if (!memory.fits)
      return failure(ErrorCode::kOutOfMemory,
                     "the plan needs " + std::to_string(memory.total_bytes) + " bytes of memory, " +
                         std::to_string(memory.available_bytes) + " are free",
                     "Leave sources out or close other programs.");
    return {};
  }

  // What is read must be stored, or it was read in vain. A session that was read before has a part
  // of it on disk already; what is missing shows when it is written.
  Status checkDisk(const IngestPlan& plan) {
    if (session_.id) return {};
    TRY_ASSIGN(const std::int64_t free, storage::freeBytes(parts_.options.paths.data));
    const std::int64_t needed =
        plan.snapshot_bytes + storage::BlockDatabaseOptions{}.free_bytes_min;
    if (free >= needed) return {};
    return failure(ErrorCode::kDiskFull,
                   "storing what is read needs " + byteWords(needed) + " on the disk of " +
                       parts_.options.paths.data.string() + ", " + byteWords(free) + " are free",
                   "Make room, or choose another folder with --data DIR.");
  }

  Status prefill() {
    const engine::Context& context = parts_.corpus->builder.context();
    storage::Job job{.id = 0,
                     .session = session_.id,
                     .kind = storage::JobKind::kIngest,
                     .state = storage::JobState::kRunning,
                     .tokens_done = 0,
                     .tokens_total = static_cast<std::int64_t>(context.tokens.size()),
                     .error = ""};
    TRY_ASSIGN(job.id, sessions().addJob(job));
    auto saved = std::chrono::steady_clock::now();
    const auto on_progress = [&](const base::Progress& progress) {
      if (events_.on_progress) events_.on_progress(progress);
      job.tokens_done = progress.n_safe;
      if (secondsSince(saved) < kJobInterval_s) return;
      saved = std::chrono::steady_clock::now();
      (void)sessions().updateJob(job);  // the last update, below, is the one that counts
    };
    const auto synced =
        withRestarts([&] { return sync(context.tokens, on_progress); }, events_.on_restart);
    job.state = synced ? storage::JobState::kDone
                : synced.error().code == ErrorCode::kCancelled ? storage::JobState::kPaused
                                                                : storage::JobState::kFailed;
    if (!synced) job.error = synced.error().message;
    if (synced) job.tokens_done = job.tokens_total;
    TRY(sessions().updateJob(job));
    if (!synced) return tl::make_unexpected(synced.error());

    report_.session = session_.id;
    report_.n_context = synced->n_context;
    report_.n_reused = synced->n_reused;
    report_.n_prefilled = synced->n_prefilled;
    report_.prefill_s = synced->prefill_s;
    SpeedRecord(parts_.options.paths.data)
        .add(info_.fingerprint, synced->n_prefilled, synced->prefill_s);
    base::logInfo("app", "ingest done n_tokens=" + std::to_string(synced->n_context) +
                             " reused=" + std::to_string(synced->n_reused) +
                             " prefill_s=" + std::to_string(synced->prefill_s));
    TRY(sessions().setContextTokens(session_.id, synced->n_context));
    const Status within = parts_.keepWithinBudget(session_.id, {});
    if (!within) base::logWarn("app", "budget not kept: " + within.error().message);
    return {};
  }

  Result<SyncReply> sync(const std::vector<base::TokenId>& tokens,
                         const std::function<void(const base::Progress&)>& on_progress) {
    TRY_ASSIGN(const base::SequenceId sequence, parts_.liveSequence(stop_));
    return parts_.engine.sync(sequence, tokens, session_.key, on_progress, stop_);
  }

  ServiceParts& parts_;
  const IngestRequest& request_;
  const IngestEvents& events_;
  const std::stop_token stop_;

  EngineInfo info_;
  storage::Session session_;  // id 0: not made yet
  SourcePlan plan_;
  ReadFiles read_;
  SessionText text_;
  std::optional<engine::ContextBuilder> builder_;  // both move into ServiceParts::corpus
  IngestReport report_;
};

}  // namespace

Result<IngestReport> runIngest(ServiceParts& parts, const IngestRequest& request,
                               const IngestEvents& events, std::stop_token stop) {
  return IngestRun(parts, request, events, stop).run();
}

}  // namespace app
