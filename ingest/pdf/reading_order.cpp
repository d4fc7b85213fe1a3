#include "ingest/pdf/reading_order.h"

#include <algorithm>
#include <utility>

namespace ingest {
namespace {

using base::Box;

// In line heights.
constexpr double kGutterMin = 0.7;
constexpr double kColumnWidthMin = 8.0;  // of a column's median line; table cells are narrower
constexpr double kParagraphGap = 0.55;
constexpr double kMarkHeight = 0.8;  // a footnote mark or exponent is no taller

constexpr std::size_t kColumnLinesMin = 3;
constexpr int kDepthMax = 24;
// Above this a page is a scatter of labels (a map, a plot), where columns mean nothing.
constexpr std::size_t kBandsMax = 600;
// And so is one that takes this many looks at a line: text in columns shows them much sooner.
constexpr std::size_t kLooksMax = 20'000'000;

double height(const Box& box) { return box.y1 - box.y0; }
double width(const Box& box) { return box.x1 - box.x0; }

template <class Values>
double median(Values values) {
  if (values.empty()) return 0;
  auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

struct Interval {
  double begin, end;
};

// Sorted, disjoint intervals of the x axis that text covers.
class Coverage {
 public:
  void add(Interval interval) {
    const auto first =
        std::lower_bound(intervals_.begin(), intervals_.end(), interval.begin,
                         [](const Interval& i, double begin) { return i.end < begin; });
    auto last = first;
    for (; last != intervals_.end() && last->begin <= interval.end; ++last) {
      interval.begin = std::min(interval.begin, last->begin);
      interval.end = std::max(interval.end, last->end);
    }
    intervals_.insert(intervals_.erase(first, last), interval);
  }

  std::size_t size() const { return intervals_.size(); }

  // Middles of the gaps that are wide enough.
  std::vector<double> gutters(double width_min) const {
    std::vector<double> middles;
    for (std::size_t i = 1; i < intervals_.size(); ++i)
      if (intervals_[i].begin - intervals_[i - 1].end >= width_min)
        middles.push_back((intervals_[i].begin + intervals_[i - 1].end) / 2);
    return middles;
  }

 private:
  std::vector<Interval> intervals_;
};

class Reader {
 public:
  explicit Reader(const std::vector<PlacedLine>& lines) : lines_(lines) {
    std::vector<double> heights;
    for (const PlacedLine& line : lines)
      if (line.upright) heights.push_back(height(line.box));
    line_height_ = std::max(median(heights), 1e-3);
  }

  std::vector<Row> read() {
    std::vector<int> upright, turned;
    for (int i = 0; i < static_cast<int>(lines_.size()); ++i)
      (lines_[static_cast<std::size_t>(i)].upright ? upright : turned).push_back(i);
    readRegion(upright, 0);
    const std::size_t n_upright = rows_.size();
    for (const int line : turned)
      rows_.push_back({.lines = {line},
                       .paragraph = n_upright > 0 && rows_.size() == n_upright,
                       .region = n_regions_});
    return std::move(rows_);
  }

 private:
  using Lines = std::vector<int>;
  struct Run {
    std::size_t begin = 0, end = 0;  // bands
    std::vector<double> gutters;
    std::size_t n_lines = 0;
  };

  const Box& box(int line) const { return lines_[static_cast<std::size_t>(line)].box; }

  void readRegion(Lines region, int depth) {
    std::stable_sort(region.begin(), region.end(),
                     [&](int a, int b) { return box(a).y0 < box(b).y0; });
    const std::vector<Lines> bands = bandsOf(region);
    const bool may_have_columns =
        depth < kDepthMax && bands.size() <= kBandsMax && n_looks_ < kLooksMax;
    const Run run = may_have_columns ? longestRun(bands) : Run{};
    if (run.gutters.empty()) {
      readRows(region);
      return;
    }
    readRegion(joined(bands, 0, run.begin), depth + 1);
    for (const Lines& column : columnsOf(joined(bands, run.begin, run.end), run.gutters)) {
      begin_paragraph_ = true;
      readRegion(column, depth + 1);
    }
    begin_paragraph_ = true;
    readRegion(joined(bands, run.end, bands.size()), depth + 1);
  }

  // Maximal sets of lines that overlap in height, from top to bottom.
  std::vector<Lines> bandsOf(const Lines& sorted) const {
    std::vector<Lines> bands;
    double bottom = 0;
    for (const int line : sorted) {
      // Descenders reach into the next line's box: a tenth of the height does not count.
      const double slack = 0.1 * height(box(line));
      if (bands.empty() || box(line).y0 + slack >= bottom) {
        bands.push_back({line});
        bottom = box(line).y1;
      } else {
        bands.back().push_back(line);
        bottom = std::max(bottom, box(line).y1);
      }
    }
    return bands;
  }

  // The most lines that stand together in columns.
  Run longestRun(const std::vector<Lines>& bands) {
    Run best;
    for (std::size_t begin = 0; begin < bands.size() && n_looks_ < kLooksMax; ++begin) {
      // How far down a gap stays free; more lines can only close gaps.
      std::vector<std::vector<double>> gutters;
      Coverage coverage;
      Lines lines;
      for (std::size_t end = begin; end < bands.size(); ++end) {
        for (const int line : bands[end]) coverage.add({box(line).x0, box(line).x1});
        gutters.push_back(coverage.gutters(kGutterMin * line_height_));
        n_looks_ += bands[end].size() + coverage.size();
        if (gutters.back().empty() && end > begin && !gutters[end - begin - 1].empty()) break;
      }
      for (std::size_t n_bands = gutters.size(); n_bands > 0 && n_looks_ < kLooksMax; --n_bands) {
        if (gutters[n_bands - 1].empty()) continue;
        lines = joined(bands, begin, begin + n_bands);
        n_looks_ += lines.size() * gutters[n_bands - 1].size();
        if (lines.size() <= best.n_lines) break;
        std::vector<double> found = columnGutters(lines, std::move(gutters[n_bands - 1]));
        if (found.empty()) continue;
        best = {begin, begin + n_bands, std::move(found), lines.size()};
        break;
      }
    }
    return best;
  }

  // Of the gaps between lines those that divide columns of text.
  std::vector<double> columnGutters(const Lines& lines, std::vector<double> gutters) const {
    while (!gutters.empty()) {
      const std::vector<Lines> columns = columnsOf(lines, gutters);
      std::size_t narrow = 0;
      while (narrow < columns.size() && isColumn(columns[narrow])) ++narrow;
      if (narrow == columns.size()) break;
      // A column that is none belongs to its neighbour.
      gutters.erase(gutters.begin() +
                    static_cast<std::ptrdiff_t>(std::min(narrow, gutters.size() - 1)));
    }
    return gutters;
  }

  bool isColumn(const Lines& lines) const {
    if (lines.size() < kColumnLinesMin) return false;
    std::vector<double> widths;
    for (const int line : lines) widths.push_back(width(box(line)));
    return median(widths) >= kColumnWidthMin * line_height_;
  }

  std::vector<Lines> columnsOf(const Lines& lines, const std::vector<double>& gutters) const {
    std::vector<Lines> columns(gutters.size() + 1);
    std::size_t n_right_to_left = 0;
    for (const int line : lines) {
      const auto column = std::upper_bound(gutters.begin(), gutters.end(), box(line).x0);
      columns[static_cast<std::size_t>(column - gutters.begin())].push_back(line);
      n_right_to_left += lines_[static_cast<std::size_t>(line)].right_to_left;
    }
    if (2 * n_right_to_left > lines.size()) std::reverse(columns.begin(), columns.end());
    return columns;
  }

  static Lines joined(const std::vector<Lines>& bands, std::size_t begin, std::size_t end) {
    Lines lines;
    for (std::size_t i = begin; i < end; ++i)
      lines.insert(lines.end(), bands[i].begin(), bands[i].end());
    return lines;
  }

  // One column: lines whose middles lie within each other's height make a row.
  void readRows(const Lines& sorted) {
    if (sorted.empty()) return;
    Lines pending = sorted;
    std::stable_sort(pending.begin(), pending.end(),
                     [&](int a, int b) { return middle(a) < middle(b); });
    for (auto begin = pending.begin(); begin != pending.end();) {
      auto end = begin + 1;
      while (end != pending.end() && sameRow(*begin, *end)) ++end;
      addRow(Lines(begin, end));
      begin = end;
    }
    ++n_regions_;
  }

  double middle(int line) const { return (box(line).y0 + box(line).y1) / 2; }

  // A raised or lowered mark is smaller than its line and reaches out of it.
  bool sameRow(int a, int b) const {
    const double overlap = std::min(box(a).y1, box(b).y1) - std::max(box(a).y0, box(b).y0);
    const double small = std::min(height(box(a)), height(box(b)));
    const double tall = std::max(height(box(a)), height(box(b)));
    return overlap >= (small < kMarkHeight * tall ? 0.2 : 0.5) * small;
  }

  void addRow(Lines row) {
    std::size_t n_right_to_left = 0;
    double top = box(row.front()).y0, bottom = box(row.front()).y1;
    for (const int line : row) {
      n_right_to_left += lines_[static_cast<std::size_t>(line)].right_to_left;
      top = std::min(top, box(line).y0);
      bottom = std::max(bottom, box(line).y1);
    }
    std::stable_sort(row.begin(), row.end(), [&](int a, int b) { return box(a).x0 < box(b).x0; });
    if (2 * n_right_to_left > row.size()) std::reverse(row.begin(), row.end());
    // The rows of a table stay together however wide it is set.
    const bool table = !rows_.empty() && rows_.back().lines.size() > 1 && row.size() > 1;
    const bool gap = top - last_bottom_ > kParagraphGap * std::min(bottom - top, line_height_);
    rows_.push_back(
        {std::move(row), !rows_.empty() && ((gap && !table) || begin_paragraph_), n_regions_});
    begin_paragraph_ = false;
    last_bottom_ = bottom;
  }

  const std::vector<PlacedLine>& lines_;
  double line_height_ = 1;
  std::size_t n_looks_ = 0;
  std::vector<Row> rows_;
  int n_regions_ = 0;
  bool begin_paragraph_ = false;
  double last_bottom_ = 0;
};

}  // namespace

std::vector<Row> readingOrder(const std::vector<PlacedLine>& lines) { return Reader(lines).read(); }

}  // namespace ingest
