// stage_times.h: where the time of a pass goes, operation by operation.
//
// For benchmarks: a pass that reports here reads a clock around every operation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace engine {

enum class Stage {
  kEmbed,
  kHyperConnections,
  kNorms,
  kProducts,
  kRope,
  kCompress,
  kIndex,
  kAttention,
  kRoute,
  kExperts,
  kPack,
};
inline constexpr std::size_t kStageCount = 11;

constexpr std::string_view stageName(Stage stage) {
  constexpr std::string_view kNames[kStageCount] = {
      "embed", "hyper_connections", "norms", "products", "rope", "compress",
      "index", "attention",         "route", "experts",  "pack"};
  return kNames[static_cast<std::size_t>(stage)];
}

struct StageTime {
  double seconds = 0;
  double flops = 0;         // multiplications and additions of products; 0: not counted
  double weight_bytes = 0;  // of the checkpoint, once per call
};

struct StageTimes {
  std::array<StageTime, kStageCount> stages;
  StageTime& operator[](Stage stage) { return stages[static_cast<std::size_t>(stage)]; }
  const StageTime& operator[](Stage stage) const { return stages[static_cast<std::size_t>(stage)]; }
};

}  // namespace engine
