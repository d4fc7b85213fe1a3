// forward_scratch.h: memory of one pass, shared by the parts of Forward. Inside the engine only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "engine/forward.h"

namespace engine {

// Grown when first needed, reused by every pass.
struct Forward::Scratch {
  std::vector<float> streams, mixed, normed, branch, post, comb;         // residual streams
  std::vector<float> latent, q, kv, grouped, plain_angles, yarn_angles;  // attention
  std::vector<float> projected;                                          // compressors
  std::vector<float> index_q, index_weights;                             // indexer
  std::vector<std::byte> packed;
  std::vector<std::int32_t> selected, experts;
  std::vector<std::int64_t> n_visible;
  std::vector<float> gate_logits, expert_weights, router_margins, tail, logits;
  std::vector<kernels::ExpertWeights> expert_views;  // of streamed experts
  std::vector<float> expert_sum;
  std::vector<const std::byte*> row_pages, key_pages;
  std::int64_t angles_start[2] = {-1, -1}, angles_n[2] = {0, 0};  // what *_angles hold

  // Streams of a whole run between two layers. Rounding leaves them on the bf16 grid, where 16
  // bits hold them without loss.
  std::vector<std::uint16_t> kept_bf16;
  std::vector<float> kept_float;

  // Where rows of the current pass stopped being numbers: the first stage, or null. The values of
  // such a row become zeros, so that the rest of the pass is safe for the others.
  std::vector<const char*> broken;
  std::int64_t n_broken = 0, first_row = 0;  // row of the pass that checked values begin with
  std::map<std::int64_t, base::Error> unread;  // broken because stored rows could not be read
  void beginPass(std::int64_t n) {
    unread.clear();
    broken.assign(static_cast<std::size_t>(n), nullptr);
    n_broken = first_row = 0;
  }
  void check(const char* stage, float* values, std::int64_t n, std::int64_t width);
  void mark(const char* stage, std::int64_t row);  // of the pass
  const char* firstBroken() const;
};

// At least n values; what was there stays.
template <class T>
T* sized(std::vector<T>& buffer, std::int64_t n) {
  if (static_cast<std::int64_t>(buffer.size()) < n) buffer.resize(static_cast<std::size_t>(n));
  return buffer.data();
}

}  // namespace engine
