// machine_peak.h: the most this machine can do, measured, so that speeds can be told as a share.
#pragma once

namespace engine {

struct MachinePeak {
  double flops = 0;       // float32 operations per second in multiply-adds (one counts two)
  double read_bytes = 0;  // bytes per second read in order from memory
};

// Takes some 0.3 s and 128 MiB. n_threads 0: one per core.
MachinePeak measureMachine(int n_threads);

}  // namespace engine
