// memory_plan.h: what a model and a context need, in bytes, before anything is allocated.
#pragma once

#include <cstdint>
#include <string>

#include "engine/model_config.h"
#include "engine/numerics.h"

namespace engine {

struct MemoryPlan {
  std::int64_t n_context = 0;
  std::int64_t weights_bytes = 0;   // mapped files that a pass touches
  std::int64_t kv_bytes = 0;        // whole blocks for n_context, and the tail block
  std::int64_t state_bytes = 0;     // window rows and compressor rows of one sequence
  std::int64_t scratch_bytes = 0;   // activations of one chunk
  std::int64_t total_bytes = 0;
  std::int64_t available_bytes = 0;  // memory this machine can give now
  double kv_bytes_per_token = 0;     // specification §14.4
  bool fits = false;
  std::int64_t n_context_fits = 0;   // largest context that would fit; 0: the weights alone do not
  std::string advice;                // one sentence when it does not fit
};

// KV bytes of one token, as stored: n_CSA·(row + key)/4 + n_HCA·row/ratio (specification §14.4).
double kvBytesPerToken(const ModelConfig& config, Numerics numerics);

MemoryPlan planMemory(const ModelConfig& config, Numerics numerics, std::int64_t weights_bytes,
                      std::int64_t n_context, std::int64_t available_bytes);

// MemAvailable of this machine; 0 when it cannot be read.
std::int64_t availableMemory();

}  // namespace engine
