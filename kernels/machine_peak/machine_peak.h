// machine_peak.h: what the machine can do at best, measured, so that speeds can be told as a share
// of it. Both measurements run on all threads of the pool and keep the best of several rounds:
// other programs only ever make a round slower.
#pragma once

#include "kernels/thread_pool.h"

namespace kernels {

// Float32 operations per second of fused multiply-adds on the widest vectors (one counts two).
double measureFmaPeak(ThreadPool& pool);

// Bytes per second read one after another from 128 MiB, which is more than the caches hold.
double measureReadBandwidth(ThreadPool& pool);

}  // namespace kernels
