// bench_stages.h: where the time of a measured pass went, and how much of the machine that is.
#pragma once

#include "engine/json.h"
#include "engine/machine_peak.h"
#include "engine/stage_times.h"

namespace app {

// {"products": {"s", "gflop_s", "flop_share", "weight_gb_s", "bandwidth_share"},
//  "rest": {"s"}, ..};
// speeds and shares only where a stage multiplies by weights.
engine::Json stagesJson(const engine::StageTimes& times, double total_s,
                        const engine::MachinePeak& machine);

// The same as a table; nothing when no time passed.
void printStages(const char* title, const engine::StageTimes& times, double total_s,
                 const engine::MachinePeak& machine);

}  // namespace app
