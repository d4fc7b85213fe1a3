// bundle.h: one file of golden tensors, as the arrays that kernels take.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/safetensors.h"
#include "kernels/matrix_view.h"

namespace support {

class Bundle {
 public:
  // Throws std::runtime_error on a file that cannot be read: a test without its data has failed.
  explicit Bundle(const std::filesystem::path& path);

  // Any numeric dtype, every value exactly representable in float32 (else use ints or doubles).
  std::vector<float> floats(const std::string& name) const;
  std::vector<double> doubles(const std::string& name) const;
  std::vector<std::int64_t> ints(const std::string& name) const;   // I32, I64
  std::vector<std::uint8_t> bytes(const std::string& name) const;  // raw
  std::int64_t dim(const std::string& name, int axis) const;
  bool has(const std::string& name) const { return file_->find(name) != nullptr; }

  // `weight` [out, in]; FP8 and FP4 take their scales from `scale`.
  kernels::MatrixView matrix(const std::string& weight, const std::string& scale = "") const;

 private:
  const engine::TensorView& tensor(const std::string& name) const;
  std::shared_ptr<const engine::SafetensorsFile> file_;
};

}  // namespace support
