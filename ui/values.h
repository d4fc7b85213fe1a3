// values.h: what the window can show, as plain facts.
//
// Everything the pages draw arrives as one of these structs, filled by app/ from the engine, the
// readers and the databases; nothing in ui/ asks for more. Text that is addressed by byte ranges
// stays UTF-8 in std::string; words for people are QString.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <QDateTime>
#include <QImage>
#include <QString>

#include "engine/base/answer.h"
#include "engine/base/document.h"
#include "engine/base/result.h"

namespace ui {

// --- first run -------------------------------------------------------------------------------

struct MachineFact {
  bool ok = true;   // false: a remark, drawn in warn
  QString title;    // "8 cores, AVX2"
  QString detail;   // "enough for the included model"
};

struct WelcomeValue {
  std::vector<MachineFact> facts;
  QString model_name;            // "Lectern Mini, included"; empty: no model was found
  QString model_text;            // what it can and cannot do, one or two sentences
  std::int64_t model_bytes = 0;  // on disk; 0 = unknown
};

// --- engine, network, status bar ---------------------------------------------------------------

enum class EngineState {
  kNoModel, kLoading, kReady, kReading, kAnswering, kPaused, kRestarting, kStopped
};

// Figures <= 0 are unknown and not shown.
struct EngineValue {
  EngineState state = EngineState::kNoModel;
  QString model;                // "Lectern Mini"
  QString device;               // "2 CPU cores"
  double fraction = 0;          // 0..1 while loading
  std::int64_t n_context_max = 0;
  std::int64_t ram_bytes = 0, ram_total_bytes = 0;
  std::int64_t gpu_bytes = 0, gpu_total_bytes = 0;
  std::int64_t snapshot_bytes = 0;
  double read_tok_s = 0, answer_tok_s = 0;
};

// --- the context, token by token ---------------------------------------------------------------

enum class SegmentKind { kInstructions, kCode, kPdf, kConversation };

struct ContextSegment {
  QString path;            // file, or words such as "instructions"
  SegmentKind kind = SegmentKind::kCode;
  base::TokenRange tokens;
};

struct ContextValue {
  std::int64_t n_max = 0;   // the model's context
  std::int64_t n_used = 0;  // tokens in use or planned
  std::int64_t n_read = 0;  // evaluated so far; segments beyond it are drawn faint
  std::vector<ContextSegment> segments;
  bool reading = false;     // wording "n read of m planned"
};

// --- the plan before reading -------------------------------------------------------------------

// One file below the chosen folders. `path` begins with the source's name and is '/' separated.
struct PlanFile {
  QString path;
  base::DocumentKind kind = base::DocumentKind::kText;
  std::uint64_t bytes = 0;
  std::int64_t tokens = 0;   // in full; -1: not counted yet
  std::int64_t outline_tokens = -1, name_tokens = -1;
  base::DetailLevel level = base::DetailLevel::kFull;
  bool readable = true;      // false: cannot be ticked; `reason` says why
  bool checked = true;
  QString reason;            // "ignored", "binary", ...: as in base::ReceiptEntry::reason
  QString detail;            // one sentence
};

struct PlanValue {
  QString title;                   // name of the future session
  std::vector<PlanFile> files;
  std::int64_t n_context_max = 0;  // the model's context
  std::int64_t n_reserved = 0;     // tokens kept for instructions, receipt, questions, answers
  bool counting = false;           // token counts are still coming in
  // Forecast of the reading speed; both 0: unknown, no time is shown.
  double tok_s_low = 0, tok_s_high = 0;
  bool first_run = false;          // no earlier run on this machine: the text says "rough"
  double snapshot_bytes_per_token = 0;
};

// What the user chose of a plan: PlanFile::path of every ticked file, and of those that are not
// read in full.
struct PlanSelection {
  QStringList checked, outline, name_only;
};

// --- reading -----------------------------------------------------------------------------------

enum class FileState { kWaiting, kReading, kDone, kFailed, kSkipped };

struct ReadingFile {
  QString path;
  base::DocumentKind kind = base::DocumentKind::kText;
  std::int64_t tokens = 0;
  std::int64_t position = 0;   // first token in the context
  FileState state = FileState::kWaiting;
  double fraction = 0;         // of this file, while kReading
  double seconds = 0;          // measured when kDone, forecast when kWaiting; 0 = unknown
  QString note;                // "binary", "waiting for password"
};

enum class ReadingState { kReading, kPaused, kStopping, kDone, kFailed };

struct ReadingValue {
  QString title;                       // session name
  QString subtitle;                    // "gateway at 78a352f, then 1 PDF."
  ReadingState state = ReadingState::kReading;
  std::vector<ReadingFile> files;      // in reading order
  std::vector<base::ReceiptEntry> receipt;
  base::Progress progress;             // of this prefill
  std::int64_t n_reused = 0;           // tokens that were on disk before: percent counts them
  std::int64_t n_context = 0;          // tokens of the whole context
  std::int64_t n_context_max = 0;
  QDateTime safe_at;                   // when progress.n_safe last grew; invalid = unknown
  bool resumed = false;                // continued after an unexpected end
};

// One point of the speed chart.
struct SpeedPoint {
  std::int64_t position = 0;
  double tok_s = 0;
};

// A reading that was queued, paused or cut short.
struct QueuedReading {
  base::SessionId session;
  QString title;
  std::int64_t tokens_read = 0, tokens_to_read = 0;  // 0 of 0: not begun
  bool running = false;
  bool erases = true;                  // taking it off the list erases the session with it
};

// --- a session ---------------------------------------------------------------------------------

struct SourceFile {
  QString path;                 // begins with the source's name, '/' separated
  base::DocumentKind kind = base::DocumentKind::kText;
  std::int64_t tokens = 0;
  bool changed = false;         // the file on disk differs from what was read
};

// One question with its answer. `answer` is the text as generated, with <quote> markers and
// <none/>; citations point into it. A quote without a citation is shown as unverified.
struct MessageValue {
  base::MessageId id;           // of the answer
  base::MessageId question_id;
  std::string question;
  QDateTime asked_at;
  std::string thinking;
  double thinking_s = 0;
  int thinking_tokens = 0;
  std::string answer;
  std::vector<base::Citation> citations;
  std::optional<base::FinishReason> finish;  // empty: not answered (interrupted)
  base::Usage usage;
  QString model;                              // who answered, e.g. "Lectern Mini"
};

enum class SnapshotState { kSaved, kSaving, kNotSaved, kTextOnly };

struct SnapshotValue {
  SnapshotState state = SnapshotState::kTextOnly;
  QDateTime saved_at;
  std::int64_t bytes = 0;
  double fraction = 0;     // while saving
  double resume_s = 0;     // 0 = unknown
};

struct SessionValue {
  base::SessionId id;
  QString title;
  QString workspace;
  std::vector<SourceFile> sources;
  std::vector<MessageValue> messages;
  ContextValue context;
  SnapshotValue snapshot;
};

enum class ResumeFrom { kSnapshot, kReadAgain, kOtherModel, kDamaged };

struct SessionRow {
  base::SessionId id;
  QString title;
  QString workspace;
  int n_sources = 0;
  int n_questions = 0;
  std::int64_t tokens = 0;
  std::int64_t snapshot_bytes = 0;   // that no other session holds; 0: none
  ResumeFrom resume_from = ResumeFrom::kSnapshot;
  double resume_s = 0;               // 0 = unknown
  QDateTime last_used;
  bool pinned = false;
  bool unfinished = false;           // a reading waits to be gone on with
  std::int64_t tokens_read = 0, tokens_to_read = 0;  // of it; 0 of 0: not begun
  base::WorkspaceId workspace_id;
  int n_branches = 1;
  bool archived = false;
  std::int64_t logical_bytes = 0;    // of the snapshot, with what other sessions hold too
  bool resume_measured = false;      // on this machine, with this model; else a guess
  double resume_low_s = 0;           // 0: resume_s alone is known
};

// Which sessions are looked for, and where.
struct SessionSearch {
  QString words;
  base::WorkspaceId workspace;       // 0: all
  bool with_archived = false;
  bool operator==(const SessionSearch&) const = default;
};

// Where a word was found in what was said; the hits stand between U+2068 and U+2069.
enum class HitPlace { kTitle, kQuestion, kAnswer };

struct SearchHitValue {
  base::SessionId session;
  QString snippet;
  base::MessageId message;           // 0: the title
  HitPlace place = HitPlace::kTitle;
};

struct WorkspaceValue {
  base::WorkspaceId id;
  QString name;
};

// One question of the active branch with what was answered.
struct TurnValue {
  base::MessageId question;
  base::MessageId answer;            // 0: there is none
  QString words;                     // of the question
  std::int64_t tokens = 0;           // of both; 0 = unknown
};

// A branch, seen from the active one.
struct BranchValue {
  base::BranchId id;
  QString title;                     // may be empty
  int n_shared = 0;                  // turns it has in common with the active branch
  std::vector<TurnValue> turns;      // the others, its own
};

struct BranchesValue {
  base::SessionId session;
  std::int64_t source_tokens = 0;
  base::BranchId active;
  QString active_title;              // may be empty
  std::vector<TurnValue> turns;      // of the active branch
  std::vector<BranchValue> others;
};

// What snapshots cost on the disk. Every byte is counted in one of the four parts.
struct SpaceValue {
  std::int64_t budget_bytes = 0;
  std::int64_t pinned_bytes = 0;     // of pinned sessions alone: never given up
  std::int64_t own_bytes = 0;        // of one session each
  std::int64_t shared_bytes = 0;     // of several sessions
  std::int64_t cache_bytes = 0;      // of none: kept while there is room
  std::int64_t disk_free_bytes = -1; // -1 = unknown
  std::int64_t disk_needed_bytes = 0;  // below it no snapshot is written
  bool reserve = true;               // kept back so that text can be saved on a full disk

