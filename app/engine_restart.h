// engine_restart.h: work that a dying engine process interrupted is begun again by itself.
#pragma once

#include <functional>

#include "engine/base/result.h"

namespace app {

// Told once per restart, with the sentence about what happened.
using OnRestart = std::function<void(const base::Error&)>;

inline constexpr int kRestartsMax = 2;

// Runs `work`; when the engine process ended meanwhile, again in a fresh one. `work` must be safe
// to repeat. Blocks that were stored before are not evaluated again.
template <class Work>
auto withRestarts(const Work& work, const OnRestart& on_restart) {
  for (int n = 0;; ++n) {
    auto result = work();
    if (result || result.error().code != base::ErrorCode::kEngineStopped || n == kRestartsMax)
      return result;
    if (on_restart) on_restart(result.error());
  }
}

}  // namespace app
