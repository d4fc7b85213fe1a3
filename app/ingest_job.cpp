#include "app/ingest_job.h"

#include <algorithm>
#include <algorithm>
#include <chrono>
#include <map>
#include <optional>

#include "app/document_reader.h"
#include "app/engine_restart.h"
#include "app/progress_line.h"
#include "app/session_text.h"
#include "app/speed_record.h"
#include "engine/base/log.h"
#include "engine/sequence.h"
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

bool isUnfinished(const storage::Job& job) {
  return job.state == storage::JobState::kQueued || job.state == storage::JobState::kRunning ||
         job.state == storage::JobState::kPaused;
}

std::vector<storage::Source> storedSources(const SourcePlan& plan) {
  std::vector<storage::Source> sources;
  for (const PlannedSource& source : plan.sources)
    sources.push_back({.id = {},
                       .path = source.path.string(),
                       .kind = !source.folder            ? storage::SourceKind::kFile
                               : source.revision.empty() ? storage::SourceKind::kFolder
                                                         : storage::SourceKind::kGit,
                       .revision = source.revision});
  return sources;
}

// What the user decided about a file, so that it holds again another time.
bool isChoice(const base::ReceiptEntry& entry) {
  if (!entry.read) return entry.reason == kLeftOut;
  return entry.reason == kSecretAllowed || entry.detailLevel() != base::DetailLevel::kFull;
}

std::vector<ChangeReport::File> changedFiles(const SessionText& before, const SessionText& after) {
  using Change = ChangeReport::Change;
  std::map<std::string, base::Hash128> old;
  for (const base::Extracted& extracted : before.documents)
    old[extracted.document.path] = extracted.document.content_hash;
  std::vector<ChangeReport::File> files;
  for (const base::Extracted& extracted : after.documents) {
    const base::Document& document = extracted.document;
    const auto known = old.find(document.path);
    if (known == old.end())
      files.push_back({document.path, Change::kAdded});
    else if (known->second != document.content_hash)
      files.push_back({document.path, Change::kChanged});
    if (known != old.end()) old.erase(known);
  }
  for (const auto& [path, hash] : old) files.push_back({path, Change::kRemoved});
  return files;
}

// One run of the job, with what its steps hand on to each other.
class IngestRun {
 public:
  IngestRun(ServiceParts& parts, const IngestRequest& request, const IngestEvents& events,
            std::stop_token stop)
      : parts_(parts), request_(request), events_(events), stop_(stop) {}

  Result<IngestReport> run() {
    const Status done = read();
    if (!done && session_.id) noteEnd(done.error());
    if (!done) return tl::make_unexpected(done.error());
    return std::move(report_);
  }

  Result<ChangeReport> look() {
    TRY_ASSIGN(session_, parts_.sessionNamed(request_.session));
    TRY(planAndRead());
    TRY(buildContext());
    TRY_ASSIGN(const Corpus* before, parts_.corpusOf(session_.id));
    ChangeReport report;
    report.files = changedFiles(before->text, text_);
    const auto &old = before->builder.context().tokens, &tokens = builder_->context().tokens;
    report.n_context = static_cast<std::int64_t>(tokens.size());
    const auto n_common =
        std::mismatch(tokens.begin(), tokens.end(), old.begin(), old.end()).first - tokens.begin();
    report.n_kept = engine::resumablePosition(n_common, static_cast<std::int64_t>(old.size()));
    report.speed =
        SpeedRecord(parts_.options.paths.data).forecast(session_.model_fingerprint);
    return report;
  }

