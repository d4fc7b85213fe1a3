#include "app/cli/speed_plot.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>

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

std::string valueWords(double value, double step) {
  if (step >= 1) return countWords(std::llround(value));
  char text[32];
  std::snprintf(text, sizeof text, step < 0.1 ? "%.2f" : "%.1f", value);
  return text;
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

std::string speedPlot(const std::vector<PlotLine>& lines, const std::string& title,
                      const std::string& axis) {
  static constexpr const char* kColors[] = {"#2f6fd0", "#d0642f", "#3c8a4e"};
  double highest = 1e-9, longest = 1;
  for (const PlotLine& curve : lines)
    for (const PlotPoint& point : curve.points) {
      highest = std::max(highest, point.value);
      longest = std::max(longest, static_cast<double>(point.n_tokens));
    }
  const double step = niceStep(highest / 5), token_step = niceDepthStep(longest / 9);
  const double end = std::ceil(highest / step) * step;
  const auto x = [&](double n) { return kLeft + n / longest * (kWidth - kLeft - kRight); };
  const auto y = [&](double value) {
    return kHeight - kBottom - value / end * (kHeight - kTop - kBottom);
  };

  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + number(kWidth) +
                    " " + number(kHeight) +
                    "\" font-family=\"sans-serif\" font-size=\"12\">\n"
                    "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
                    "<g stroke=\"#d8dade\">\n";
  std::string labels;
  for (int i = 0; i * step < end + step / 2; ++i) {
    svg += line(kLeft, y(i * step), kWidth - kRight, y(i * step));
    labels += label(kLeft - 8, y(i * step) + 4, "end", valueWords(i * step, step));
  }
  for (double n = 0; n <= longest; n += token_step)
    labels += label(x(n), kHeight - kBottom + 18, "middle", depthWords(n));
  svg += "</g>\n";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    svg += "<polyline fill=\"none\" stroke=\"" + std::string(kColors[i % std::size(kColors)]) +
           "\" stroke-width=\"2\" points=\"";
    for (const PlotPoint& point : lines[i].points)
      svg += number(x(static_cast<double>(point.n_tokens))) + "," + number(y(point.value)) + " ";
    svg += "\"/>\n";
    const PlotPoint& last = lines[i].points.back();
    if (!lines[i].name.empty())
      labels += label(x(static_cast<double>(last.n_tokens)) - 8, y(last.value) - 8, "end",
                      lines[i].name);
  }
  svg += "<g fill=\"#3c4043\">\n" + labels + label(kLeft, 24, "start", title) +
         label((kLeft + kWidth - kRight) / 2, kHeight - 12, "middle", axis) + "</g>\n</svg>\n";
  return svg;
}

}  // namespace app
