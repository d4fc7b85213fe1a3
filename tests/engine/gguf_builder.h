// gguf_builder.h: GGUF files made of parts, so that a test can make any of them wrong.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "engine/gguf.h"
#include "kernels/matrix_view.h"

namespace support {

template <class T>
std::string raw(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}
inline std::string rawText(const std::string& text) {
  return raw<std::uint64_t>(text.size()) + text;
}

struct GgufBuilder {
  struct Tensor {
    std::string name;
    std::vector<std::uint64_t> dims;  // fastest first
    std::uint32_t type;
    std::uint64_t offset;
  };

  std::string magic = "GGUF";
  std::uint32_t version = 3;
  std::optional<std::uint64_t> n_tensors, n_values;  // else as many as there are
  std::vector<std::string> values;                   // name, type and value of each, in bytes
  std::vector<Tensor> tensors;
  std::string data;
  std::uint64_t alignment = 32;

  void addValue(const std::string& key, std::uint32_t type, const std::string& bytes) {
    values.push_back(rawText(key) + raw(type) + bytes);
  }
  void addTensor(const std::string& name, std::vector<std::uint64_t> dims, std::uint32_t type,
                 const std::string& bytes) {
    data.resize((data.size() + alignment - 1) / alignment * alignment);
    tensors.push_back({name, std::move(dims), type, data.size()});
    data += bytes;
  }

  std::string header() const {
    std::string out = magic + raw(version) + raw(n_tensors.value_or(tensors.size())) +
                      raw(n_values.value_or(values.size()));
    for (const std::string& value : values) out += value;
    for (const Tensor& tensor : tensors) {
      out += rawText(tensor.name) + raw(static_cast<std::uint32_t>(tensor.dims.size()));
      for (const std::uint64_t dim : tensor.dims) out += raw(dim);
      out += raw(tensor.type) + raw(tensor.offset);
    }
    return out;
  }
  std::string bytes() const {
    std::string out = header();
    out.resize((out.size() + alignment - 1) / alignment * alignment);
    return out + data;
  }
};

inline std::string readAll(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}
inline void writeAll(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// The same model with tensors in other types: `encode` gives a tensor's bytes in type `to`.
inline std::string transcoded(const std::filesystem::path& path, engine::GgufType from,
                              engine::GgufType to,
                              const std::function<std::string(const engine::GgufTensor&)>& encode) {
  const engine::GgufFile file = *engine::GgufFile::open(path);
  GgufBuilder builder;
  for (const auto& [name, tensor] : file.tensors()) {
    const bool changed = tensor.type == from;
    builder.addTensor(name, {tensor.shape.rbegin(), tensor.shape.rend()},
                      static_cast<std::uint32_t>(changed ? to : tensor.type),
                      changed ? encode(tensor)
                              : std::string(reinterpret_cast<const char*>(tensor.bytes.data()),
                                            tensor.bytes.size()));
  }
  // The metadata as it is: from behind the counts to the first tensor.
  const std::string whole = readAll(path);
  constexpr std::size_t kBegin = 24;
  const std::size_t end = whole.find(rawText("token_embd.weight"));
  builder.n_values = file.metadata().size();
  builder.values = {whole.substr(kBegin, end - kBegin)};
  return builder.bytes();
}

}  // namespace support
