// document_reader.h: planned files to documents: text in this process, PDFs in lectern-reader.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <vector>

#include "app/source_plan.h"
#include "engine/base/document.h"
#include "engine/base/result.h"
#include "engine/tokenizer.h"
#include "ingest/pdf_reading.h"

namespace app {

struct ReadFiles {
  std::vector<base::Extracted> documents;  // context order
  std::vector<std::size_t> sources;        // of each document: index in SourcePlan::sources
  std::vector<base::ReceiptEntry> receipt; // every file of the plan, read or not
};

// Reads what the plan says. A file that cannot be read does not stop the others: its receipt entry
// says why. kCancelled between files; kIo only when lectern-reader is missing.
base::Result<ReadFiles> readFiles(const SourcePlan& plan,
                                  const std::filesystem::path& reader_program,
                                  const std::function<void(std::size_t n_done)>& on_progress,
                                  std::stop_token stop);

// Reads every file of the plan to count its tokens as they will stand in the context, and those of
// the receipt: SourcePlan::contextTokens() is then what an ingest of the same files makes. A file
// that cannot be read is marked as such in the plan, with the reason. Errors as readFiles().
base::Status countTokens(SourcePlan& plan, std::shared_ptr<const engine::Tokenizer> tokenizer,
                         const std::filesystem::path& reader_program,
                         const std::function<void(std::size_t n_done, std::size_t n)>& on_file,
                         std::stop_token stop);

enum class Secrets { kLeaveOut, kRead };
// One file by itself. Errors are the reader's: kLocked, kCorrupt, kUnsupported (also what looks like
// a secret), kNotFound ...
base::Result<base::Extracted> readFile(const std::filesystem::path& file,
                                       const std::filesystem::path& reader_program,
                                       std::stop_token stop);
// The same with what is around the text of a PDF, and for a locked one with its password.
base::Result<ingest::PdfReading> readWholeFile(const std::filesystem::path& file,
                                               const std::filesystem::path& reader_program,
                                               std::stop_token stop, Secrets secrets,
                                               const ingest::PdfOptions& options);

}  // namespace app
