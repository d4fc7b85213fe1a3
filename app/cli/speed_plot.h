// speed_plot.h: a measure against the number of tokens, as a picture for people (SVG).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace app {

struct PlotPoint {
  std::int64_t n_tokens = 0;
  double value = 0;
};
struct PlotLine {
  std::string name;  // beside its last point; may be empty
  std::vector<PlotPoint> points;  // ascending; at least one
};

// An SVG document; both axes begin at 0. At least one line.
std::string speedPlot(const std::vector<PlotLine>& lines, const std::string& title,
                      const std::string& axis);

}  // namespace app
