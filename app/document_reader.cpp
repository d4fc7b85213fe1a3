#include "app/document_reader.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <system_error>
#include <thread>

#include "app/session_text.h"
#include "engine/base/channel.h"
#include "engine/context_builder.h"
#include "ingest/reader_client.h"
#include "ingest/source_walk.h"
#include "ingest/text_reader.h"

namespace app {

namespace fs = std::filesystem;
using base::ErrorCode;
using base::failure;
using base::Result;
using base::Status;

namespace {

// Readers at work at once: PDFs are read in processes of their own, text is mostly disk.
constexpr std::size_t kReadersMax = 4;
// Documents read ahead of the one that is being taken.
constexpr std::size_t kAheadMax = 64;

Result<base::Extracted> readOne(const fs::path& file, const std::string& path,
                                base::DocumentKind kind, const fs::path& reader_program,
                                std::stop_token stop) {
  if (kind == base::DocumentKind::kPdf)
    return ingest::readPdf(reader_program, file, path, stop);
  return ingest::readText(file, path, stop);
}

// The word of the receipt for a file that should have been read.
std::string reasonOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kLocked: return "locked";
    case ErrorCode::kCorrupt: return "damaged";
    case ErrorCode::kTooLarge: return "too_large";
    case ErrorCode::kNotFound: return "vanished";
    case ErrorCode::kUnsupported: return "binary";
    default: return "unreadable";
  }
}

void markUnread(base::ReceiptEntry& entry, const base::Error& error) {
  entry.read = false;
  entry.reason = reasonOf(error.code);
  entry.detail = error.message;
}

Status requireReader(const SourcePlan& plan, const fs::path& reader_program) {
  const bool needed = std::any_of(plan.files.begin(), plan.files.end(), [](const auto& file) {
    return file.entry.read && file.entry.kind == base::DocumentKind::kPdf;
  });
  std::error_code error;
  if (!needed || fs::exists(reader_program, error)) return {};
  return failure(ErrorCode::kIo, "the program " + reader_program.string() + " is missing",
                 "Build or install Lectern again: PDFs are read by it.");
}

using TakeDocument = std::function<Status(std::size_t index, Result<base::Extracted>&& extracted)>;

// Reads the files of the plan on a few threads and hands them to `take` on this one, in any order.
Status readInParallel(const SourcePlan& plan, const fs::path& reader_program,
                      const TakeDocument& take, std::stop_token stop) {
  struct Read {
    std::size_t index = 0;
    Result<base::Extracted> extracted;
  };
  std::vector<std::size_t> wanted;
  for (std::size_t i = 0; i < plan.files.size(); ++i)
    if (plan.files[i].entry.read) wanted.push_back(i);

  base::Channel<Read> done(kAheadMax);
  std::stop_source end;  // of the workers: the caller's stop, or a failure here
  std::stop_callback on_stop(stop, [&end] { end.request_stop(); });
  std::atomic<std::size_t> next = 0;
  std::vector<std::jthread> readers;
  const std::size_t n_readers = std::min(
      {kReadersMax, wanted.size(), std::max<std::size_t>(1, std::thread::hardware_concurrency())});
  for (std::size_t i = 0; i < n_readers; ++i)
    readers.emplace_back([&] {
      const std::stop_token ended = end.get_token();
      for (std::size_t at = next++; at < wanted.size() && !ended.stop_requested(); at = next++) {
        const PlannedFile& file = plan.files[wanted[at]];
        auto extracted =
            readOne(file.file, file.entry.path, file.entry.kind, reader_program, ended);
        if (!done.send({wanted[at], std::move(extracted)}, ended)) return;
      }
    });

  Status status;
  for (std::size_t n = 0; n < wanted.size() && status; ++n) {
    auto read = done.receive(stop);
    if (!read || stop.stop_requested())
      status = failure(ErrorCode::kCancelled, "reading the files was stopped");
    else
      status = take(read->index, std::move(read->extracted));
  }
  end.request_stop();
  return status;
}

}  // namespace

Result<ReadFiles> readFiles(const SourcePlan& plan, const fs::path& reader_program,
                            const std::function<void(std::size_t)>& on_progress,
                            std::stop_token stop) {
  TRY(requireReader(plan, reader_program));
  ReadFiles read;
  for (const PlannedFile& file : plan.files) read.receipt.push_back(file.entry);
  std::vector<std::optional<base::Extracted>> documents(plan.files.size());
  std::size_t n_done = plan.files.size() - static_cast<std::size_t>(plan.readCount());
  TRY(readInParallel(
      plan, reader_program,
      [&](std::size_t index, Result<base::Extracted>&& extracted) -> Status {
        if (extracted)
          documents[index] = *std::move(extracted);
        else
          markUnread(read.receipt[index], extracted.error());
        if (on_progress) on_progress(++n_done);
        return {};
      },
      stop));
  for (std::size_t i = 0; i < documents.size(); ++i) {
    if (!documents[i]) continue;
    read.documents.push_back(*std::move(documents[i]));
    read.sources.push_back(plan.files[i].source);
  }
  return read;
}

Status countTokens(SourcePlan& plan, std::shared_ptr<const engine::Tokenizer> tokenizer,
                   const fs::path& reader_program,
                   const std::function<void(std::size_t, std::size_t)>& on_file,
                   std::stop_token stop) {
  TRY(requireReader(plan, reader_program));
  TRY_ASSIGN(const auto empty, engine::ContextBuilder::create(std::move(tokenizer)));
  const std::size_t n_files = plan.files.size();
  std::size_t n_done = n_files - static_cast<std::size_t>(plan.readCount());
  return readInParallel(
      plan, reader_program,
      [&](std::size_t index, Result<base::Extracted>&& extracted) -> Status {
        PlannedFile& file = plan.files[index];
        if (extracted) {
          engine::ContextBuilder builder = empty;
          TRY(builder.addDocument(extracted->document));
          file.n_tokens = documentTokens(builder.context(), 1)[0];
        } else {
          markUnread(file.entry, extracted.error());
        }
        if (on_file) on_file(++n_done, n_files);
        return {};
      },
      stop);
}

Result<base::Extracted> readFile(const fs::path& file, const fs::path& reader_program,
                                 std::stop_token stop) {
  std::error_code error;
  if (!fs::exists(file, error))
    return failure(ErrorCode::kNotFound, "there is no file at " + file.string(),
                   "Check the path.");
  TRY_ASSIGN(const ingest::WalkedFile walked, ingest::inspectFile(file));
  if (!walked.read)
    return failure(ErrorCode::kUnsupported,
                   file.string() + " is not read: " +
                       (walked.detail.empty() ? walked.reason : walked.detail),
                   "Lectern reads text and PDF files.");
  return readOne(file, walked.relative, walked.kind, reader_program, stop);
}

}  // namespace app
