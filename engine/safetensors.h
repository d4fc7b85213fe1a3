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
#include "engine/mapped_file.h"

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

class SafetensorsFile {
 public:
  // kNotFound, kIo, kCorrupt (truncated, oversized, overlapping), kInvalidInput (not this format),
  // kUnsupported (a dtype we do not know).
  static base::Result<SafetensorsFile> open(const std::filesystem::path& path);

  const std::map<std::string, TensorView, std::less<>>& tensors() const { return tensors_; }
  const TensorView* find(std::string_view name) const;
  std::int64_t fileBytes() const { return file_.size(); }
  MappedFile& file() { return file_; }
  const MappedFile& file() const { return file_; }

 private:
  explicit SafetensorsFile(MappedFile file) : file_(std::move(file)) {}
  MappedFile file_;
  std::map<std::string, TensorView, std::less<>> tensors_;
};

// Writes one file through a temporary name, so that a reader never sees half of it.
base::Status writeSafetensors(const std::filesystem::path& path,
                              const std::map<std::string, TensorView, std::less<>>& tensors);

}  // namespace engine
