// lectern plan --context N: what a context of that length needs, before anything is allocated.
#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>

#include "app/cli/command_line.h"
#include "app/cli/commands.h"
#include "app/cli/engine_flags.h"
#include "app/progress_line.h"

namespace app {

using base::ErrorCode;
using base::failure;
using base::Result;
using engine::Json;

namespace {

struct Options {
  std::int64_t n_context = 0;
  EngineFlags engine;
};

Json planJson(const engine::MemoryPlan& plan, std::int64_t context_max) {
  return Json{{"context", plan.n_context},
              {"context_max", context_max},
              {"weights_bytes", plan.weights_bytes},
              {"kv_bytes", plan.kv_bytes},
              {"state_bytes", plan.state_bytes},
              {"scratch_bytes", plan.scratch_bytes},
              {"total_bytes", plan.total_bytes},
              {"available_bytes", plan.available_bytes},
              {"kv_bytes_per_token", plan.kv_bytes_per_token},
              {"fits", plan.fits},
              {"context_fits", plan.n_context_fits},
              {"advice", plan.advice}};
}

void print(const engine::MemoryPlan& plan) {
  const auto row = [](const char* purpose, std::int64_t bytes) {
    std::printf("%-22s %12s\n", purpose, byteWords(bytes).c_str());
  };
  std::printf("%s tokens of context, %.0f bytes each\n", countWords(plan.n_context).c_str(),
              plan.kv_bytes_per_token);
  row("weights", plan.weights_bytes);
  row("context (KV)", plan.kv_bytes);
  row("window and frontiers", plan.state_bytes);
  row("scratch", plan.scratch_bytes);
  row("together", plan.total_bytes);
  row("free on this machine", plan.available_bytes);
  std::printf("%s\n", plan.fits ? "fits" : plan.advice.c_str());
}

Result<int> run(const Options& options, const Invocation& invocation) {
  TRY_ASSIGN(const auto engine, openEngine(invocation, options.engine));
  if (options.n_context > engine->contextMax())
    return failure(ErrorCode::kTooLarge,
                   "the model takes " + countWords(engine->contextMax()) + " tokens, not " +
                       countWords(options.n_context),
                   "Ask for a shorter context.");
  const engine::MemoryPlan plan = engine->plan(options.n_context);
  if (invocation.json)
    printJson(planJson(plan, engine->contextMax()));
  else
    print(plan);
  return kDone;
}

}  // namespace

void addPlanCommand(CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App& app = line.add("plan", "Show the memory a context needs",
                           [options](const Invocation& at) { return run(*options, at); });
  app.add_option("--context", options->n_context, "Tokens")->required()->check(CLI::PositiveNumber);
  addEngineFlags(app, options->engine);
}

}  // namespace app
