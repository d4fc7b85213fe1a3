// sandbox.h: a process locks itself in before it looks at the first foreign byte.
#pragma once

#include <cstdint>

#include "ingest/reader_message.h"

namespace ingest {

// Cannot be undone. Afterwards this process can compute, write to the descriptors it has, read
// fonts, Poppler's tables and libraries; nothing else. What the kernel does not offer is left out
// and the level says so. Call it while there is one thread.
SandboxLevel enterSandbox(std::uint64_t memory_bytes);

// From now on this process may use so many seconds of processor time; then SIGXCPU ends it.
// Renewed before every page, so that a long book is no bomb.
void allowCpuSeconds(int seconds);

}  // namespace ingest
