#include "app/document_reader.h"

#include <algorithm>
#include <optional>
#include <system_error>

#include "app/detail_level.h"
#include "app/in_order.h"
#include "app/plan_choices.h"
#include "engine/context_builder.h"
#include "engine/receipt_text.h"
#include "ingest/file_kind.h"
#include "ingest/reader_client.h"
#include "ingest/secret_finder.h"
#include "ingest/source_walk.h"
#include "ingest/text_reader.h"

namespace app {

namespace fs = std::filesystem;
using base::ErrorCode;
using base::failure;
using base::Result;
using base::Status;

namespace {

// Documents read ahead of the one that is being taken.
constexpr std::size_t kAheadMax = 64;

Result<base::Extracted> readAny(const fs::path& file, const std::string& path,
                                base::DocumentKind kind, const fs::path& reader_program,
                                std::stop_token stop) {
  if (kind == base::DocumentKind::kPdf)
    return ingest::readPdf(reader_program, file, path, stop);
  // A text with such a name has another kind.
  if (kind == base::DocumentKind::kMarkdown && ingest::isOffice(file.native()))
    return ingest::readOffice(reader_program, file, path, stop);
  return ingest::readText(file, path, stop);
}

// A document, or why not.
struct Outcome {
  Result<base::Extracted> extracted;
  std::optional<ingest::Secret> secret;  // found in the whole text; the plan saw only its beginning
};

Outcome readOne(const fs::path& file, const base::ReceiptEntry& entry,
                const fs::path& reader_program, std::stop_token stop) {
  Outcome outcome{readAny(file, entry.path, entry.kind, reader_program, stop), std::nullopt};
  if (outcome.extracted && entry.reason != kSecretAllowed)
    outcome.secret = ingest::findSecret(entry.path.substr(entry.path.rfind('/') + 1),
                                        outcome.extracted->document.text);
  return outcome;
}

void markSecret(base::ReceiptEntry& entry, const ingest::Secret& secret) {
  entry.read = false;
  entry.reason = kSecret;
  entry.detail = ingest::secretSentence(secret);
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
    return file.entry.read && (file.entry.kind == base::DocumentKind::kPdf ||
                               ingest::isOffice(file.relative));
  });
  std::error_code error;
  if (!needed || fs::exists(reader_program, error)) return {};
  return failure(ErrorCode::kIo, "the program " + reader_program.string() + " is missing",
                 "Build or install Lectern again: PDFs and office documents are read by it.");
}

Result<std::int64_t> tokensOf(const engine::Tokenizer& tokenizer, const base::Document& document,
                              base::DetailLevel level) {
  TRY_ASSIGN(const engine::Context encoded, encodeAtLevel(tokenizer, document, level));
  return static_cast<std::int64_t>(encoded.tokens.size());
}

std::vector<std::size_t> wantedFiles(const SourcePlan& plan) {
  std::vector<std::size_t> wanted;
  for (std::size_t i = 0; i < plan.files.size(); ++i)
    if (plan.files[i].entry.read) wanted.push_back(i);
  return wanted;
}

}  // namespace

Result<ReadFiles> readFiles(const SourcePlan& plan, const fs::path& reader_program,
                            const std::function<void(std::size_t)>& on_progress,
                            std::stop_token stop) {
  TRY(requireReader(plan, reader_program));
  ReadFiles read;
  for (const PlannedFile& file : plan.files) read.receipt.push_back(file.entry);
  const std::vector<std::size_t> wanted = wantedFiles(plan);
  std::size_t n_done = plan.files.size() - wanted.size();
  TRY(inOrder(
      wanted.size(), kAheadMax,
      [&](std::size_t i, std::stop_token ended) {
        const PlannedFile& file = plan.files[wanted[i]];
        return readOne(file.file, file.entry, reader_program, ended);
      },
      [&](std::size_t i, Outcome&& outcome) -> Status {
        base::ReceiptEntry& entry = read.receipt[wanted[i]];
        if (!outcome.extracted) {
          markUnread(entry, outcome.extracted.error());
        } else if (outcome.secret) {
          markSecret(entry, *outcome.secret);
        } else {
          read.documents.push_back(*std::move(outcome.extracted));
          read.sources.push_back(plan.files[wanted[i]].source);
        }
        if (on_progress) on_progress(++n_done);
        return {};
      },
      stop));
  return read;
}