 private:
  Status read() {
    TRY(findSession());
    TRY_ASSIGN(info_, withRestarts([&] { return parts_.engine.load(stop_); }, events_.on_restart));
    if (session_.id && request_.other_model == OtherModel::kRefuse)
      TRY(requireSameModel(session_, info_,
                           "lectern ingest --session " + session_.name + " --read-again"));
    TRY(planAndRead());
    TRY(buildContext());
    TRY(announce());
    // Nothing is stored, and nothing of an earlier reading replaced, before it is known to fit.
    TRY(makeSession());
    TRY(storeDocuments());
    return prefill();
  }

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
    if (session_.id)
      return sessions().setModel(session_.id, info_.model_name, info_.fingerprint, info_.identity);
    TRY_ASSIGN(session_, sessions().create({.name = request_.session,
                                            .title = "",
                                            .model_name = info_.model_name,
                                            .model_fingerprint = info_.fingerprint,
                                            .model_identity = info_.identity,
                                            .workspace = {}}));
    return {};
  }

  Status planAndRead() {
    const auto begin = std::chrono::steady_clock::now();
    if (!request_.plan.sources.empty()) {
      plan_ = request_.plan;
    } else {
      TRY_ASSIGN(const auto paths, sourcePaths());
      TRY_ASSIGN(plan_, planSources(paths, request_.choices, stop_));
      if (request_.paths.empty()) TRY(chooseAgain());
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

  // What the user left out stays out when the same reading goes on, what was allowed stays in, and
  // what was shortened stays short.
  Status chooseAgain() {
    TRY_ASSIGN(const auto receipt, library().receiptOf(session_.id));
    std::map<std::string, const base::ReceiptEntry*> chosen;
    for (const base::ReceiptEntry& entry : receipt)
      if (isChoice(entry)) chosen[entry.path] = &entry;
    for (PlannedFile& file : plan_.files) {
      const auto found = chosen.find(file.entry.path);
      if (found == chosen.end()) continue;
      const bool allowed = found->second->reason == kSecretAllowed;
      if (allowed ? file.entry.reason != kSecret : !file.entry.read) continue;
      file.entry.read = found->second->read;
      file.entry.reason = found->second->reason;
      file.entry.detail = found->second->detail;
    }
    return {};
  }

  Status buildContext() {
    text_.documents = std::move(read_.documents);
    text_.receipt = read_.receipt;
    TRY_ASSIGN(auto tokenizer, parts_.openTokenizer());
    TRY_ASSIGN(builder_, corpusContext(std::move(tokenizer), text_));
    return {};
  }

  Status storeDocuments() {
    TRY_ASSIGN(const auto source_ids, library().setSources(session_.id, storedSources(plan_)));

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
    TRY_ASSIGN(storage::Job job, ownJob(static_cast<std::int64_t>(context.tokens.size())));
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
    report_.damage =
        parts_.newDamage(std::min(session_.n_context_tokens, synced->n_context), synced->n_reused);
    TRY(sessions().setContextTokens(session_.id, synced->n_context));
    const Status within = parts_.keepWithinBudget(session_.id, {});
    if (!within) base::logWarn("app", "budget not kept: " + within.error().message);
    return {};
  }

  // The one that was queued or paused, or a new one.
  Result<storage::Job> ownJob(std::int64_t n_tokens) {
    TRY_ASSIGN(const auto last, sessions().lastJobOf(session_.id));
    storage::Job job{.id = 0,
                     .session = session_.id,
                     .kind = storage::JobKind::kIngest,
                     .state = storage::JobState::kRunning,
                     .tokens_done = 0,
                     .tokens_total = n_tokens,
                     .error = ""};
    if (last && isUnfinished(*last)) {
      job.id = last->id;
      TRY(sessions().updateJob(job));
    } else {
      TRY_ASSIGN(job.id, sessions().addJob(job));
    }
    return job;
  }

  // A job that could not even begin is told so; a stop leaves it where it was.
  void noteEnd(const base::Error& error) {
    const auto last = sessions().lastJobOf(session_.id);
    if (!last || !*last || !isUnfinished(**last)) return;
    storage::Job job = **last;
    const bool stopped = error.code == ErrorCode::kCancelled;
    if (stopped && job.state != storage::JobState::kRunning) return;
    job.state = stopped ? storage::JobState::kPaused : storage::JobState::kFailed;
    job.error = stopped ? "" : error.message;
    if (!sessions().updateJob(job)) base::logWarn("app", "the end of a reading was not noted");
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

Result<ChangeReport> lookForChanges(ServiceParts& parts, const IngestRequest& request,
                                    const IngestEvents& events, std::stop_token stop) {
  return IngestRun(parts, request, events, stop).look();
}

Status queueIngest(ServiceParts& parts, const IngestRequest& request, std::stop_token stop) {
  SourcePlan plan = request.plan;
  if (plan.sources.empty() && !request.paths.empty()) {
    TRY_ASSIGN(plan, planSources(request.paths, request.choices, stop));
  }
  storage::SessionDatabase& database = *parts.database;
  return database.asOneStep([&]() -> Status {
    auto session = database.sessions().byName(request.session);
    if (!session && session.error().code != ErrorCode::kNotFound)
      return tl::make_unexpected(session.error());
    if (!session && plan.sources.empty())
      return failure(ErrorCode::kInvalidInput,
                     "session \"" + request.session + "\" has no sources",
                     "Name the folders and files to read.");
    if (!session) {
      TRY_ASSIGN(session, database.sessions().create({.name = request.session,
                                                      .title = "",
                                                      .model_name = "",
                                                      .model_fingerprint = {},
                                                      .workspace = {}}));
      std::vector<base::ReceiptEntry> choices;
      for (const PlannedFile& file : plan.files)
        if (isChoice(file.entry)) choices.push_back(file.entry);
      TRY(database.library().setDocuments(session->id, {}, choices));
    }
    if (!plan.sources.empty())
      TRY(database.library().setSources(session->id, storedSources(plan)));
    TRY_ASSIGN(const auto last, database.sessions().lastJobOf(session->id));
    if (last && isUnfinished(*last)) return {};
    TRY(database.sessions().addJob({.id = 0, .session = session->id, .error = ""}));
    return {};
  });
}

}  // namespace app
