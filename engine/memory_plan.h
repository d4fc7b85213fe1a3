// memory_plan.h: what a model and a context need, in bytes, before anything is allocated, and
// where the weights go so that it fits.
//
// The plan counts memory that a run over the whole context has touched at its end: resident memory
// (RSS) of a process that holds one sequence. Experts that no token chose have touched less.
#pragma once

#include <cstdint>
#include <string>

#include "engine/model_config.h"
#include "engine/numerics.h"
#include "engine/weight_store.h"

namespace engine {

struct MemoryPlan {
  std::int64_t n_context = 0;
  std::int64_t n_context_model = 0;     // what the model takes at most
  Residency residency = Residency::kMapped;
  std::int64_t n_slots = 0;             // experts the cache holds
  std::int64_t n_super = 0;             // tokens that go through a layer before the next
  std::int64_t program_bytes = 0;       // code, libraries, and what lay there before the model
  std::int64_t weights_bytes = 0;       // mapped or read once, and vectors copied to float32
  std::int64_t stream_bytes = 0;        // expert cache and staging of streamed layers
  std::int64_t kv_bytes = 0;            // what every token looks at for n_context, and the tail block
  std::int64_t selectable_bytes = 0;    // rows of the other blocks, of which tokens select some
  std::int64_t row_cache_bytes = 0;     // of them in memory: all, or what there is room for
  std::int64_t state_bytes = 0;         // rows of one sequence outside blocks, and token ids
  std::int64_t checkpoint_bytes = 0;    // states kept for rewinding
  std::int64_t scratch_bytes = 0;       // activations of one pass, and of every thread
  std::int64_t total_bytes = 0;
  std::int64_t available_bytes = 0;     // memory allowed
  double kv_bytes_per_token = 0;        // specification §14.4
  bool fits = false;
  std::int64_t n_context_fits = 0;      // largest context that would fit; 0: none does
  std::int64_t memory_fits_bytes = 0;   // least memory in which n_context would fit
  std::string advice;                   // one sentence when it does not fit
};

// What a plan starts from.
struct PlanBasis {
  Numerics numerics = Numerics::kOfficial;
  int n_threads = 1;
  std::int64_t n_chunk = 256;     // rows of a pass
  std::int64_t n_super = 0;       // tokens of a super-chunk; 0: one block, more where it pays
  WeightSizes weights;
  std::int64_t program_bytes = 0;
  std::int64_t copied_bytes = 0;  // vectors in float32 and the directory of the tensors
  std::int64_t memory_bytes = 0;  // allowed
  // Selectable rows may be out of memory: there is a store they can be read from.
  bool pages_rows = false;
  std::int64_t row_cache_bytes_max = 0;  // of those in memory; 0: all of them
};

// KV bytes of one token, as stored: n_CSA·(row + key)/4 + n_HCA·row/ratio (specification §14.4).
double kvBytesPerToken(const ModelConfig& config, Numerics numerics);

// The first residency that fits, in the order of the enumeration; the leanest when none does.
MemoryPlan planMemory(const ModelConfig& config, const PlanBasis& basis, std::int64_t n_context);
// With the weights where they are.
MemoryPlan planPlaced(const ModelConfig& config, const PlanBasis& basis,
                      const WeightPlacement& placement, std::int64_t n_context);

// MemAvailable of this machine; 0 when it cannot be read.
std::int64_t availableMemory();
// What an engine takes when it is not told: the available memory less a reserve for the rest.
std::int64_t defaultMemory();
// Memory of this process now: all that is resident, and the part that belongs to no file.
struct ProcessMemory {
  std::int64_t resident = 0, anonymous = 0;
};
ProcessMemory processMemory();

}  // namespace engine
