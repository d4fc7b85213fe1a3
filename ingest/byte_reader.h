// byte_reader.h: a cursor over bytes of unknown origin. Reading past the end yields zeros and is
// remembered: check ok() once, at the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace ingest {

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  // A number in the byte order of this machine: both ends of the pipe run on it.
  template <class T>
  T number() {
    static_assert(std::is_arithmetic_v<T>);
    T value{};
    const std::string_view raw = take(sizeof value);
    if (ok_) std::memcpy(&value, raw.data(), sizeof value);
    return value;
  }

  // A string of which the length stands before it.
  std::string_view string() { return take(number<std::uint32_t>()); }

  std::string_view take(std::size_t n_bytes) {
    if (n_bytes > rest_.size()) ok_ = false;
    if (!ok_) return {};
    const std::string_view taken = rest_.substr(0, n_bytes);
    rest_.remove_prefix(n_bytes);
    return taken;
  }

  std::size_t remaining() const { return rest_.size(); }
  bool ok() const { return ok_; }
  bool finished() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace ingest
