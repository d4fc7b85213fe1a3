// part_codec.h: parts of a payload in fewer bytes. Lossless; zstd stays in part_codec.cpp.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "engine/base/result.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace storage {

// Rows of trained models: a tenth of them goes, nearly all of it by entropy coding, so that the
// search for repetitions is kept as small as zstd allows. One thread.
class PartCodec {
 public:
  PartCodec();
  ~PartCodec();
  PartCodec(const PartCodec&) = delete;
  PartCodec& operator=(const PartCodec&) = delete;

  // `part` packed, or `part` itself when that does not make it smaller. Valid until the next call.
  std::span<const std::byte> pack(std::span<const std::byte> part);
  // Fills `part` from what pack() made of it; kCorrupt if it is something else.
  base::Status unpack(std::span<const std::byte> packed, std::span<std::byte> part);

 private:
  struct FreeCompressor {
    void operator()(ZSTD_CCtx_s* context) const noexcept;
  };
  struct FreeDecompressor {
    void operator()(ZSTD_DCtx_s* context) const noexcept;
  };
  // Made when first needed.
  std::unique_ptr<ZSTD_CCtx_s, FreeCompressor> compressor_;
  std::unique_ptr<ZSTD_DCtx_s, FreeDecompressor> decompressor_;
  std::vector<std::byte> packed_;
};

}  // namespace storage