Status countTokens(SourcePlan& plan, std::shared_ptr<const engine::Tokenizer> tokenizer,
                   const fs::path& reader_program,
                   const std::function<void(std::size_t, std::size_t)>& on_file,
                   std::stop_token stop) {
  struct Counted {
    Outcome outcome;
    Result<std::int64_t> n_tokens = 0, n_outline = 0, n_name = 0;
  };
  TRY(requireReader(plan, reader_program));
  TRY_ASSIGN(auto builder, engine::ContextBuilder::create(tokenizer));
  plan.n_template = static_cast<std::int64_t>(builder.context().tokens.size());
  std::vector<engine::ReceiptNote> notes;
  const std::vector<std::size_t> wanted = wantedFiles(plan);
  const std::size_t n_files = plan.files.size();
  std::size_t n_done = n_files - wanted.size();
  TRY(inOrder(
      wanted.size(), kAheadMax,
      [&](std::size_t i, std::stop_token ended) {
        const PlannedFile& file = plan.files[wanted[i]];
        Counted counted{readOne(file.file, file.entry, reader_program, ended)};
        if (!counted.outcome.extracted || counted.outcome.secret) return counted;
        base::Document& document = counted.outcome.extracted->document;
        const base::DetailLevel level = file.entry.detailLevel();
        counted.n_tokens = tokensOf(*tokenizer, document, level);
        counted.n_outline = level == base::DetailLevel::kOutline
                                ? counted.n_tokens
                                : tokensOf(*tokenizer, document, base::DetailLevel::kOutline);
        counted.n_name = tokensOf(*tokenizer, document, base::DetailLevel::kNameOnly);
        document = {};  // the number is all that is wanted
        return counted;
      },
      [&](std::size_t i, Counted&& counted) -> Status {
        PlannedFile& file = plan.files[wanted[i]];
        Outcome& outcome = counted.outcome;
        if (!outcome.extracted) {
          markUnread(file.entry, outcome.extracted.error());
        } else if (outcome.secret) {
          markSecret(file.entry, *outcome.secret);
        } else {
          TRY_ASSIGN(file.n_tokens, counted.n_tokens);
          TRY_ASSIGN(file.n_outline, counted.n_outline);
          TRY_ASSIGN(file.n_name, counted.n_name);
          if (!outcome.extracted->diagnostics.empty())
            notes.push_back({file.entry.path, std::move(outcome.extracted->diagnostics)});
        }
        if (on_file) on_file(++n_done, n_files);
        return {};
      },
      stop));
  std::vector<base::ReceiptEntry> receipt;
  for (const PlannedFile& file : plan.files) receipt.push_back(file.entry);
  builder.addReceipt(engine::receiptText(receipt, notes));
  plan.n_receipt = static_cast<std::int64_t>(builder.context().tokens.size()) - plan.n_template;
  return {};
}

Result<ingest::PdfReading> readWholeFile(const fs::path& file, const fs::path& reader_program,
                                         std::stop_token stop, Secrets secrets,
                                         const ingest::PdfOptions& options) {
  std::error_code error;
  if (!fs::exists(file, error))
    return failure(ErrorCode::kNotFound, "there is no file at " + file.string(),
                   "Check the path.");
  TRY_ASSIGN(const ingest::WalkedFile walked, ingest::inspectFile(file));
  if (walked.reason == kSecret && secrets == Secrets::kLeaveOut)
    return failure(ErrorCode::kUnsupported,
                   file.string() + " is not read, it looks like a secret: " + walked.detail,
                   "Say --allow-secret if you want to read it all the same.");
  if (!walked.read && walked.reason != kSecret)
    return failure(ErrorCode::kUnsupported,
                   file.string() + " is not read: " +
                       (walked.detail.empty() ? walked.reason : walked.detail),
                   "Lectern reads text and PDF files.");
  if (walked.kind == base::DocumentKind::kPdf)
    return ingest::readWholePdf(reader_program, file, walked.relative, stop, {}, options);
  ingest::PdfReading reading;
  TRY_ASSIGN(reading.extracted, readAny(file, walked.relative, walked.kind, reader_program, stop));
  return reading;
}

Result<base::Extracted> readFile(const fs::path& file, const fs::path& reader_program,
                                 std::stop_token stop) {
  TRY_ASSIGN(ingest::PdfReading reading,
             readWholeFile(file, reader_program, stop, Secrets::kLeaveOut, {}));
  return std::move(reading.extracted);
}

}  // namespace app
