// kv_pack.h: one KV entry (window or compressed) in the bytes that memory and disk share.
//
// Packed (specification §14.1): e4m3 codes of the nope part | rope part as bf16 | one UE8M0 scale
// per 64 nope values, padded with zeros to a multiple of 8 bytes. At full width (512, 64 of them
// rotated) 448 + 128 + 8 = 584 bytes. Packing is the FP8 simulation of §3.3 (groups of 64): what
// is unpacked is what the official code keeps.
// Float: the row as it is, for numerics without simulation.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kernels {

enum class RowPacking { kPacked, kFloat };

struct KvRowFormat {
  // (head_dim − rope_dim) % 64 == 0, rope_dim % 16 == 0.
  std::int64_t head_dim = 0, rope_dim = 64;
  RowPacking packing = RowPacking::kPacked;

  std::int64_t nopeDim() const { return head_dim - rope_dim; }
  std::int64_t rowBytes() const {
    if (packing == RowPacking::kFloat) return head_dim * 4;
    return nopeDim() + rope_dim * 2 + (nopeDim() / 64 + 7) / 8 * 8;
  }
};

void packKvRowRef(const KvRowFormat& format, const float* row, std::byte* out);
// The same bits on vectors.
void packKvRow(const KvRowFormat& format, const float* row, std::byte* out);
void unpackKvRow(const KvRowFormat& format, const std::byte* packed, float* row);

}  // namespace kernels
