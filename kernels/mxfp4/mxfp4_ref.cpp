#include "kernels/mxfp4/mxfp4.h"

namespace kernels {

void packMxfp4(const std::uint8_t* codes, const std::uint8_t* scales, std::int64_t n,
               std::uint8_t* blocks) {
  const auto nibble = [&](std::int64_t i) { return codes[i / 2] >> (i % 2 * 4) & 15; };
  for (std::int64_t block = 0; block < n / 32; ++block, blocks += kMxfp4BlockBytes) {
    blocks[0] = scales[block];
    for (std::int64_t i = 0; i < 16; ++i)
      blocks[1 + i] =
          static_cast<std::uint8_t>(nibble(block * 32 + i) | nibble(block * 32 + 16 + i) << 4);
  }
}

void unpackMxfp4(const std::uint8_t* blocks, std::int64_t n, std::uint8_t* codes,
                 std::uint8_t* scales) {
  for (std::int64_t block = 0; block < n / 32; ++block, blocks += kMxfp4BlockBytes) {
    scales[block] = blocks[0];
    for (std::int64_t i = 0; i < 16; i += 2) {
      const std::uint8_t first = blocks[1 + i], second = blocks[2 + i];
      codes[block * 16 + i / 2] = static_cast<std::uint8_t>((first & 15) | (second & 15) << 4);
      codes[block * 16 + 8 + i / 2] = static_cast<std::uint8_t>(first >> 4 | (second & 0xf0));
    }
  }
}

}  // namespace kernels
