#include "ui/citation_delegate.h"

#include <QPainter>

#include "ui/citation_model.h"
#include "ui/evidence.h"
#include "ui/icon.h"

namespace ui {

void CitationDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                             const QModelIndex& index) const {
  painter->save();
  painter->setRenderHint(QPainter::Antialiasing);
  const QRect row = option.rect.adjusted(6, 1, -6, -1);
  if (option.state & QStyle::State_Selected) {
    painter->setPen(Qt::NoPen);
    painter->setBrush(color(Token::kSelected));
    painter->drawRoundedRect(row, 6, 6);
  }
  const EvidenceLook look = evidenceLook(
      static_cast<EvidenceState>(index.data(CitationModel::kStateRole).toInt()));
  paintIcon(*painter, QRectF(row.left() + 10, row.center().y() - 8, 16, 16), look.icon,
            color(look.ink));
  const int line = theme().lineHeight(FontRole::kInterface);
  QRect upper(row.left() + 38, row.center().y() - line + 1, row.width() - 50, line);
  const QRect lower = upper.translated(0, line);

  painter->setFont(theme().font(FontRole::kSmallStrong));
  painter->setPen(color(Token::kText2));
  const QString number = QString::number(index.row() + 1);
  painter->drawText(upper, Qt::AlignRight | Qt::AlignVCenter, number);
  upper.setRight(upper.right() - 24);
  painter->setFont(theme().font(FontRole::kPaneHead));
  painter->setPen(color(look.proven ? Token::kText : look.ink));
  const QString position = index.data(CitationModel::kPositionRole).toString();
  const int reserved = painter->fontMetrics().horizontalAdvance(position) + 10;
  const QString place =
      painter->fontMetrics().elidedText(index.data(CitationModel::kPlaceRole).toString(),
                                        Qt::ElideMiddle, upper.width() - reserved);
  painter->drawText(upper, Qt::AlignVCenter | Qt::TextSingleLine, place);
  upper.setLeft(upper.left() + painter->fontMetrics().horizontalAdvance(place) + 8);
  painter->setPen(color(Token::kAccent));
  painter->drawText(upper, Qt::AlignVCenter | Qt::TextSingleLine, position);

  const bool prose = index.data(CitationModel::kProseRole).toBool();
  painter->setFont(theme().font(prose ? FontRole::kSmall : FontRole::kCode));
  painter->setPen(color(Token::kText2));
  painter->drawText(lower, Qt::AlignVCenter | Qt::TextSingleLine,
                    painter->fontMetrics().elidedText(index.data(Qt::DisplayRole).toString(),
                                                      Qt::ElideRight, lower.width()));
  painter->restore();
}

QSize CitationDelegate::sizeHint(const QStyleOptionViewItem&, const QModelIndex&) const {
  return {100, 2 * theme().lineHeight(FontRole::kInterface) + 8};
}

}  // namespace ui
