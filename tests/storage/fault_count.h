// fault_count.h: how many faults a lane makes.
#pragma once

#include <cstdlib>
#include <string_view>

namespace support {

// LECTERN_FAULTS=full: the counts a release is held to; otherwise a sample that every run affords.
inline bool allFaults() {
  const char* wanted = std::getenv("LECTERN_FAULTS");
  return wanted && std::string_view(wanted) == "full";
}

inline int faultCount(int full, int sample) { return allFaults() ? full : sample; }

}  // namespace support
