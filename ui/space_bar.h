// space_bar.h: the snapshots on the disk: a bar in parts, and what each part is.
#pragma once

#include <QWidget>

#include "ui/values.h"

class QLabel;

namespace ui {

// One bar: pinned, own, shared, cache; the rest of the track is free.
class SpaceBar : public QWidget {
  Q_OBJECT

 public:
  explicit SpaceBar(QWidget* parent = nullptr);
  void setValue(const SpaceValue& value);

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  SpaceValue value_;
};

// Head line, bar, legend, and what goes first; a warning when the disk gets low.
class SpacePane : public QWidget {
  Q_OBJECT

 public:
  explicit SpacePane(QWidget* parent = nullptr);
  void setValue(const SpaceValue& value);

 private:
  QLabel* figure_;
  SpaceBar* bar_;
  QWidget* legend_;
  QLabel* rule_;
  QLabel* warning_;
};

}  // namespace ui
