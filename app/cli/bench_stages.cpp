#include "app/cli/bench_stages.h"

#include <algorithm>
#include <cstdio>
#include <string>

namespace app {

using engine::Json;
using engine::MachinePeak;
using engine::Stage;
using engine::StageTime;
using engine::StageTimes;

namespace {

bool hasSpeed(const StageTime& time) { return time.flops > 0 && time.seconds > 0; }

double knownSeconds(const StageTimes& times) {
  double seconds = 0;
  for (const StageTime& time : times.stages) seconds += time.seconds;
  return seconds;
}

}  // namespace

Json stagesJson(const StageTimes& times, double total_s, const MachinePeak& machine) {
  Json json = Json::object();
  for (std::size_t i = 0; i < engine::kStageCount; ++i) {
    const StageTime& time = times.stages[i];
    Json& stage = json[std::string(engine::stageName(static_cast<Stage>(i)))];
    stage = {{"s", time.seconds}};
    if (!hasSpeed(time)) continue;
    const double flops = time.flops / time.seconds, bytes = time.weight_bytes / time.seconds;
    stage["gflop_s"] = flops * 1e-9;
    stage["flop_share"] = flops / machine.flops;
    stage["weight_gb_s"] = bytes * 1e-9;
    stage["bandwidth_share"] = bytes / machine.read_bytes;
  }
  json["rest"] = {{"s", std::max(0.0, total_s - knownSeconds(times))}};
  return json;
}

void printStages(const char* title, const StageTimes& times, double total_s,
                 const MachinePeak& machine) {
  if (total_s <= 0) return;
  std::printf("%s\n", title);
  const auto row = [&](const std::string& name, double seconds) {
    std::printf("  %-18s %5.1f %%", name.c_str(), 100 * seconds / total_s);
  };
  for (std::size_t i = 0; i < engine::kStageCount; ++i) {
    const StageTime& time = times.stages[i];
    row(std::string(engine::stageName(static_cast<Stage>(i))), time.seconds);
    if (hasSpeed(time)) {
      const double flops = time.flops / time.seconds, bytes = time.weight_bytes / time.seconds;
      std::printf("  %7.1f GFLOP/s (%3.0f %%)  %6.2f GB/s of weights (%3.0f %%)", flops * 1e-9,
                  100 * flops / machine.flops, bytes * 1e-9, 100 * bytes / machine.read_bytes);
    }
    std::printf("\n");
  }
  row("rest", std::max(0.0, total_s - knownSeconds(times)));
  std::printf("\n");
}

}  // namespace app
