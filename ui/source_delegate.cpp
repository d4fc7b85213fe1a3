#include "ui/source_delegate.h"

#include <QPainter>

#include "ui/icon.h"
#include "ui/source_model.h"
#include "ui/words.h"

namespace ui {

void SourceDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                           const QModelIndex& index) const {
  painter->save();
  painter->setRenderHint(QPainter::Antialiasing);
  const bool selected = option.state & QStyle::State_Selected;
  const bool folder = index.data(SourceModel::kFolderRole).toBool();
  const bool top = folder && !index.parent().isValid();
  if (selected) painter->fillRect(option.rect, color(Token::kSelected));
  QRect row = option.rect.adjusted(4, 0, -10, 0);
  const QString name_of_icon = index.data(SourceModel::kIconRole).toString();
  paintIcon(*painter, QRectF(row.left(), row.center().y() - 7, 15, 15), name_of_icon,
            color(selected ? Token::kAccent : Token::kText2));
  row.setLeft(row.left() + 22);

  painter->setFont(theme().font(FontRole::kSmall));
  const QString tokens = roundCount(index.data(SourceModel::kTokensRole).toLongLong());
  painter->setPen(color(Token::kText2));
  painter->drawText(row, Qt::AlignVCenter | Qt::AlignRight, tokens);
  row.setRight(row.right() - theme().px(44));

  painter->setFont(theme().font(top ? FontRole::kPaneHead : FontRole::kInterface));
  painter->setPen(color(Token::kText));
  const bool changed = index.data(SourceModel::kChangedRole).toBool();
  const QString name = painter->fontMetrics().elidedText(
      index.data(Qt::DisplayRole).toString(), Qt::ElideMiddle, row.width() - (changed ? 12 : 0));
  painter->drawText(row, Qt::AlignVCenter | Qt::TextSingleLine, name);
  if (changed) {
    const int x = row.left() + painter->fontMetrics().horizontalAdvance(name) + 8;
    painter->setPen(Qt::NoPen);
    painter->setBrush(color(Token::kWarn));
    painter->drawEllipse(QPointF(x, row.center().y() + 1), 3, 3);
  }
  if (option.state & QStyle::State_HasFocus) {
    painter->setPen(QPen(color(Token::kAccent), 2));
    painter->setBrush(Qt::NoBrush);
    painter->drawRoundedRect(option.rect.adjusted(1, 1, -2, -1), 5, 5);
  }
  painter->restore();
}

QSize SourceDelegate::sizeHint(const QStyleOptionViewItem&, const QModelIndex&) const {
  return {80, theme().px(26)};
}

}  // namespace ui
