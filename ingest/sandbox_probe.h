// sandbox_probe.h: attempts to get out, made by a process that has locked itself in.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ingest {

struct Probe {
  std::string name;     // "network", "other files", "writing", "fork", "exec", "ptrace", ...
  bool refused = false;
};

// Tries everything a hostile document would, in this process, which must have entered the sandbox
// with `memory_bytes`. Harmless where an attempt gets through.
std::vector<Probe> probeSandbox(std::uint64_t memory_bytes);

}  // namespace ingest
