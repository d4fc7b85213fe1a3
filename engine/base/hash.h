// hash.h: identities of content. XXH3-128: fast and wide enough that accidents do not happen;
// it does not resist an attacker who constructs collisions, and nothing here relies on that.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace base {

struct Hash128 {
  std::array<std::uint8_t, 16> bytes{};  // canonical (big-endian) form
  auto operator<=>(const Hash128&) const = default;
  std::string hex() const;
  static std::optional<Hash128> fromHex(std::string_view hex);
};

Hash128 hashBytes(std::span<const std::byte> bytes);
Hash128 hashText(std::string_view text);

// Hash of a sequence of fields. Every field is length-prefixed, so fields cannot run together.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;
  Hasher& add(std::string_view field);
  Hasher& add(std::span<const std::byte> field);
  Hasher& add(std::int64_t value);
  Hasher& add(const Hash128& hash);
  Hash128 digest() const;

 private:
  void* state_;  // XXH3_state_t, kept out of this header
};

// 64-bit check value of stored payloads.
std::uint64_t payloadHash(std::span<const std::byte> bytes);

}  // namespace base
