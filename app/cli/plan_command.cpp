// lectern plan --context N: what a context of that length needs, before anything is allocated.
#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>

#include "app/cli/command_line.h"
#include "app/cli/commands.h"
#include "app/cli/engine_flags.h"
#include "app/progress_line.h"

namespace app {

using base::Result;
using engine::Json;

namespace {

struct Options {
  std::int64_t n_context = 0;
  EngineFlags engine;
};

Json planJson(const engine::MemoryPlan& plan) {
  return Json{{"context", plan.n_context},
              {"context_max", plan.n_context_model},
              {"residency", engine::residencyName(plan.residency)},
              {"expert_slots", plan.n_slots},
              {"program_bytes", plan.program_bytes},
              {"weights_bytes", plan.weights_bytes},
              {"stream_bytes", plan.stream_bytes},
              {"kv_bytes", plan.kv_bytes},
              {"row_cache_bytes", plan.row_cache_bytes},
              {"selectable_bytes", plan.selectable_bytes},
              {"state_bytes", plan.state_bytes},
              {"checkpoint_bytes", plan.checkpoint_bytes},
              {"scratch_bytes", plan.scratch_bytes},
              {"total_bytes", plan.total_bytes},
              {"available_bytes", plan.available_bytes},
              {"kv_bytes_per_token", plan.kv_bytes_per_token},
              {"fits", plan.fits},
              {"context_fits", plan.n_context_fits},
              {"memory_fits_bytes", plan.memory_fits_bytes},
              {"advice", plan.advice}};
}

void print(const engine::MemoryPlan& plan) {
  const auto row = [](const std::string& purpose, std::int64_t bytes) {
    std::printf("%-26s %12s\n", purpose.c_str(), byteWords(bytes).c_str());
  };
  std::printf("%s tokens of context, %.0f bytes each\n", countWords(plan.n_context).c_str(),
              plan.kv_bytes_per_token);
  row("program", plan.program_bytes);
  row(std::string("weights, ") + engine::residencyName(plan.residency), plan.weights_bytes);
  if (plan.stream_bytes > 0)
    row("cache of " + countWords(plan.n_slots) + " experts", plan.stream_bytes);
  row("context, all of it in use", plan.kv_bytes);
  row("context, rows to select", plan.row_cache_bytes);
  if (plan.row_cache_bytes < plan.selectable_bytes)
    row("  of, the rest on the disk", plan.selectable_bytes);
  row("window and frontiers", plan.state_bytes);
  row("states to rewind to", plan.checkpoint_bytes);
  row("scratch", plan.scratch_bytes);
  row("together", plan.total_bytes);
  row("allowed", plan.available_bytes);
  std::printf("%s\n", plan.fits ? "fits" : plan.advice.c_str());
}

Result<int> run(const Options& options, const Invocation& invocation) {
  TRY_ASSIGN(const Paths paths, invocation.paths());
  TRY_ASSIGN(const engine::MemoryPlan plan,
             engine::Engine::planFor(paths.model, engineOptions(options.engine),
                                     options.n_context));
  if (invocation.json)
    printJson(planJson(plan));
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
