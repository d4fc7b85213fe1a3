#include "engine/memory_plan.h"

#include <algorithm>
#include <fstream>
#include <string>

#include "engine/forward.h"
#include "engine/kv_layout.h"

namespace engine {
namespace {

std::int64_t kvBytes(const KvLayout& layout, std::int64_t n_context) {
  return (n_context / kBlockTokens + 1) * layout.block_bytes;
}

// Window rows (and the chunk in flight) and compressor rows of every layer.
std::int64_t stateBytes(const ModelConfig& c, const KvLayout& layout) {
  std::int64_t bytes = 0;
  for (const LayerShape& shape : c.layers) {
    bytes += (c.window + kChunkTokens) * layout.row.rowBytes();
    if (shape.ratio == 0) continue;
    const std::int64_t coff = shape.kind == LayerKind::kCsa ? 2 : 1;
    bytes += (coff * shape.ratio + kChunkTokens) * 2 * coff * c.head_dim * 4;
    if (shape.kind == LayerKind::kCsa)
      bytes += (coff * shape.ratio + kChunkTokens) * 2 * coff * c.index_dim * 4;
  }
  return bytes;
}

std::int64_t scratchBytes(const ModelConfig& c, std::int64_t n_context) {
  const std::int64_t per_token = c.hc_streams * c.hidden + 4 * c.hidden +
                                 3 * c.n_heads * c.head_dim + c.q_lora_rank +
                                 c.index_heads * c.index_dim + 4 * c.expert_inter;
  const std::int64_t hca_rows = (n_context / 128 + c.window + kChunkTokens) * c.head_dim;
  const std::int64_t scores = std::max(std::int64_t{1} << 22, n_context / 4);
  return 4 * (kChunkTokens * per_token + hca_rows + scores + c.vocab);
}

}  // namespace

double kvBytesPerToken(const ModelConfig& config, Numerics numerics) {
  return static_cast<double>(KvLayout(config, numerics).block_bytes) / kBlockTokens;
}

MemoryPlan planMemory(const ModelConfig& config, Numerics numerics, std::int64_t weights_bytes,
                      std::int64_t n_context, std::int64_t available_bytes) {
  const KvLayout layout(config, numerics);
  MemoryPlan plan;
  const auto totalFor = [&](std::int64_t n) {
    return weights_bytes + kvBytes(layout, n) + stateBytes(config, layout) +
           scratchBytes(config, n);
  };
  plan.n_context = n_context;
  plan.weights_bytes = weights_bytes;
  plan.kv_bytes = kvBytes(layout, n_context);
  plan.state_bytes = stateBytes(config, layout);
  plan.scratch_bytes = scratchBytes(config, n_context);
  plan.total_bytes = totalFor(n_context);
  plan.available_bytes = available_bytes;
  plan.kv_bytes_per_token = kvBytesPerToken(config, numerics);
  plan.fits = plan.total_bytes <= available_bytes;

  std::int64_t low = 0, high = config.context_max;  // largest n whose total fits
  while (low < high) {
    const std::int64_t middle = low + (high - low + 1) / 2;
    if (totalFor(middle) <= available_bytes) low = middle;
    else high = middle - 1;
  }
  plan.n_context_fits = totalFor(low) <= available_bytes ? low : 0;
  if (!plan.fits)
    plan.advice = plan.n_context_fits > 0
                      ? "A context of " + std::to_string(plan.n_context_fits) + " tokens would fit."
                      : "The weights alone need more memory than this machine has free.";
  return plan;
}

std::int64_t availableMemory() {
  std::ifstream file("/proc/meminfo");
  std::string name;
  std::int64_t kib = 0;
  for (std::string line; file >> name >> kib && std::getline(file, line);)
    if (name == "MemAvailable:") return kib * 1024;
  return 0;
}

}  // namespace engine
