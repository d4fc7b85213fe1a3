// reading_service.h: the main job as calls: plan, read, ask, list, delete. The command line and the
// window both stand on it.
//
// Knows sessions, documents, the context and the engine process; nothing of Qt. Every call blocks
// and runs its callbacks on the calling thread. One thread owns the service from open() to the
// destructor (the window gives it a worker of its own); stop tokens may be triggered from any.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "app/engine_client.h"
#include "app/engine_restart.h"
#include "app/model_check.h"
#include "app/paths.h"
#include "app/plan_choices.h"
#include "app/source_plan.h"
#include "engine/base/answer.h"
#include "engine/base/document.h"
#include "engine/base/ids.h"
#include "engine/base/result.h"

namespace storage {
class SessionDatabase;
struct Session;
struct Message;
struct DocumentInfo;
struct SearchHit;
}  // namespace storage

namespace app {

struct StoredSessions;
struct ResumeForecast;

struct ServiceOptions {
  Paths paths;
  std::string backend = "cpu";
  std::string numerics = "official";
  int n_threads = 0;             // 0: one per core
  std::int64_t context_max = 0;  // 0: what the model and the memory allow
  std::int64_t memory_bytes = 0;  // of lectern-engine; 0: what the machine has to spare
};

// Reading speed of this machine with this model; a rough guess until something was measured.
struct SpeedForecast {
  double tok_s_low = 0, tok_s_high = 0;
  bool measured = false;
  double secondsLow(std::int64_t n_tokens) const;
  double secondsHigh(std::int64_t n_tokens) const;
};

// Where a document stands in the context of a session.
struct ContextSpan {
  std::string path;  // document; empty for the template, the receipt and messages
  base::DocumentKind kind = base::DocumentKind::kText;
  enum class Part { kTemplate, kReceipt, kDocument, kMessage } part = Part::kTemplate;
  base::TokenRange tokens;
};

// What is about to be read, once the documents are known.
struct IngestPlan {
  std::int64_t n_files = 0, n_read = 0;
  std::int64_t n_tokens = 0;       // of the whole context
  std::int64_t n_context_max = 0;  // of the model
  SpeedForecast speed;
  std::int64_t memory_bytes = 0, snapshot_bytes = 0;
  std::vector<base::ReceiptEntry> receipt;
  std::vector<ContextSpan> spans;
};

// What was found damaged in snapshots.db and given up meanwhile; it is told once.
struct SnapshotDamage {
  std::int64_t n_dropped = 0;     // stored parts
  bool file_replaced = false;     // or the whole file, which lies beside the new one
  std::int64_t n_read_again = 0;  // tokens that were stored and had to be read

  bool any() const { return n_dropped > 0 || file_replaced; }
};

struct IngestRequest {
  std::string session{};                       // name; made when it does not exist
  std::vector<std::filesystem::path> paths{};  // empty: the session's sources again
  PlanChoices choices{};                       // of what lies at the paths
  SourcePlan plan{};                           // instead of paths: a plan the user changed
  OtherModel other_model = OtherModel::kRefuse;
};

struct IngestEvents {
  std::function<void(std::size_t n_done, std::size_t n_files)> on_file;
  std::function<void(const IngestPlan&)> on_plan;         // before the prefill
  std::function<void(const base::Progress&)> on_progress;  // of the prefill
  OnRestart on_restart;  // the engine ended; the reading goes on in a fresh one
};

struct IngestReport {
  base::SessionId session;
  IngestPlan plan;
  std::int64_t n_context = 0, n_reused = 0, n_prefilled = 0;
  double read_s = 0, prefill_s = 0;
  SnapshotDamage damage;
};

// What an ingest of a session's sources would change, before it is paid for.
struct ChangeReport {
  enum class Change { kChanged, kAdded, kRemoved };
  struct File {
    std::string path;
    Change change = Change::kChanged;
  };
  std::vector<File> files;      // in the order of the new context; removed ones last
  std::int64_t n_context = 0;   // tokens of the new context
  std::int64_t n_kept = 0;      // of them at least, as far as their snapshot is still there
  SpeedForecast speed;          // of the others
};

struct SessionTokens {
  std::vector<base::TokenId> tokens;
  std::int64_t n_corpus = 0;  // of them: documents and receipt
};

struct AskRequest {
  std::string session;
  std::string question;
  // Asks behind this turn of the active branch, on a new branch that becomes the active one; 0:
  // before the first question, negative: turns counted from the end (-1: instead of the last one).
  std::optional<int> after_turn{};
  OtherModel other_model = OtherModel::kRefuse;
  engine::GenerateOptions generate;
};

struct AskEvents {
  std::function<void(const base::Progress&)> on_progress;  // of the prefill
  std::function<void(const base::AnswerDelta&)> on_delta;
  std::function<void(const base::Citation&)> on_citation;  // as soon as its quote is closed
  OnRestart on_restart;  // the engine ended; the answer begins again from its first word
};

struct Answer {
  base::MessageId message;
  std::string text;
  std::string reasoning;
  std::vector<base::Citation> citations;
  base::FinishReason finish = base::FinishReason::kEnd;
  base::Usage usage;
  SnapshotDamage damage;
};

class ReadingService {
 public:
  // Opens session.db; the engine starts when it is first needed. kBusy: another Lectern has this
  // data folder open. kMismatch: a newer one wrote it; kLook still opens it, and nothing is
  // written.
  enum class Access { kWork, kLook };
  static base::Result<std::unique_ptr<ReadingService>> open(const ServiceOptions& options,
                                                            Access access = Access::kWork);
  ~ReadingService();
  ReadingService(const ReadingService&) = delete;
  ReadingService& operator=(const ReadingService&) = delete;

