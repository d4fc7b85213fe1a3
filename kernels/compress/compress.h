// compress.h
// Pools the projected rows of one block of tokens into one entry (specification §7.1, §7.2):
//   p = softmax over the candidates of G, per channel; C[c] = Σ p·K[c]; rounded to bf16
// Overlap (ratio 4): candidates are the A half (channels 0..d−1) of the previous block's tokens,
// then the B half (channels d..2d−1) of this block's; without a previous block only the latter.
// Otherwise: all channels of this block's tokens.
#pragma once

#include <cstdint>

#include "kernels/dtypes.h"
#include "kernels/thread_pool.h"

namespace kernels {

struct CompressArgs {
  // Row of the first token of this block; rows follow each other, one per token, each
  // row_stride floats. With has_previous the `ratio` rows before it are the previous block.
  const float* k = nullptr;  // [.., width]
  const float* g = nullptr;  // [.., width], ape already added
  std::int64_t row_stride = 0;
  std::int64_t ratio = 4, dim = 0;  // dim = width of the entry; width = overlap ? 2·dim : dim
  bool overlap = false, has_previous = false;
  float* pooled = nullptr;  // [dim]
  Rounding rounding = Rounding::kBf16;
};

void compressRef(const CompressArgs& args);  // sums in double
void compressCpu(const CompressArgs& args);

}  // namespace kernels
