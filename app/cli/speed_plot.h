// speed_plot.h: tokens per second against depth, as a picture for people (SVG).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace app {

struct SpeedPoint {
  std::int64_t depth = 0;  // tokens before the measured ones
  double tokens_per_s = 0;
};

// An SVG document; both axes begin at 0. `points` ascend by depth; at least one.
std::string speedPlot(const std::vector<SpeedPoint>& points, const std::string& title);

}  // namespace app
