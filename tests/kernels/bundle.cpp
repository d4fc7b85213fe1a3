#include "tests/kernels/bundle.h"

#include <cstring>
#include <stdexcept>

#include "kernels/dtypes.h"

namespace support {
namespace {

template <class T>
T elementAt(const engine::TensorView& tensor, std::int64_t i) {
  T value;
  std::memcpy(&value, tensor.bytes.data() + i * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
  return value;
}

double valueAt(const engine::TensorView& tensor, std::int64_t i) {
  switch (tensor.dtype) {
    case engine::Dtype::kF64:
      return elementAt<double>(tensor, i);
    case engine::Dtype::kF32:
      return elementAt<float>(tensor, i);
    case engine::Dtype::kBf16:
      return kernels::bf16ToFloat(elementAt<std::uint16_t>(tensor, i));
    case engine::Dtype::kF8E4m3:
      return kernels::e4m3ToFloat(elementAt<std::uint8_t>(tensor, i));
    case engine::Dtype::kF8E8m0:
      return kernels::ue8m0ToFloat(elementAt<std::uint8_t>(tensor, i));
    case engine::Dtype::kI64:
      return static_cast<double>(elementAt<std::int64_t>(tensor, i));
    case engine::Dtype::kI32:
      return elementAt<std::int32_t>(tensor, i);
    case engine::Dtype::kI8:
      return elementAt<std::int8_t>(tensor, i);
    case engine::Dtype::kU8:
      return elementAt<std::uint8_t>(tensor, i);
    default:
      throw std::runtime_error("golden tensor of an unexpected dtype");
  }
}

kernels::WeightType weightType(engine::Dtype dtype) {
  switch (dtype) {
    case engine::Dtype::kF32:
      return kernels::WeightType::kF32;
    case engine::Dtype::kBf16:
      return kernels::WeightType::kBf16;
    case engine::Dtype::kF8E4m3:
      return kernels::WeightType::kFp8;
    case engine::Dtype::kI8:
      return kernels::WeightType::kFp4;
    default:
      throw std::runtime_error("not a dtype of weights");
  }
}

}  // namespace

Bundle::Bundle(const std::filesystem::path& path) {
  auto file = engine::SafetensorsFile::open(path);
  if (!file) throw std::runtime_error(path.string() + ": " + file.error().message);
  file_ = std::make_shared<const engine::SafetensorsFile>(std::move(*file));
}

const engine::TensorView& Bundle::tensor(const std::string& name) const {
  const auto* found = file_->find(name);
  if (found == nullptr) throw std::runtime_error("no golden tensor " + name);
  return *found;
}

std::vector<double> Bundle::doubles(const std::string& name) const {
  const auto& t = tensor(name);
  std::vector<double> values(static_cast<std::size_t>(t.elementCount()));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = valueAt(t, static_cast<std::int64_t>(i));
  return values;
}

std::vector<float> Bundle::floats(const std::string& name) const {
  const auto values = doubles(name);
  return {values.begin(), values.end()};
}

std::vector<std::int64_t> Bundle::ints(const std::string& name) const {
  const auto& t = tensor(name);
  std::vector<std::int64_t> values(static_cast<std::size_t>(t.elementCount()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto index = static_cast<std::int64_t>(i);
    values[i] = t.dtype == engine::Dtype::kI64 ? elementAt<std::int64_t>(t, index)
                                               : elementAt<std::int32_t>(t, index);
  }
  return values;
}

std::vector<std::uint8_t> Bundle::bytes(const std::string& name) const {
  const auto& t = tensor(name);
  const auto* first = reinterpret_cast<const std::uint8_t*>(t.bytes.data());
  return {first, first + t.bytes.size()};
}

std::int64_t Bundle::dim(const std::string& name, int axis) const {
  return tensor(name).shape.at(static_cast<std::size_t>(axis));
}

kernels::MatrixView Bundle::matrix(const std::string& weight, const std::string& scale) const {
  const auto& t = tensor(weight);
  kernels::MatrixView view;
  view.type = weightType(t.dtype);
  view.data = t.bytes.data();
  view.out = t.shape[0];
  view.in = t.shape[1] * (view.type == kernels::WeightType::kFp4 ? 2 : 1);
  if (!scale.empty())
    view.scale = reinterpret_cast<const std::uint8_t*>(tensor(scale).bytes.data());
  return view;
}

}  // namespace support
