// forward_scratch.h: memory of one pass, shared by the parts of Forward. Inside the engine only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/forward.h"

namespace engine {

// Grown when first needed, reused by every chunk.
struct Forward::Scratch {
  std::vector<float> streams, mixed, normed, branch, post, comb;          // residual streams
  std::vector<float> latent, q, kv, grouped, plain_angles, yarn_angles;   // attention
  std::vector<float> projected, entry_angles;                             // compressors
  std::vector<float> index_q, index_weights, scores;                      // indexer
  std::vector<std::byte> packed;
  std::vector<std::int32_t> selected, experts;
  std::vector<std::int64_t> n_visible;
  std::vector<float> gate_logits, expert_weights, router_margins, tail;
  std::vector<const std::byte*> row_pages, key_pages;
  std::int64_t angles_start[2] = {-1, -1}, angles_n[2] = {0, 0};  // what *_angles hold
};

// At least n values; what was there stays.
inline float* sized(std::vector<float>& buffer, std::int64_t n) {
  if (static_cast<std::int64_t>(buffer.size()) < n) buffer.resize(static_cast<std::size_t>(n));
  return buffer.data();
}

}  // namespace engine
