#include "app/cli/speed_plot.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "app/progress_line.h"

namespace app {
namespace {

constexpr double kWidth = 760, kHeight = 340;
constexpr double kLeft = 72, kRight = 24, kTop = 44, kBottom = 52;

// The smallest of 1, 2, 5 times a power of ten that is at least `value`.
double niceStep(double value) {
  const double power = std::pow(10.0, std::floor(std::log10(std::max(value, 1e-9))));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= value) return factor * power;
  return 10 * power;
}

// Depths are powers of two: a step of the axis is too.
double niceDepthStep(double value) { return std::exp2(std::ceil(std::log2(std::max(value, 1.0)))); }

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

std::string depthWords(double depth) {
  if (depth >= 1048576) return countWords(std::llround(depth / 1048576)) + "M";
  if (depth >= 1024) return countWords(std::llround(depth / 1024)) + "K";
  return countWords(std::llround(depth));
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else
      out += c;
  }
  return out;
}

std::string label(double x, double y, const char* anchor, const std::string& text) {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" text-anchor=\"" + anchor + "\">" +
         escaped(text) + "</text>\n";
}

std::string line(double x0, double y0, double x1, double y1) {
  return "<line x1=\"" + number(x0) + "\" y1=\"" + number(y0) + "\" x2=\"" + number(x1) +
         "\" y2=\"" + number(y1) + "\"/>\n";
}

}  // namespace

std::string speedPlot(const std::vector<SpeedPoint>& points, const std::string& title) {
  double fastest = 1;
  for (const SpeedPoint& point : points) fastest = std::max(fastest, point.tokens_per_s);
  const auto deepest = std::max<double>(1, static_cast<double>(points.back().depth));
  const double speed_step = niceStep(fastest / 5), depth_step = niceDepthStep(deepest / 9);
  const double speed_end = std::ceil(fastest / speed_step) * speed_step;
  const auto x = [&](double depth) { return kLeft + depth / deepest * (kWidth - kLeft - kRight); };
  const auto y = [&](double speed) {
    return kHeight - kBottom - speed / speed_end * (kHeight - kTop - kBottom);
  };

  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + number(kWidth) +
                    " " + number(kHeight) +
                    "\" font-family=\"sans-serif\" font-size=\"12\">\n"
                    "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
                    "<g stroke=\"#d8dade\">\n";
  std::string labels;
  for (double speed = 0; speed <= speed_end; speed += speed_step) {
    svg += line(kLeft, y(speed), kWidth - kRight, y(speed));
    labels += label(kLeft - 8, y(speed) + 4, "end", countWords(std::llround(speed)));
  }
  for (double depth = 0; depth <= deepest; depth += depth_step)
    labels += label(x(depth), kHeight - kBottom + 18, "middle", depthWords(depth));
  svg += "</g>\n<polyline fill=\"none\" stroke=\"#2f6fd0\" stroke-width=\"2\" points=\"";
  for (const SpeedPoint& point : points)
    svg += number(x(static_cast<double>(point.depth))) + "," + number(y(point.tokens_per_s)) + " ";
  svg += "\"/>\n<g fill=\"#3c4043\">\n" + labels + label(kLeft, 24, "start", title) +
         label((kLeft + kWidth - kRight) / 2, kHeight - 12, "middle", "tokens already read") +
         "</g>\n</svg>\n";
  return svg;
}

}  // namespace app
