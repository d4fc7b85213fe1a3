#include "ingest/text_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include <unistd.h>

#include "ingest/encoding.h"
#include "ingest/file_kind.h"
#include "ingest/html_text.h"
#include "ingest/notebook_text.h"
#include "ingest/opened_file.h"
#include "ingest/source_walk.h"

namespace ingest {
namespace {

using base::Diagnostic;
using base::DocumentKind;
using base::ErrorCode;
using base::failure;
using base::Result;

constexpr std::size_t kStepBytes = std::size_t{1} << 20;

// The bytes of an opened file. One that grows meanwhile is read up to its old size only, then its
// change is noticed.
Result<std::string> readBytes(const OpenedFile& file, std::stop_token stop) {
  std::string bytes(file.size(), '\0');
  for (std::size_t n_done = 0; n_done < bytes.size();) {
    if (stop.stop_requested()) return failure(ErrorCode::kCancelled, "reading stopped");
    const std::size_t n_wanted = std::min(kStepBytes, bytes.size() - n_done);
    const ssize_t n = ::pread(file.descriptor(), bytes.data() + n_done, n_wanted,
                              static_cast<off_t>(n_done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      return failure(ErrorCode::kIo,
                     std::string("the file cannot be read: ") + std::strerror(errno));
    if (n == 0)
      return failure(ErrorCode::kIo, "the file became shorter while it was read",
                     "Read it again when nothing writes to it any more.");
    n_done += static_cast<std::size_t>(n);
  }
  TRY(file.unchanged());
  return bytes;
}

std::string places(std::int64_t n) { return std::to_string(n) + (n == 1 ? " place" : " places"); }

std::vector<Diagnostic> diagnose(const Encoding& encoding, const DecodedText& decoded) {
  std::vector<Diagnostic> diagnostics;
  const bool utf8 = encoding.name == "UTF-8";
  if (encoding.source == EncodingSource::kGuess)
    diagnostics.push_back({"encoding_guessed",
                           "The encoding is not stated; it was read as " + encoding.name + ".", 0});
  else if (!utf8)
    diagnostics.push_back({"encoding", "It was converted from " + encoding.name + ".", 0});

  std::string damage;
  if (decoded.n_replaced > 0)
    damage = "Bytes that are not " + encoding.name + " became U+FFFD in " +
             places(decoded.n_replaced) + ".";
  if (decoded.n_joined > 0)
    damage += std::string(damage.empty() ? "" : " ") +
              "Surrogates, which UTF-8 must not hold, were joined in " + places(decoded.n_joined) +
              ".";
  if (!damage.empty())
    diagnostics.push_back({utf8 ? "invalid_utf8" : "invalid_encoding", damage, 0});
  if (decoded.n_nul > 0)
    diagnostics.push_back({"nul_bytes", "NULs became U+FFFD in " + places(decoded.n_nul) + ".", 0});
  return diagnostics;
}

// Pages and notebooks become what a person reads of them.
void convertMarkup(base::Extracted& extracted) {
  base::Document& document = extracted.document;
  const std::string_view name =
      std::string_view(document.path).substr(document.path.rfind('/') + 1);
  const std::string_view head = std::string_view(document.text).substr(0, kHeadBytes);
  if (isHtmlPage(name, head)) {
    HtmlText page = htmlText(document.text);
    if (page.n_left_out > 0)
      extracted.diagnostics.push_back(
          {"scripts_left_out", "Scripts and styles of the page were left out.", 0});
    document.text = std::move(page.text);
    document.kind = DocumentKind::kMarkdown;
  } else if (isNotebook(name, head)) {
    auto notebook = notebookText(document.text);
    if (!notebook) return;  // damaged: shown as it is
    if (!notebook->lines_kept)
      extracted.diagnostics.push_back(
          {"lines_differ", "The lines are those of the cells, not those of the file.", 0});
    document.text = std::move(notebook->text);
    document.kind = DocumentKind::kMarkdown;
  }
}

DocumentKind textKind(const std::string& relative, std::string_view bytes) {
  const std::string_view name = std::string_view(relative).substr(relative.rfind('/') + 1);
  const DocumentKind kind = fileKind(name, bytes.substr(0, kHeadBytes));
  return kind == DocumentKind::kPdf ? DocumentKind::kText : kind;
}

}  // namespace

Result<base::Extracted> readText(const std::filesystem::path& file, const std::string& relative,
                                 std::stop_token stop) {
  TRY_ASSIGN(const auto opened, OpenedFile::open(file, kTextBytesMax));
  TRY_ASSIGN(const std::string bytes, readBytes(*opened, stop));
  const auto encoding = detectEncoding(bytes, Extent::kWhole);
  if (!encoding)
    return failure(ErrorCode::kUnsupported, "the file is binary: not text in any known encoding",
                   "Convert it to text or PDF, and add that.");
  TRY_ASSIGN(DecodedText decoded, decodeText(bytes, *encoding, stop));

  base::Extracted extracted;
  extracted.diagnostics = diagnose(*encoding, decoded);
  extracted.document = {.path = relative,
                        .kind = textKind(relative, bytes),
                        .content_hash = base::hashText(bytes),
                        .file_bytes = bytes.size(),
                        .text = std::move(decoded.text),
                        .pages = {},
                        .spans = {}};
  convertMarkup(extracted);
  return extracted;
}

}  // namespace ingest
