#include "engine/base/hash.h"

#include <cstring>

#include <xxhash.h>

#include "engine/base/check.h"

namespace base {
namespace {

Hash128 canonical(XXH128_hash_t hash) {
  XXH128_canonical_t form;
  XXH128_canonicalFromHash(&form, hash);
  Hash128 out;
  std::memcpy(out.bytes.data(), form.digest, sizeof form.digest);
  return out;
}

int hexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

XXH3_state_t* stateOf(void* state) { return static_cast<XXH3_state_t*>(state); }

}  // namespace

std::string Hash128::hex() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (std::uint8_t byte : bytes) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

std::optional<Hash128> Hash128::fromHex(std::string_view hex) {
  Hash128 out;
  if (hex.size() != 2 * out.bytes.size()) return std::nullopt;
  for (std::size_t i = 0; i < out.bytes.size(); ++i) {
    const int high = hexDigit(hex[2 * i]), low = hexDigit(hex[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return out;
}

Hash128 hashBytes(std::span<const std::byte> bytes) {
  return canonical(XXH3_128bits(bytes.data(), bytes.size()));
}

Hash128 hashText(std::string_view text) { return hashBytes(std::as_bytes(std::span(text))); }

Hasher::Hasher() : state_(XXH3_createState()) {
  CHECK(state_ != nullptr);
  XXH3_128bits_reset(stateOf(state_));
}

Hasher::~Hasher() { XXH3_freeState(stateOf(state_)); }

Hasher& Hasher::add(std::span<const std::byte> field) {
  const std::uint64_t size = field.size();
  XXH3_128bits_update(stateOf(state_), &size, sizeof size);
  XXH3_128bits_update(stateOf(state_), field.data(), field.size());
  return *this;
}

Hasher& Hasher::add(std::string_view field) { return add(std::as_bytes(std::span(field))); }

Hasher& Hasher::add(std::int64_t value) {
  return add(std::as_bytes(std::span<const std::int64_t, 1>(&value, 1)));
}

Hasher& Hasher::add(const Hash128& hash) { return add(std::as_bytes(std::span(hash.bytes))); }

Hash128 Hasher::digest() const { return canonical(XXH3_128bits_digest(stateOf(state_))); }

std::uint64_t payloadHash(std::span<const std::byte> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

}  // namespace base
