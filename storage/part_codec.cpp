#include "storage/part_codec.h"

#include <zstd.h>

#include <new>

namespace storage {
namespace {

// Repetitions are rare in packed rows: a small table and long matches find those of text-like
// parts and waste no time on the others.
constexpr int kLevel = 1, kHashLog = 6, kMinMatch = 7;

}  // namespace

PartCodec::PartCodec() = default;
PartCodec::~PartCodec() = default;

void PartCodec::FreeCompressor::operator()(ZSTD_CCtx_s* context) const noexcept {
  ZSTD_freeCCtx(context);
}

void PartCodec::FreeDecompressor::operator()(ZSTD_DCtx_s* context) const noexcept {
  ZSTD_freeDCtx(context);
}

std::span<const std::byte> PartCodec::pack(std::span<const std::byte> part) {
  if (compressor_ == nullptr) {
    compressor_.reset(ZSTD_createCCtx());
    if (compressor_ == nullptr) throw std::bad_alloc();
    ZSTD_CCtx_setParameter(compressor_.get(), ZSTD_c_compressionLevel, kLevel);
    ZSTD_CCtx_setParameter(compressor_.get(), ZSTD_c_hashLog, kHashLog);
    ZSTD_CCtx_setParameter(compressor_.get(), ZSTD_c_minMatch, kMinMatch);
  }
  packed_.resize(ZSTD_compressBound(part.size()));
  const std::size_t n = ZSTD_compress2(compressor_.get(), packed_.data(), packed_.size(),
                                       part.data(), part.size());
  if (ZSTD_isError(n) || n >= part.size()) return part;
  return std::span(packed_).first(n);
}

base::Status PartCodec::unpack(std::span<const std::byte> packed, std::span<std::byte> part) {
  if (decompressor_ == nullptr) {
    decompressor_.reset(ZSTD_createDCtx());
    if (decompressor_ == nullptr) throw std::bad_alloc();
  }
  const std::size_t n = ZSTD_decompressDCtx(decompressor_.get(), part.data(), part.size(),
                                            packed.data(), packed.size());
  if (!ZSTD_isError(n) && n == part.size()) return {};
  return base::failure(base::ErrorCode::kCorrupt, "a stored part cannot be unpacked");
}

}  // namespace storage
