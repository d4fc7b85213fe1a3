#include "engine/memory_plan.h"

#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <initializer_list>
#include <string>

#include "engine/forward.h"
#include "engine/kv_layout.h"
#include "engine/sequence.h"
#include "engine/sequence_state.h"

namespace engine {
namespace {

// Of the memory allowed, left free: what a plan may be off.
constexpr double kSlack = 0.03;
constexpr std::int64_t kReserveBytes = std::int64_t{512} << 20;

constexpr std::int64_t kFloat = sizeof(float);
// Longer super-chunks than this read so little a second that nothing is won.
constexpr std::int64_t kMostSuperTokens = 131072;
// Stack, tiles of weights and queries of one thread, measured.
constexpr std::int64_t kThreadBytes = 1 << 20;

// With fewer of the selectable rows in memory than this most tokens would wait for the disk.
constexpr std::int64_t kLeastRowShare = 8;

std::int64_t kvBytes(const KvLayout& layout, std::int64_t n_context) {
  return n_context / kBlockTokens * layout.head_bytes + layout.block_bytes;
}

std::int64_t selectableBytes(const KvLayout& layout, std::int64_t n_context) {
  return n_context / kBlockTokens * (layout.block_bytes - layout.head_bytes);
}

// What one query selects, and a share of all.
std::int64_t leastRowCache(const ModelConfig& c, const KvLayout& layout, std::int64_t n_context) {
  const std::int64_t all = selectableBytes(layout, n_context);
  return std::min(all, std::max(c.index_topk * layout.page_bytes, all / kLeastRowShare));
}

// What blocks hold beside their rows: the rest of their last page and the ids of their tokens,
// which whoever asked for them holds too.
std::int64_t besideRowsBytes(const KvLayout& layout, std::int64_t n_context) {
  constexpr std::int64_t kPage = 4096, kIds = 2 * sizeof(base::TokenId);
  const std::int64_t unused = kPage - layout.block_bytes % kPage;
  return (n_context / kBlockTokens + 1) * unused + n_context * kIds;
}

std::int64_t maximum(std::initializer_list<std::int64_t> values) { return std::max(values); }

// Rows of every layer that one sequence holds beside its blocks, `n` more than it needs at the end
// of a block: with overlap those of the compressed row before.
std::int64_t rowBytes(const KvLayout& layout, std::int64_t n) {
  std::int64_t bytes = 0;
  for (const LayerKvLayout& layer : layout.layers) {
    bytes += (layout.window + n) * layout.row.rowBytes();
    const std::int64_t n_open = layer.overlap ? layer.ratio : 0;
    bytes += (n_open + n) * 2 * (layer.compressor_width + layer.index_width) * kFloat;
  }
  return bytes;
}

// Streams of one token between two layers of a super-chunk.
std::int64_t streamBytes(const ModelConfig& c, Numerics numerics) {
  return c.hc_streams * c.hidden * (numerics == Numerics::kOfficial ? 2 : kFloat);
}

std::int64_t superTokens(const PlanBasis& basis) {
  return basis.n_super > 0 ? basis.n_super : kBlockTokens;
}

// Rows in use and those of the pass that runs; while a super-chunk of several passes runs, also as
// the one before left them, to go back to.
std::int64_t stateBytes(const KvLayout& layout, const PlanBasis& basis, std::int64_t n_context) {
  const std::int64_t n = std::max(kSpareWindowRows, std::min(basis.n_chunk, n_context));
  const std::int64_t running = rowBytes(layout, n);
  const std::int64_t n_super = superTokens(basis);
  const bool goes_back = n_super > basis.n_chunk && n_context > n_super + basis.n_chunk;
  return goes_back ? 2 * running : running;
}

std::int64_t checkpointBytes(const ModelConfig& c, const KvLayout& layout,
                             std::int64_t n_context) {
  const auto n = std::min<std::int64_t>(kMostCheckpoints, n_context / kBlockTokens + 1);
  return n * (rowBytes(layout, 0) + c.vocab * kFloat);
}

// What Forward and the kernels below it keep between passes, for passes of n rows.
std::int64_t passBytes(const ModelConfig& c, const KvLayout& layout, std::int64_t n,
                       std::int64_t n_context) {
  const std::int64_t streams = (c.hc_streams + 3) * c.hidden + c.hc_streams * (c.hc_streams + 1);
  const std::int64_t attention = c.q_lora_rank + c.n_heads * c.head_dim + c.head_dim +
                                 c.o_groups * c.o_lora_rank + 2 * c.rope_dim;
  const std::int64_t indexer =
      n_context / 4 <= c.index_topk  // nothing to choose from
          ? c.index_topk
          : c.index_heads * (c.index_dim + 1 + layout.key.rowBytes() / kFloat) + c.index_topk;
  const std::int64_t router = c.n_experts + 3 * c.top_k;
  const std::int64_t experts = 4 * c.hidden + 3 * c.expert_inter;
  std::int64_t compressor = 0;
  for (const LayerKvLayout& layer : layout.layers)
    compressor = maximum({compressor, 2 * layer.compressor_width, 2 * layer.index_width});
  const std::int64_t quantized =
      maximum({c.hidden, c.o_groups * c.o_lora_rank, c.q_lora_rank, c.expert_inter});
  return n * kFloat *
         (streams + attention + compressor + indexer + router + experts + quantized);
}

std::int64_t scratchBytes(const ModelConfig& c, const KvLayout& layout, const PlanBasis& basis,
                          std::int64_t n_context) {
  const std::int64_t n = std::min(basis.n_chunk, n_context);
  const std::int64_t n_super = std::min(superTokens(basis), n_context);
  const std::int64_t kept = n_super > n ? n_super * streamBytes(c, basis.numerics) : 0;
  return passBytes(c, layout, n, n_context) + kept + 2 * c.vocab * kFloat +
         basis.n_threads * kThreadBytes;
}

// Everything but the weights' place.
MemoryPlan planOf(const ModelConfig& config, const PlanBasis& basis, std::int64_t n_context) {
  const KvLayout layout(config, basis.numerics);
  MemoryPlan plan;
  plan.n_context = n_context;
  plan.n_context_model = config.context_max;
  plan.program_bytes = basis.program_bytes;
  plan.kv_bytes = kvBytes(layout, n_context);
  plan.selectable_bytes = plan.row_cache_bytes = selectableBytes(layout, n_context);
  if (basis.row_cache_bytes_max > 0)
    plan.row_cache_bytes = std::min(plan.row_cache_bytes, basis.row_cache_bytes_max);
  plan.n_super = superTokens(basis);
  plan.state_bytes = stateBytes(layout, basis, n_context) + besideRowsBytes(layout, n_context);
  plan.checkpoint_bytes = checkpointBytes(config, layout, n_context);
  plan.scratch_bytes = scratchBytes(config, layout, basis, n_context);
  plan.available_bytes = basis.memory_bytes;
  plan.kv_bytes_per_token = kvBytesPerToken(config, basis.numerics);
  return plan;
}

void add(const PlanBasis& basis, const WeightPlacement& placement, MemoryPlan& plan) {
  const WeightSizes& w = basis.weights;
  plan.residency = placement.residency;
  plan.n_slots = placement.n_slots;
  plan.weights_bytes = basis.copied_bytes;
  if (placement.residency == Residency::kMapped) plan.weights_bytes += w.mapped;
  if (placement.residency == Residency::kStreamedExperts) plan.weights_bytes += w.dense;
  plan.stream_bytes = placement.n_slots * w.slot;
  if (placement.residency == Residency::kStreamedLayers) plan.stream_bytes += w.stages;
  plan.total_bytes = plan.program_bytes + plan.weights_bytes + plan.stream_bytes + plan.kv_bytes +
                     plan.row_cache_bytes + plan.state_bytes + plan.checkpoint_bytes +
                     plan.scratch_bytes;
}

std::int64_t usable(std::int64_t memory) {
  return memory - static_cast<std::int64_t>(kSlack * static_cast<double>(memory));
}

// Of the program itself, which comes first, not of the libraries.
int touchCode(dl_phdr_info* info, std::size_t, void*) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& part = info->dlpi_phdr[i];
    if (part.p_type != PT_LOAD || (part.p_flags & PF_X) == 0) continue;
    const std::uintptr_t begin = (info->dlpi_addr + part.p_vaddr) / page * page;
    const std::uintptr_t end = info->dlpi_addr + part.p_vaddr + part.p_memsz;
    ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_POPULATE_READ);
  }
  return 1;
}

