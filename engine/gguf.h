// gguf.h: reads the GGUF container (versions 2 and 3, little-endian); refuses before it allocates.
//
// Layout: "GGUF" | u32 version | u64 n_tensors | u64 n_values | metadata: name, type, value |
// tensor table: name, dims (fastest first), type, offset | padding | tensor bytes. Accepted only if
// every count and length fits the file, names are not doubled, and the tensors lie one after
// another at aligned offsets to the end of the file, each exactly as long as its dims and type say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/gguf_value.h"
#include "engine/safetensors.h"

namespace engine {

// The tensor types this engine reads, by their number in the file.
enum class GgufType : std::uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ8_0 = 8,
  kI32 = 26,
  kBf16 = 30,
  kMxfp4 = 39,
};
std::string_view ggufTypeName(GgufType type);  // "F32", "Q8_0", ...

struct GgufTensor {
  GgufType type = GgufType::kF32;
  std::vector<std::int64_t> shape;   // slowest first, as everywhere here; the file has it reversed
  std::span<const std::byte> bytes;  // in the mapped file
};

class GgufFile {
 public:
  // kNotFound, kIo; kInvalidInput (not this format), kCorrupt (truncated, oversized, overlapping,
  // contradicting itself), kUnsupported (another version, a tensor type we do not know).
  static base::Result<GgufFile> open(const std::filesystem::path& path);

  const std::string& name() const { return name_; }  // of the file, without its folder
  const std::map<std::string, GgufValue, std::less<>>& metadata() const { return metadata_; }
  const GgufValue* value(std::string_view key) const;
  const std::map<std::string, GgufTensor, std::less<>>& tensors() const { return tensors_; }
  MappedFile& file() { return file_; }
  std::span<const std::byte> bytes() const { return file_.bytes(); }
  std::int64_t modifiedAt() const { return modified_at_; }  // in the clock of the file system
  std::span<const std::byte> header() const { return file_.bytes().first(header_bytes_); }

 private:
  friend class GgufReader;
  explicit GgufFile(MappedFile file) : file_(std::move(file)) {}
  MappedFile file_;
  std::string name_;
  std::size_t header_bytes_ = 0;
  std::int64_t modified_at_ = 0;
  std::map<std::string, GgufValue, std::less<>> metadata_;
  std::map<std::string, GgufTensor, std::less<>> tensors_;
};

}  // namespace engine
