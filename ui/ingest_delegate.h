// ingest_delegate.h: one line of the reading table: divider, current row, progress in the cell.
#pragma once

#include <QStyledItemDelegate>

namespace ui {

class IngestDelegate : public QStyledItemDelegate {
  Q_OBJECT

 public:
  using QStyledItemDelegate::QStyledItemDelegate;
  void paint(QPainter* painter, const QStyleOptionViewItem& option,
             const QModelIndex& index) const override;
  QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;
};

}  // namespace ui