std::string mebibytes(std::int64_t bytes) {
  return std::to_string((bytes + (1 << 20) - 1) >> 20) + "MiB";
}

}  // namespace

double kvBytesPerToken(const ModelConfig& config, Numerics numerics) {
  return static_cast<double>(KvLayout(config, numerics).block_bytes) / kBlockTokens;
}

MemoryPlan planPlaced(const ModelConfig& config, const PlanBasis& basis,
                      const WeightPlacement& placement, std::int64_t n_context) {
  const KvLayout layout(config, basis.numerics);
  // Bytes of rows that could stay out of memory.
  const auto spareRows = [&](const MemoryPlan& plan) {
    const std::int64_t least = leastRowCache(config, layout, plan.n_context);
    return basis.pages_rows ? std::max<std::int64_t>(0, plan.row_cache_bytes - least) : 0;
  };
  const auto planFor = [&](std::int64_t n) {
    MemoryPlan plan = planOf(config, basis, n);
    add(basis, placement, plan);
    const std::int64_t excess = plan.total_bytes - usable(basis.memory_bytes);
    plan.fits = excess <= spareRows(plan);
    if (plan.fits && excess > 0) {
      plan.row_cache_bytes -= excess;
      plan.total_bytes -= excess;
    }
    return plan;
  };
  MemoryPlan plan = planFor(n_context);
  const std::int64_t least_bytes = plan.total_bytes - spareRows(plan);
  plan.memory_fits_bytes =
      static_cast<std::int64_t>(static_cast<double>(least_bytes) / (1 - kSlack)) + 1;
  std::int64_t low = 0, high = config.context_max;  // largest n that fits
  while (low < high) {
    const std::int64_t middle = low + (high - low + 1) / 2;
    if (planFor(middle).fits) low = middle;
    else high = middle - 1;
  }
  plan.n_context_fits = planFor(low).fits ? low : 0;
  if (plan.fits) return plan;
  const std::string needed = "--memory " + mebibytes(plan.memory_fits_bytes);
  plan.advice = plan.n_context_fits > 0
                    ? "A context of " + std::to_string(plan.n_context_fits) +
                          " tokens would fit; this one needs " + needed + "."
                    : "No context fits; this one needs " + needed + ".";
  return plan;
}

