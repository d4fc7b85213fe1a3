#include "engine/gguf_value.h"

#include <algorithm>
#include <limits>

namespace engine {

std::size_t ggufKindBytes(GgufKind kind) {
  constexpr std::size_t kBytes[kGgufKinds] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return kBytes[static_cast<std::uint32_t>(kind)];
}

std::optional<std::int64_t> GgufValue::integer() const {
  if (is_list_) return std::nullopt;
  const std::byte* at = bytes_.data();
  switch (kind_) {
    case GgufKind::kU8:
      return loadFrom<std::uint8_t>(at);
    case GgufKind::kI8:
      return loadFrom<std::int8_t>(at);
    case GgufKind::kU16:
      return loadFrom<std::uint16_t>(at);
    case GgufKind::kI16:
      return loadFrom<std::int16_t>(at);
    case GgufKind::kU32:
      return loadFrom<std::uint32_t>(at);
    case GgufKind::kI32:
      return loadFrom<std::int32_t>(at);
    case GgufKind::kI64:
      return loadFrom<std::int64_t>(at);
    case GgufKind::kU64:
      if (const auto value = loadFrom<std::uint64_t>(at);
          value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        return static_cast<std::int64_t>(value);
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

std::optional<double> GgufValue::number() const {
  if (is_list_) return std::nullopt;
  if (kind_ == GgufKind::kF32) return loadFrom<float>(bytes_.data());
  if (kind_ == GgufKind::kF64) return loadFrom<double>(bytes_.data());
  if (const auto value = integer()) return static_cast<double>(*value);
  return std::nullopt;
}

std::optional<bool> GgufValue::boolean() const {
  if (is_list_ || kind_ != GgufKind::kBool) return std::nullopt;
  return bytes_[0] != std::byte{0};
}

std::optional<std::string_view> GgufValue::text() const {
  if (is_list_ || kind_ != GgufKind::kText) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(bytes_.data()), bytes_.size());
}

std::vector<GgufValue> GgufValue::elements(std::uint64_t n_max) const {
  std::vector<GgufValue> all;
  if (!is_list_) return all;
  std::span<const std::byte> rest = bytes_;
  all.reserve(static_cast<std::size_t>(std::min(size_, n_max)));
  for (std::uint64_t i = 0; i < std::min(size_, n_max); ++i) {
    GgufValue value;
    value.kind_ = kind_;
    std::size_t n = ggufKindBytes(kind_);
    if (kind_ == GgufKind::kText) {
      n = static_cast<std::size_t>(loadFrom<std::uint64_t>(rest.data()));
      rest = rest.subspan(8);
    }
    value.bytes_ = rest.first(n);
    rest = rest.subspan(n);
    all.push_back(value);
  }
  return all;
}

}  // namespace engine
