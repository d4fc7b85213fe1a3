// numerics.h: which simulation of the official rounding an engine runs.
#pragma once

#include <optional>
#include <string_view>

namespace engine {

enum class Numerics {
  kOfficial,  // every rounding point of the specification's Appendix C
  kNone,      // float32 throughout, no quantisation of activations or KV, no Hadamard
};

inline std::string_view numericsName(Numerics numerics) {
  return numerics == Numerics::kOfficial ? "official" : "none";
}

inline std::optional<Numerics> numericsFromName(std::string_view name) {
  if (name == "official") return Numerics::kOfficial;
  if (name == "none") return Numerics::kNone;
  return std::nullopt;
}

}  // namespace engine