MemoryPlan planMemory(const ModelConfig& config, const PlanBasis& basis, std::int64_t n_context) {
  const WeightSizes& w = basis.weights;
  const MemoryPlan mapped = planPlaced(config, basis, {}, n_context);
  if (mapped.fits) return mapped;
  MemoryPlan streamed;
  for (const Residency residency : {Residency::kStreamedExperts, Residency::kStreamedLayers}) {
    WeightPlacement placement{residency, w.n_slots_min};
    streamed = planPlaced(config, basis, placement, n_context);
    if (!streamed.fits) continue;
    // What is left goes to the experts of one layer, so that a super-chunk reads them once; of the
    // rest half to a longer super-chunk, which is read for less often, and half to the cache.
    PlanBasis chosen = basis;
    std::int64_t left = usable(basis.memory_bytes) - streamed.total_bytes;
    if (basis.n_super == 0) {
      const std::int64_t one_layer = std::max<std::int64_t>(0, config.n_experts - w.n_slots_min);
      const std::int64_t spare = left - std::min(left / 2, one_layer * w.slot);
      const std::int64_t n_more = spare / 2 / streamBytes(config, basis.numerics) / kBlockTokens;
      chosen.n_super = std::min((1 + n_more) * kBlockTokens, kMostSuperTokens);
      left = usable(basis.memory_bytes) -
             planPlaced(config, chosen, placement, n_context).total_bytes;
    }
    placement.n_slots +=
        std::min(w.n_experts - placement.n_slots, left / std::max<std::int64_t>(1, w.slot));
    return planPlaced(config, chosen, placement, n_context);
  }
  // Streaming saves nothing of a model that is small beside its buffers.
  return mapped.total_bytes <= streamed.total_bytes ? mapped : streamed;
}

std::int64_t availableMemory() {
  std::ifstream file("/proc/meminfo");
  std::string name;
  std::int64_t kib = 0;
  for (std::string line; file >> name >> kib && std::getline(file, line);)
    if (name == "MemAvailable:") return kib * 1024;
  return 0;
}

std::int64_t defaultMemory() {
  const std::int64_t available = availableMemory();
  return available - std::min(kReserveBytes, available / 8);
}

ProcessMemory processMemory() {
  // The program's own code counts from the start; it would come in page by page while it runs.
  static const int touched = ::dl_iterate_phdr(touchCode, nullptr);
  (void)touched;
  std::ifstream file("/proc/self/status");
  ProcessMemory memory;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("VmRSS:")) memory.resident = std::stoll(line.substr(6)) * 1024;
    if (line.starts_with("RssAnon:")) memory.anonymous = std::stoll(line.substr(8)) * 1024;
  }
  return memory;
}

}  // namespace engine
