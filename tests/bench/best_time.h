// best_time.h: how long something takes at best.
#pragma once

#include <algorithm>
#include <ctime>

namespace bench {

// CPU time of this thread: other processes do not count.
inline double threadSeconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// The best of several runs that together take half a second or so.
template <class Work>
double fastest(Work work) {
  double best = 1e9, total = 0;
  for (int i = 0; i < 3 || (total < 0.5 && i < 1000); ++i) {
    const double begin = threadSeconds();
    work();
    const double seconds = threadSeconds() - begin;
    best = std::min(best, seconds);
    total += seconds;
  }
  return best;
}

}  // namespace bench
