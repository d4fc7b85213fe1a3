// base64.h: bytes in JSON (RFC 4648, with padding).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace app {

std::string toBase64(std::span<const std::byte> bytes);
// Empty when `text` is not base64.
std::optional<std::vector<std::byte>> fromBase64(std::string_view text);

}  // namespace app
