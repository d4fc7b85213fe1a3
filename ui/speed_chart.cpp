#include "ui/speed_chart.h"

#include <algorithm>
#include <cmath>

#include <QPainter>
#include <QPainterPath>

#include "ui/theme.h"
#include "ui/words.h"

namespace ui {
namespace {

constexpr size_t kPointsMax = 400;

// 1, 2 or 5 times a power of ten, not below `value`.
double roundUp(double value) {
  const double power = std::pow(10, std::floor(std::log10(std::max(1.0, value))));
  for (const double step : {1.0, 2.0, 5.0, 10.0})
    if (step * power >= value) return step * power;
  return 10 * power;
}

}  // namespace

SpeedChart::SpeedChart(QWidget* parent) : QWidget(parent) {
  setObjectName(QStringLiteral("speedChart"));
  setAccessibleName(tr("Speed by depth"));
  setMinimumHeight(120);
  connect(&theme(), &Theme::changed, this, qOverload<>(&QWidget::update));
}

void SpeedChart::reset(std::int64_t n_context) {
  points_.clear();
  n_context_ = std::max<std::int64_t>(1, n_context);
  update();
}

void SpeedChart::add(const SpeedPoint& point) {
  if (point.tok_s <= 0) return;
  if (!points_.empty() && point.position <= points_.back().position) return;
  points_.push_back(point);
  // Every second point goes when the line has more points than pixels would show.
  if (points_.size() > kPointsMax) {
    size_t kept = 0;
    for (size_t i = 0; i < points_.size(); i += 2) points_[kept++] = points_[i];
    points_.resize(kept);
  }
  update();
}

void SpeedChart::paintAxes(QPainter& painter, const QRectF& plot, double top) const {
  painter.setFont(theme().font(FontRole::kSmallest));
  for (const double share : {0.0, 0.5, 1.0}) {
    const double y = plot.bottom() - share * plot.height();
    painter.setPen(color(Token::kLine));
    painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y));
    painter.setPen(color(Token::kText2));
    painter.drawText(QRectF(0, y - 8, plot.left() - 8, 16), Qt::AlignRight | Qt::AlignVCenter,
                     exactCount(std::llround(share * top)));
  }
  const double step = roundUp(static_cast<double>(n_context_) / 6);
  for (double at = 0; at <= static_cast<double>(n_context_); at += step) {
    const double x = plot.left() + at / static_cast<double>(n_context_) * plot.width();
    const QRectF place(x - 30, plot.bottom() + 4, 60, 16);
    if (place.right() > width() + 12) break;
    painter.drawText(place, Qt::AlignCenter, roundCount(std::llround(at)));
  }
}

void SpeedChart::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  painter.setRenderHint(QPainter::Antialiasing);
  const QFontMetrics metrics(theme().font(FontRole::kSmallest));
  const int left = metrics.horizontalAdvance(exactCount(10'000)) + 12;
  const int below = metrics.height() + 10;
  const QRectF plot(left, 10, width() - left - 8, height() - 10 - below);
  if (points_.empty()) {
    painter.setPen(color(Token::kText2));
    painter.drawText(rect(), Qt::AlignCenter, tr("No measurement yet"));
    return;
  }
  double top = 0;
  for (const SpeedPoint& point : points_) top = std::max(top, point.tok_s);
  top = roundUp(top * 1.05);
  paintAxes(painter, plot, top);
  const auto place = [&](double position, double tok_s) {
    return QPointF(plot.left() + position / static_cast<double>(n_context_) * plot.width(),
                   plot.bottom() - tok_s / top * plot.height());
  };
  const auto end = static_cast<double>(n_context_);
  const SpeedPoint& last = points_.back();
  const auto position = static_cast<double>(last.position);
  // The forecast keeps the mean of the newest points; the band widens with the distance.
  const size_t n_mean = std::min<size_t>(points_.size(), 16);
  double mean = 0;
  for (size_t i = points_.size() - n_mean; i < points_.size(); ++i) mean += points_[i].tok_s;
  mean /= static_cast<double>(n_mean);
  QPainterPath band(place(position, last.tok_s));
  band.lineTo(place(end, std::min(top, mean * (1 + uncertainty_))));
  band.lineTo(place(end, mean * (1 - uncertainty_)));
  band.closeSubpath();
  painter.fillPath(band, color(Token::kAccentSoft));
  painter.setPen(QPen(color(Token::kHeat2), 1.25));
  painter.drawLine(place(position, last.tok_s), place(end, mean));

  QPainterPath line;
  for (const SpeedPoint& point : points_) {
    const QPointF at = place(static_cast<double>(point.position), point.tok_s);
    // A path of one moveTo() still counts as empty.
    if (line.elementCount() == 0) line.moveTo(at);
    else line.lineTo(at);
  }
  painter.setPen(QPen(color(Token::kAccent), 1.5));
  painter.drawPath(line);
  painter.setPen(Qt::NoPen);
  painter.setBrush(color(Token::kAccent));
  painter.drawEllipse(place(position, last.tok_s), 3.5, 3.5);
}

}  // namespace ui
