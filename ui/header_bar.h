// header_bar.h: where one is: workspace, session, snapshot.
#pragma once

#include <QWidget>

#include "ui/values.h"

class QLabel;
class QMenu;
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
  void setBranches(const BranchesValue& value);

 signals:
  void sessionMenuRequested(const QPoint& global);
  void branchChosen(base::BranchId branch);

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  QString snapshotWords(const SnapshotValue& value) const;

  ElidedLabel* workspace_;
  QLabel* arrow_;
  ElidedLabel* title_;
  QToolButton* menu_;
  QToolButton* branch_;
  QMenu* branches_;
  QLabel* snapshot_icon_;
  QLabel* snapshot_;
  QToolButton* find_;
  SnapshotState snapshot_state_ = SnapshotState::kTextOnly;
};

}  // namespace ui
