// lectern export SESSION: a file that proves itself. lectern verify FILE: the proof, repeated.
#include <cstdio>
#include <fstream>
#include <ostream>
#include <memory>
#include <sstream>

#include <CLI/CLI.hpp>

#include "app/cli/command_line.h"
#include "app/cli/commands.h"
#include "app/cli/engine_flags.h"
#include "app/json_fields.h"
#include "app/session_export.h"
#include "engine/base/replace_file.h"
#include "engine/receipt_text.h"

namespace app {

using base::ErrorCode;
using base::failure;
using base::Result;
using engine::Json;

namespace {

struct ExportOptions {
  std::string session, out;
};

struct VerifyOptions {
  std::string file;
  bool leave_sources = false;
};

Result<int> runExport(const ExportOptions& options, const Invocation& invocation) {
  TRY_ASSIGN(const auto service, openServiceToLook(invocation));
  TRY_ASSIGN(const Json exported, exportSession(*service, options.session));
  if (options.out.empty()) {
    printJson(exported);
    return kDone;
  }
  TRY(base::replaceFile(options.out, [&](std::ostream& out) { out << dumpJson(exported) << "\n"; }));
  if (invocation.json) printJson({{"file", options.out}});
  return kDone;
}

void print(const VerifyReport& report) {
  std::size_t n_verified = 0;
  for (const CheckedQuote& quote : report.quotes) {
    n_verified += quote.verified ? 1 : 0;
    std::printf("%-8s %s: \"%s\"%s%s (source: %s)\n", quote.verified ? "ok" : "NOT OK",
                engine::oneLine(quote.path).c_str(), engine::oneLine(quote.quote).c_str(),
                quote.reason.empty() ? "" : " - ", quote.reason.c_str(), quote.source.c_str());
  }
  std::printf("%zu of %zu quotes verified\n", n_verified, report.quotes.size());
}

Json reportJson(const VerifyReport& report) {
  Json quotes = Json::array();
  for (const CheckedQuote& quote : report.quotes)
    quotes.push_back({{"quote", quote.quote},
                      {"path", quote.path},
                      {"verified", quote.verified},
                      {"reason", quote.reason},
                      {"source", quote.source}});
  return Json{{"verified", report.allVerified()}, {"quotes", std::move(quotes)}};
}

Result<int> runVerify(const VerifyOptions& options, const Invocation& invocation) {
  TRY_ASSIGN(const Paths paths, invocation.paths());
  std::ifstream in(options.file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return failure(ErrorCode::kNotFound, "cannot read " + options.file, "Check the path.");
  TRY_ASSIGN(const Json exported, engine::parseJson(text.str(), options.file));
  TRY_ASSIGN(const VerifyReport report,
             verifyExport(exported, options.leave_sources ? Sources::kLeave : Sources::kRead,
                          paths.reader_program, invocation.stop));
  if (invocation.json)
    printJson(reportJson(report));
  else
    print(report);
  return report.allVerified() ? kDone : kAnswerIsNo;
}

}  // namespace

void addExportCommand(CommandLine& line) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App& app = line.add("export", "Write a session with everything that proves its quotes",
                           [options](const Invocation& at) { return runExport(*options, at); });
  app.add_option("SESSION,--session", options->session, "Name of the session")->required();
  app.add_option("--out", options->out, "File to write; none: stdout");
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
