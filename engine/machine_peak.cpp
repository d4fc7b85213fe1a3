#include "engine/machine_peak.h"

#include <thread>

#include "kernels/machine_peak/machine_peak.h"

namespace engine {

MachinePeak measureMachine(int n_threads) {
  if (n_threads <= 0) n_threads = static_cast<int>(std::thread::hardware_concurrency());
  kernels::ThreadPool pool(n_threads);
  return {.flops = kernels::measureFmaPeak(pool),
          .read_bytes = kernels::measureReadBandwidth(pool)};
}

}  // namespace engine