  // What would be read, without reading it; with `count` every file is read and its tokens are
  // counted (on_file after each).
  base::Result<SourcePlan> plan(std::span<const std::filesystem::path> paths, bool count,
                                const std::function<void(std::size_t, std::size_t)>& on_file,
                                std::stop_token stop);
  base::Result<SpeedForecast> forecast();

  // Reads, stores, prefills. kCancelled leaves everything read so far on disk: call again to go on.
  // kTooLarge before any prefill when the context is longer than the model allows; kMismatch when
  // another model read the session.
  base::Result<IngestReport> ingest(const IngestRequest& request, const IngestEvents& events,
                                    std::stop_token stop);
  // What ingest() of the same request would change and cost; reads the sources, runs no model and
  // stores nothing. kNotFound without such a session.
  base::Result<ChangeReport> changes(const IngestRequest& request, const IngestEvents& events,
                                     std::stop_token stop);
  // Stores what is to be read and reads it another day, also after a restart: unfinishedReadings()
  // tells the sessions, ingest() with nothing but the session's name reads one.
  base::Status queue(const IngestRequest& request, std::stop_token stop);
  base::Result<std::vector<std::string>> unfinishedReadings();  // names; oldest first
  // Answers and saves. A stop during the answer is a result (FinishReason::kStopped); during the
  // prefill it is kCancelled. kInvalidInput when the session has no documents; kMismatch when
  // another model read it.
  base::Result<Answer> ask(const AskRequest& request, const AskEvents& events,
                           std::stop_token stop);

  base::Result<std::vector<storage::Session>> sessions();
  base::Result<storage::Session> session(const std::string& name);  // kNotFound
  base::Result<std::vector<storage::DocumentInfo>> documents(base::SessionId session);
  base::Result<std::vector<base::ReceiptEntry>> receipt(base::SessionId session);
  base::Result<std::vector<storage::Message>> messages(base::SessionId session);
  base::Result<base::Extracted> document(base::DocumentId document);
  base::Result<std::vector<ContextSpan>> contextOf(base::SessionId session);
  // What the model reads of the active branch before the next question.
  base::Result<SessionTokens> tokensOf(base::SessionId session);
  // Where the file of a document lies on disk now; kNotFound when its source is gone.
  base::Result<std::filesystem::path> fileOf(base::SessionId session, base::DocumentId document);
  // Text, messages and the KV blocks that only this session uses; blocks first, so that none stay
  // behind without a session.
  base::Status remove(const std::string& session, std::stop_token stop);
  base::Status rename(const std::string& session, const std::string& title);

  // What snapshots.db keeps. Asks the engine if it runs, else looks for itself.
  base::Result<StoredSessions> stored(std::stop_token stop);
  ResumeForecast resumeForecast(const storage::Session& session, const StoredSessions& stored);
  // Chooses how much snapshots.db may hold (0: the default) and gives up what is beyond it.
  base::Status setSnapshotBudget(std::int64_t n_bytes, std::stop_token stop);

  // Gives up snapshots until the budget is kept; the session just used stays.
  base::Status keepWithinBudget(base::SessionId used, std::stop_token stop);
  const ServiceOptions& options() const;
  // Null with an error when the model at hand has none.
  base::Result<std::shared_ptr<const engine::Tokenizer>> tokenizer();

  EngineClient& engine();
  storage::SessionDatabase& database();

 private:
  struct Parts;
  explicit ReadingService(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace app
