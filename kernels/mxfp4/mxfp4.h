// mxfp4.h: FP4 weights in the blocks of ggml (specification §3.6).
//
// Checkpoint row: n/2 bytes of codes, the even element in the low nibble, and n/32 UE8M0 scales.
// ggml row: per 32 elements one UE8M0 byte, then 16 bytes: elements 0..15 in the low nibbles,
// 16..31 in the high ones. Only nibbles move: nothing is rounded in either direction.
#pragma once

#include <cstdint>

#include "kernels/matrix_view.h"

namespace kernels {

// n is a multiple of 32. blocks [n/32 · 17], codes [n/2], scales [n/32].
void packMxfp4(const std::uint8_t* codes, const std::uint8_t* scales, std::int64_t n,
               std::uint8_t* blocks);
void unpackMxfp4(const std::uint8_t* blocks, std::int64_t n, std::uint8_t* codes,
                 std::uint8_t* scales);

}  // namespace kernels
