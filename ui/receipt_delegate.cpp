#include "ui/receipt_delegate.h"

#include <QPainter>

#include "ui/icon.h"
#include "ui/receipt_model.h"
#include "ui/theme.h"

namespace ui {

void ReceiptDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                            const QModelIndex& index) const {
  painter->save();
  const QRect row = option.rect;
  painter->fillRect(row, color(option.state & QStyle::State_Selected ? Token::kSelected
                                                                     : Token::kPanel));
  const bool good = index.data(ReceiptModel::kGoodRole).toBool();
  paintIcon(*painter, QRectF(row.left(), row.center().y() - 7, 16, 16),
            index.data(ReceiptModel::kIconRole).toString(),
            color(good ? Token::kOk : Token::kWarn));
  QRect words = row.adjusted(26, 0, 0, 0);
  painter->setFont(theme().font(FontRole::kInterface));
  painter->setPen(color(Token::kText));
  const QString sentence = painter->fontMetrics().elidedText(
      index.data(Qt::DisplayRole).toString(), Qt::ElideMiddle, words.width());
  painter->drawText(words, Qt::AlignVCenter, sentence);
  words.setLeft(words.left() + painter->fontMetrics().horizontalAdvance(sentence) + 10);
  painter->setFont(theme().font(FontRole::kSmall));
  painter->setPen(color(Token::kText2));
  painter->drawText(words, Qt::AlignVCenter,
                    painter->fontMetrics().elidedText(
                        index.data(ReceiptModel::kDetailRole).toString(), Qt::ElideRight,
                        words.width()));
  painter->restore();
}

QSize ReceiptDelegate::sizeHint(const QStyleOptionViewItem&, const QModelIndex&) const {
  return {100, theme().px(30)};
}

}  // namespace ui
