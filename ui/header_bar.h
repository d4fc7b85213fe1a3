// header_bar.h: where one is: workspace, session, snapshot.
#pragma once

#include <QWidget>

#include "ui/values.h"

class QLabel;
class QToolButton;

namespace ui {

class ElidedLabel;

class HeaderBar : public QWidget {
  Q_OBJECT

 public:
  explicit HeaderBar(QWidget* parent = nullptr);

  // A page without a session has one title.
  void showTitle(const QString& title);
  void showSession(const QString& workspace, const QString& title);
  void setSnapshot(const SnapshotValue& value);

 signals:
  void sessionMenuRequested(const QPoint& global);

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  QString snapshotWords(const SnapshotValue& value) const;

  ElidedLabel* workspace_;
  QLabel* arrow_;
  ElidedLabel* title_;
  QToolButton* menu_;
  QLabel* snapshot_icon_;
  QLabel* snapshot_;
  QToolButton* find_;
  SnapshotState snapshot_state_ = SnapshotState::kTextOnly;
};

}  // namespace ui
