// gguf_value.h: one value of a GGUF file's metadata.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace engine {

// By their numbers in the file.
enum class GgufKind : std::uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kText = 8,
  kList = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};
inline constexpr std::uint32_t kGgufKinds = 13;

// Of one value; 0 where the value says it itself.
std::size_t ggufKindBytes(GgufKind kind);

template <class T>
T loadFrom(const std::byte* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

// A number, a truth, a text, or a list of them, still in the bytes of the file, which were checked.
class GgufValue {
 public:
  // Nothing when the value is of another kind, or an integer does not fit.
  std::optional<std::int64_t> integer() const;
  std::optional<double> number() const;  // integers too
  std::optional<bool> boolean() const;
  std::optional<std::string_view> text() const;

  bool isList() const { return is_list_; }
  std::uint64_t size() const { return size_; }  // of a list
  // The first n_max elements of a list.
  std::vector<GgufValue> elements(std::uint64_t n_max) const;

 private:
  friend class GgufReader;
  GgufKind kind_ = GgufKind::kU8;  // of the elements if a list
  bool is_list_ = false;
  std::uint64_t size_ = 0;
  std::span<const std::byte> bytes_;
};

}  // namespace engine
