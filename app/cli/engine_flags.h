// engine_flags.h: how the model is run, as flags of the commands that run it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "app/cli/command_line.h"
#include "app/reading_service.h"
#include "engine/base/result.h"
#include "engine/engine.h"

namespace app {

struct EngineFlags {
  std::string backend = "cpu";
  std::string numerics = "official";
  int n_threads = 0;
  std::int64_t context_max = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t super_chunk_tokens = 0;  // of benchmarks
};

void addEngineFlags(CLI::App& app, EngineFlags& flags);

engine::EngineOptions engineOptions(const EngineFlags& flags);
// In this process: for commands that look at the model itself. `stage_times`, unless null, must
// outlive the engine.
base::Result<std::unique_ptr<engine::Engine>> openEngine(const Invocation& invocation,
                                                         const EngineFlags& flags,
                                                         engine::StageTimes* stage_times = nullptr);
// What a service needs; makes the folders and starts the log.
base::Result<ServiceOptions> serviceOptions(const Invocation& invocation,
                                            const EngineFlags& flags);
// With session.db open and lectern-engine ready to be started.
base::Result<std::unique_ptr<ReadingService>> openService(const Invocation& invocation,
                                                          const EngineFlags& flags);
// For commands that only look: a data folder of a newer Lectern is opened read-only, and stderr
// says so.
base::Result<std::unique_ptr<ReadingService>> openServiceToLook(const Invocation& invocation);

// --read-again, of commands that go on with a session.
void addReadAgainFlag(CLI::App& app, OtherModel& other_model);

}  // namespace app
