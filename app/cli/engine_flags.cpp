#include "app/cli/engine_flags.h"

#include <cstdio>

#include <CLI/CLI.hpp>

#include "app/byte_size.h"
#include "app/model_fault.h"
#include "engine/base/log.h"
#include "storage/session_database.h"

namespace app {

using base::ErrorCode;
using base::failure;
using base::Result;

void addEngineFlags(CLI::App& app, EngineFlags& flags) {
  app.add_option("--backend", flags.backend, "cpu, or reference (plain loops, slow)")
      ->check(CLI::IsMember({"cpu", "reference"}));
  app.add_option("--numerics", flags.numerics, "official rounding, or none")
      ->check(CLI::IsMember({"official", "none"}));
  app.add_option("--threads", flags.n_threads, "0: one per core")->check(CLI::Range(0, 1024));
  app.add_option("--context-max", flags.context_max,
                 "Tokens; 0: what the model and the memory allow")
      ->check(CLI::NonNegativeNumber);
  app.add_option_function<std::string>(
         "--memory",
         [&flags](const std::string& text) {
           const auto bytes = parseByteSize(text);
           if (!bytes) throw CLI::ValidationError("--memory", bytes.error().message);
           flags.memory_bytes = *bytes;
         },
         "Memory the model may use, as 4GiB; default: what this machine has to spare")
      ->type_name("BYTES");
}

void addReadAgainFlag(CLI::App& app, OtherModel& other_model) {
  app.add_flag_function(
      "--read-again", [&other_model](std::int64_t) { other_model = OtherModel::kReadAgain; },
      "If another model read the session: read it with this one, from now on");
}

engine::EngineOptions engineOptions(const EngineFlags& flags) {
  engine::EngineOptions options;
  options.backend = flags.backend == "reference" ? engine::BackendKind::kReference
                                                 : engine::BackendKind::kCpu;
  options.numerics = *engine::numericsFromName(flags.numerics);
  options.n_threads = flags.n_threads;
  options.context_max = flags.context_max;
  options.memory_bytes = flags.memory_bytes;
  options.super_chunk_tokens = flags.super_chunk_tokens;
  return options;
}

Result<std::unique_ptr<engine::Engine>> openEngine(const Invocation& invocation,
                                                   const EngineFlags& flags,
                                                   engine::StageTimes* stage_times) {
  TRY_ASSIGN(const Paths paths, invocation.paths());
  endOnModelFault();
  engine::EngineOptions options = engineOptions(flags);
  options.stage_times = stage_times;
  return engine::Engine::open(paths.model, options);
}

Result<ServiceOptions> serviceOptions(const Invocation& invocation, const EngineFlags& flags) {
  ServiceOptions options;
  TRY_ASSIGN(options.paths, invocation.paths());
  TRY(makeFolders(options.paths));
  // What goes wrong is said by the command itself; the log is for looking closer.
  base::startLog("lectern", base::LogLevel::kOff, options.paths.log / "lectern.log");
  options.backend = flags.backend;
  options.numerics = flags.numerics;
  options.n_threads = flags.n_threads;
  options.context_max = flags.context_max;
  options.memory_bytes = flags.memory_bytes;
  return options;
}

// A changed page is no reason to keep the user from what is whole.
static Result<std::unique_ptr<ReadingService>> sayWhatIsDamaged(
    Result<std::unique_ptr<ReadingService>> service) {
  const std::int64_t n_damaged = service ? (*service)->database().nDamagedPages() : 0;
  if (n_damaged > 0)
    std::fprintf(stderr,
                 "lectern: the disk changed %lld %s of session.db after being saved; titles and "
                 "quotes may be wrong. Copy the data folder, then restore a backup.\n",
                 static_cast<long long>(n_damaged), n_damaged == 1 ? "page" : "pages");
  return service;
}

Result<std::unique_ptr<ReadingService>> openService(const Invocation& invocation,
                                                    const EngineFlags& flags) {
  TRY_ASSIGN(const ServiceOptions options, serviceOptions(invocation, flags));
  return sayWhatIsDamaged(ReadingService::open(options));
}

Result<std::unique_ptr<ReadingService>> openServiceToLook(const Invocation& invocation) {
  TRY_ASSIGN(const ServiceOptions options, serviceOptions(invocation, {}));
  auto service = ReadingService::open(options);
  if (service || service.error().code != ErrorCode::kMismatch)
    return sayWhatIsDamaged(std::move(service));
  std::fprintf(stderr, "lectern: a newer Lectern wrote this data folder; it is opened read-only\n");
  return ReadingService::open(options, ReadingService::Access::kLook);
}

}  // namespace app