  std::int64_t used() const { return pinned_bytes + own_bytes + shared_bytes + cache_bytes; }
};

enum class ExportKind { kText, kWithSnapshot };

// An export or an import while it runs.
struct TransferValue {
  QString words;                     // "Exporting “gateway”"
  std::int64_t n_done = 0, n_total = 0;  // bytes; total 0: unknown
};

// How it ended.
struct TransferResult {
  QString words;                     // what is there now
  QString remark;                    // what was left or refused; may be empty
  base::SessionId session;           // that can be opened; 0: none
};

// --- viewers -----------------------------------------------------------------------------------

// A text document as it was read. Marks are ranges in `text`; the view lands on marks[current].
struct DocumentText {
  QString path;
  std::string text;                    // Document::text, UTF-8
  std::vector<base::ByteRange> marks;
  int current = 0;                     // index in marks; -1: none
  QString version;                     // "as read, 78a352f" or "on disk now"
};

// One rendered page. Boxes are PDF points; image pixels = points * scale.
struct PdfPage {
  QString path;
  int page = 1;                        // 1-based
  int n_pages = 1;
  QString label;                       // printed label; may be empty
  double width_pt = 0, height_pt = 0;
  QImage image;                        // null: a grey page of the right size is shown
  double scale = 1;                    // device pixels per point of `image`
  std::vector<base::Box> boxes;        // of the current quote, empty without one
};

// --- errors ------------------------------------------------------------------------------------

// Where in the window an error belongs.
enum class ErrorPlace { kWelcome, kPlan, kReading, kConversation, kViewer, kSessions };

struct ErrorValue {
  base::Error error;
  ErrorPlace place = ErrorPlace::kConversation;
  QString subject;    // the file or session it is about; may be empty
  QString figure;     // "3.2 GB needed, 1.4 GB free"; may be empty
};

}  // namespace ui
