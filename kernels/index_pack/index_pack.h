// index_pack.h: queries and keys of the lightning indexer (specification §3.4, §3.5, §7.3, §8).
//   packed: y = bf16(H_n x / √n), then FP4 in groups of 32. Bytes: n/2 codes (even element in the
//           low nibble) | n/32 UE8M0 scales; 68 bytes for n = 128.
//   float:  x unchanged. H is orthogonal and appears on both sides of the product, so without
//           simulation it cancels.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/dtypes.h"
#include "kernels/kv_pack/kv_pack.h"

namespace kernels {

struct IndexRowFormat {
  std::int64_t dim = 128;  // power of two, 32 to 512
  RowPacking packing = RowPacking::kPacked;
  std::int64_t rowBytes() const {
    return packing == RowPacking::kFloat ? dim * 4 : dim / 2 + dim / 32;
  }
};

// y = H_n x / √n, Sylvester order, float32 butterflies, one multiplication at the end; in place.
void hadamard(float* x, std::int64_t n, Rounding rounding);

void packIndexRowRef(const IndexRowFormat& format, const float* row, std::byte* out);
// The same bits on vectors.
void packIndexRow(const IndexRowFormat& format, const float* row, std::byte* out);
void unpackIndexRow(const IndexRowFormat& format, const std::byte* packed, float* row);

}  // namespace kernels
