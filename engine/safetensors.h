// safetensors.h: reads and writes the safetensors container; refuses before it allocates.
//
// Layout: u64 header length | JSON header | tensor bytes. Accepted only if the header is at most
// 100,000,000 bytes of JSON without doubled names, and the tensors lie one after another from 0
// to the end of the file, each exactly as long as its shape and dtype say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"

namespace engine {

enum class Dtype { kF32, kF16, kBf16, kF8E4m3, kF8E8m0, kI64, kI32, kI8, kU8, kBool, kF64 };

std::string_view dtypeName(Dtype dtype);       // "F32", "F8_E4M3", ...
std::int64_t dtypeBytes(Dtype dtype);

struct TensorView {
  Dtype dtype = Dtype::kF32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;  // in the mapped file
  std::int64_t elementCount() const;
};

// A read-only map of a file; SIGBUS if another process shortens the file meanwhile, therefore
// only in processes that may die.
class MappedFile {
 public:
  static base::Result<MappedFile> open(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  explicit MappedFile(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::span<const std::byte> bytes_;
};

class SafetensorsFile {
 public:
  // kNotFound, kIo, kCorrupt (truncated, oversized, overlapping), kInvalidInput (not this format),
  // kUnsupported (a dtype we do not know).
  static base::Result<SafetensorsFile> open(const std::filesystem::path& path);

  const std::map<std::string, TensorView, std::less<>>& tensors() const { return tensors_; }
  const TensorView* find(std::string_view name) const;
  std::int64_t fileBytes() const { return static_cast<std::int64_t>(file_.bytes().size()); }

 private:
  explicit SafetensorsFile(MappedFile file) : file_(std::move(file)) {}
  MappedFile file_;
  std::map<std::string, TensorView, std::less<>> tensors_;
};

// Writes one file through a temporary name, so that a reader never sees half of it.
base::Status writeSafetensors(const std::filesystem::path& path,
                              const std::map<std::string, TensorView, std::less<>>& tensors);

}  // namespace engine
