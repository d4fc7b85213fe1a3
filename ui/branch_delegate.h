// branch_delegate.h: one row of the branch graph: lanes, node, words, what it costs.
#pragma once

#include <QStyledItemDelegate>

namespace ui {

class BranchModel;

class BranchDelegate : public QStyledItemDelegate {
  Q_OBJECT

 public:
  using QStyledItemDelegate::QStyledItemDelegate;
  void paint(QPainter* painter, const QStyleOptionViewItem& option,
             const QModelIndex& index) const override;
  QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;

 private:
  void paintLanes(QPainter& painter, const QRectF& row, const BranchModel& model, int at) const;
  void paintWords(QPainter& painter, QRect row, const QModelIndex& index, bool head) const;
};

}  // namespace ui
