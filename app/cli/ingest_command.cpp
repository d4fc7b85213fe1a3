// lectern ingest PATH... --session NAME: reads sources into a session. lectern ingest: reads all
// that is unfinished.
#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>

#include "app/answer_json.h"
#include "app/cli/command_line.h"
#include "app/cli/commands.h"
#include "app/cli/engine_flags.h"
#include "app/cli/ingest_report.h"
#include "app/cli/plan_flags.h"
#include "app/json_fields.h"
#include "engine/receipt_text.h"

namespace app {

using base::ErrorCode;
using base::failure;
using base::Result;
using engine::Json;

namespace {

struct Options {
  std::vector<std::string> paths;
  std::string session;
  bool later = false, dry_run = false;
  PlanChoices choices;
  OtherModel other_model = OtherModel::kRefuse;
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
              {"damage", damageJson(report.damage)},
              {"plan", planJson(report.plan)},
              {"receipt", receiptJson(report.plan.receipt)}};
}

Result<IngestReport> read(ReadingService& service, const IngestRequest& request,
                          const Invocation& invocation) {
  ProgressLine progress;
  auto report = service.ingest(request, showIngest(progress, stderr), invocation.stop);
  if (!report && report.error().code == ErrorCode::kCancelled)
    return failure(ErrorCode::kCancelled, "paused; what was read so far is kept",
                   "Run the same command again to go on from there, or `lectern ingest` alone to "
                   "go on with everything that is unfinished.");
  if (report)
    progress.finish("read " + countWords(report->n_prefilled) + " tokens in " +
                    durationWords(report->prefill_s) + ", " + countWords(report->n_reused) +
                    " were on disk already");
  return report;
}

void print(const std::string& session, const IngestReport& report) {
  printSkipped(stdout, report.plan.receipt);
  printDamage(stderr, report.damage);
  std::printf("session \"%s\" holds %s tokens; ask it with: lectern ask --session %s QUESTION\n",
              session.c_str(), countWords(report.n_context).c_str(), session.c_str());
}

const char* changeWord(ChangeReport::Change change) {
  switch (change) {
    case ChangeReport::Change::kChanged: return "changed";
    case ChangeReport::Change::kAdded: return "added";
    case ChangeReport::Change::kRemoved: return "removed";
  }
  return "changed";
}

Result<int> showChanges(ReadingService& service, const IngestRequest& request,
                        const Invocation& invocation) {
  ProgressLine progress;
  TRY_ASSIGN(const ChangeReport report,
             service.changes(request, showIngest(progress, stderr), invocation.stop));
  const std::int64_t n_read = report.n_context - report.n_kept;
  const double low = report.speed.secondsLow(n_read), high = report.speed.secondsHigh(n_read);
  if (invocation.json) {
    Json files = Json::array();
    for (const ChangeReport::File& file : report.files)
      files.push_back({{"path", file.path}, {"change", changeWord(file.change)}});
    printJson({{"session", request.session},
               {"changes", std::move(files)},
               {"context_tokens", report.n_context},
               {"kept_tokens", report.n_kept},
               {"read_tokens", n_read},
               {"seconds", {low, high}},
               {"seconds_measured", report.speed.measured}});
    return kDone;
  }
  progress.finish("");
  for (const ChangeReport::File& file : report.files)
    std::printf("%-8s %s\n", changeWord(file.change), engine::oneLine(file.path).c_str());
  if (n_read == 0 && report.files.empty()) {
    std::printf("nothing has changed\n");
    return kDone;
  }
  std::printf("keeps %s of %s tokens or more; reading the other %s takes %s%s\n",
              countWords(report.n_kept).c_str(), countWords(report.n_context).c_str(),
              countWords(n_read).c_str(), durationRange(low, high).c_str(),
              report.speed.measured ? "" : " (rough: not measured on this machine yet)");
  std::printf("nothing was read into the context: the same command without --dry-run does it\n");
  return kDone;
}

// Everything that was queued, paused or cut short. One that cannot be read does not hold up the
// others.
Result<int> finishAll(ReadingService& service, const Invocation& invocation) {
  TRY_ASSIGN(const auto names, service.unfinishedReadings());
  Json readings = Json::array();
  bool all_read = true;
  for (const std::string& name : names) {
    const auto report = read(service, {.session = name}, invocation);
    if (!report && report.error().code == ErrorCode::kCancelled)
      return tl::make_unexpected(report.error());
    all_read = all_read && report;
    if (report && !invocation.json) print(name, *report);
    if (!report && !invocation.json)
      std::fprintf(stderr, "lectern: session \"%s\": %s\n", name.c_str(),
                   report.error().message.c_str());
    readings.push_back(report ? reportJson(name, *report)
                              : Json{{"session", name}, {"error", errorToJson(report.error())}});
  }
  if (invocation.json)
    printJson({{"readings", std::move(readings)}});
  else if (names.empty())
    std::printf("nothing is unfinished: lectern ingest PATH --session NAME reads something\n");
  return all_read ? kDone : kAnswerIsNo;
}

Result<int> run(const Options& options, const Invocation& invocation) {
  if (options.session.empty() && (!options.paths.empty() || options.later || options.dry_run))
    return failure(ErrorCode::kInvalidInput, "no session is named",
                   "Say which one: lectern ingest PATH --session NAME");
  TRY_ASSIGN(const auto service, openService(invocation, options.engine));
  if (options.session.empty()) return finishAll(*service, invocation);
  IngestRequest request;
  request.session = options.session;
  request.choices = options.choices;
  request.other_model = options.other_model;
  request.paths.assign(options.paths.begin(), options.paths.end());
  if (options.dry_run) return showChanges(*service, request, invocation);
  if (options.later) {
    TRY(service->queue(request, invocation.stop));
    if (invocation.json)
      printJson({{"session", options.session}, {"queued", true}});
    else
      std::printf("queued: `lectern ingest` reads all that is unfinished\n");
    return kDone;
  }
  TRY_ASSIGN(const IngestReport report, read(*service, request, invocation));
  if (invocation.json)
    printJson(reportJson(options.session, report));
  else
    print(options.session, report);
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
  app.add_option("--session", options->session,
                 "Name of the session; none: everything that is unfinished, one after the other");
  auto* later = app.add_flag("--later", options->later, "Only queue it");
  app.add_flag("--dry-run", options->dry_run,
               "Only say what has changed since the session was read, and what reading it costs")
      ->excludes(later);
  addPlanFlags(app, options->choices);
  addReadAgainFlag(app, options->other_model);
  addEngineFlags(app, options->engine);
}

}  // namespace app
