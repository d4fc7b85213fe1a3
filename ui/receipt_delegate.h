// receipt_delegate.h: one line of the receipt: icon, sentence, detail.
#pragma once

#include <QStyledItemDelegate>

namespace ui {

class ReceiptDelegate : public QStyledItemDelegate {
  Q_OBJECT

 public:
  using QStyledItemDelegate::QStyledItemDelegate;
  void paint(QPainter* painter, const QStyleOptionViewItem& option,
             const QModelIndex& index) const override;
  QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;
};

}  // namespace ui
