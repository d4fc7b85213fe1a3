// speed_chart.h: reading speed by depth: measured so far, and the forecast with its range.
#pragma once

#include <vector>

#include <QWidget>

#include "ui/values.h"

namespace ui {

class SpeedChart : public QWidget {
  Q_OBJECT

 public:
  explicit SpeedChart(QWidget* parent = nullptr);

  // A new reading of `n_context` tokens.
  void reset(std::int64_t n_context);
  void add(const SpeedPoint& point);
  // Relative half width of the forecast band, e.g. 0.4.
  void setUncertainty(double relative) { uncertainty_ = relative; }
  QSize sizeHint() const override { return {300, 150}; }

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  void paintAxes(QPainter& painter, const QRectF& plot, double top) const;

  std::vector<SpeedPoint> points_;
  std::int64_t n_context_ = 1;
  double uncertainty_ = 0.15;
};

}  // namespace ui
