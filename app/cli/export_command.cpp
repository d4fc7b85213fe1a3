// lectern export SESSION: a file that proves itself. lectern verify FILE: the proof, repeated.
#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>

#include "app/cli/command_line.h"
#include "app/cli/commands.h"
#include "app/cli/engine_flags.h"
#include "app/export_file.h"
#include "app/session_export.h"
#include "app/session_export_file.h"
#include "engine/receipt_text.h"

namespace app {

using base::ErrorCode;
using base::failure;
using base::Result;
using engine::Json;

namespace {

struct ExportOptions {
  std::string session, out;
  bool with_kv = false;
};

struct VerifyOptions {
  std::string file;
  bool leave_sources = false;
};

void sayChangedNames(std::int64_t n) {
  if (n > 0)
    std::fprintf(stderr,
                 "lectern: %lld names are shorter or plainer in the file than here: it takes %zu "
                 "bytes of text without control characters\n",
                 static_cast<long long>(n), kNameBytesMax);
}

Result<int> runExport(const ExportOptions& options, const Invocation& invocation) {
  if (options.with_kv && options.out.empty())
    return failure(ErrorCode::kInvalidInput, "KV goes into a file only",
                   "Name it: lectern export SESSION --with-kv --out FILE");
  TRY_ASSIGN(const auto service, openServiceToLook(invocation));
  if (options.out.empty()) {
    TRY_ASSIGN(const Json exported, exportSession(*service, options.session));
    sayChangedNames(changedNames(exported));
    printJson(exported);
    return kDone;
  }
  TRY_ASSIGN(
      const ExportReport written,
      exportToFile(*service,
                   {.session = options.session, .file = options.out, .with_kv = options.with_kv},
                   invocation.stop));
  sayChangedNames(written.n_changed_names);
  Json report{{"file", options.out}, {"changed_names", written.n_changed_names}};
  if (written.kv)
    report["kv"] = {{"blocks", written.kv->n_blocks},
                    {"bytes", written.kv->n_bytes},
                    {"tokens", written.kv->n_tokens}};
  if (invocation.json) printJson(report);
  else if (options.with_kv && report["kv"]["blocks"] == 0)
    std::printf("no KV of this session is stored: the file holds its text alone\n");
  return kDone;
}

void print(const VerifyReport& report, bool intact) {
  std::size_t n_verified = 0;
  for (const CheckedQuote& quote : report.quotes) {
    n_verified += quote.verified ? 1 : 0;
    std::printf("%-8s %s: \"%s\"%s%s (source: %s)\n", quote.verified ? "ok" : "NOT OK",
                engine::oneLine(quote.path).c_str(), engine::oneLine(quote.quote).c_str(),
                quote.reason.empty() ? "" : " - ", quote.reason.c_str(), quote.source.c_str());
  }
  std::printf("%zu of %zu quotes verified\n", n_verified, report.quotes.size());
  if (!intact) std::printf("the file is not as it was written: its seal does not hold\n");
}

Json reportJson(const VerifyReport& report, bool intact) {
  Json quotes = Json::array();
  for (const CheckedQuote& quote : report.quotes)
    quotes.push_back({{"quote", quote.quote},
                      {"path", quote.path},
                      {"verified", quote.verified},
                      {"reason", quote.reason},
                      {"source", quote.source}});
  return Json{
      {"verified", report.allVerified()}, {"seal_intact", intact}, {"quotes", std::move(quotes)}};
}

Result<int> runVerify(const VerifyOptions& options, const Invocation& invocation) {
  TRY_ASSIGN(const Paths paths, invocation.paths());
  TRY_ASSIGN(const ExportFile read, readExportFile(options.file));
  TRY_ASSIGN(const VerifyReport report,
             verifyExport(read.exported, options.leave_sources ? Sources::kLeave : Sources::kRead,
                          paths.reader_program, invocation.stop));
  if (invocation.json)
    printJson(reportJson(report, read.intact));
  else
    print(report, read.intact);
  return report.allVerified() ? kDone : kAnswerIsNo;
}

}  // namespace

void addExportCommand(CommandLine& line) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App& app = line.add("export", "Write a session with everything that proves its quotes",
                           [options](const Invocation& at) { return runExport(*options, at); });
  addSessionArgument(app, options->session);
  app.add_option("--out", options->out, "File to write; none: stdout");
  app.add_flag("--with-kv", options->with_kv,
               "Also what was stored of the reading, so that it need not be read again elsewhere");
}

void addVerifyCommand(CommandLine& line) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App& app = line.add("verify", "Check every quote of an export again, without a model",
                           [options](const Invocation& at) { return runVerify(*options, at); });
  app.add_option("FILE", options->file, "Written by `lectern export`")->required();
  app.add_flag("--no-sources", options->leave_sources,
               "Do not open the source files that the export names");
}

}  // namespace app
