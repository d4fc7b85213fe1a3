// lectern ingest PATH... --session NAME: reads sources into a session.
#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>

#include "app/answer_json.h"
#include "app/cli/command_line.h"
#include "app/cli/commands.h"
#include "app/cli/engine_flags.h"
#include "app/cli/ingest_report.h"

namespace app {

using base::ErrorCode;
using base::failure;
using base::Result;
using engine::Json;

namespace {

struct Options {
  std::vector<std::string> paths;
  std::string session;
  EngineFlags engine;
};

Json planJson(const IngestPlan& plan) {
  return Json{
      {"files", plan.n_files},
      {"read", plan.n_read},
      {"tokens", plan.n_tokens},
      {"context_max", plan.n_context_max},
      {"seconds", {plan.speed.secondsLow(plan.n_tokens), plan.speed.secondsHigh(plan.n_tokens)}},
      {"seconds_measured", plan.speed.measured},
      {"memory_bytes", plan.memory_bytes},
      {"snapshot_bytes", plan.snapshot_bytes}};
}

Json reportJson(const std::string& session, const IngestReport& report) {
  return Json{{"session", session},
              {"context_tokens", report.n_context},
              {"reused_tokens", report.n_reused},
              {"prefilled_tokens", report.n_prefilled},
              {"read_s", report.read_s},
              {"prefill_s", report.prefill_s},
              {"plan", planJson(report.plan)},
              {"receipt", receiptJson(report.plan.receipt)}};
}

Result<int> run(const Options& options, const Invocation& invocation) {
  TRY_ASSIGN(const auto service, openService(invocation, options.engine));
  ProgressLine progress;
  IngestRequest request;
  request.session = options.session;
  request.paths.assign(options.paths.begin(), options.paths.end());
  const auto report =
      service->ingest(request, showIngest(progress, stderr), invocation.stop);
  if (!report && report.error().code == ErrorCode::kCancelled)
    return failure(ErrorCode::kCancelled, "paused; what was read so far is kept",
                   "Run the same command again to go on from there.");
  if (!report) return tl::make_unexpected(report.error());
  progress.finish("read " + countWords(report->n_prefilled) + " tokens in " +
                  durationWords(report->prefill_s) + ", " + countWords(report->n_reused) +
                  " were on disk already");
  if (invocation.json) {
    printJson(reportJson(options.session, *report));
    return kDone;
  }
  printSkipped(stdout, report->plan.receipt);
  std::printf("session \"%s\" holds %s tokens; ask it with: lectern ask --session %s QUESTION\n",
              options.session.c_str(), countWords(report->n_context).c_str(),
              options.session.c_str());
  return kDone;
}

}  // namespace

void addIngestCommand(CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App& app =
      line.add("ingest", "Read folders and files into a session; run again to continue",
               [options](const Invocation& at) { return run(*options, at); });
  app.add_option("PATH", options->paths,
                 "All the session is made of; none: what it was made of, as it is now");
  app.add_option("--session", options->session, "Name of the session")->required();
  addEngineFlags(app, options->engine);
}

}  // namespace app
