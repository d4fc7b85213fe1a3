#include "ui/match_delegate.h"

#include <QAbstractItemView>
#include <QPainter>
#include <QTextLayout>

#include "ui/match_model.h"
#include "ui/theme.h"

namespace ui {
namespace {

constexpr int kSide = 24, kGap = 5, kLinesMax = 4;

// The words of a hit, wrapped; the layout lives as long as the painting of one row.
void layOut(QTextLayout& layout, const MarkedText& marked, qreal width) {
  QTextOption wrapping;
  wrapping.setWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
  layout.setTextOption(wrapping);
  layout.setFont(theme().font(FontRole::kInterface));
  layout.setText(marked.text);
  QTextCharFormat found;
  found.setBackground(color(Token::kMark));
  QList<QTextLayout::FormatRange> formats;
  for (const MarkedText::Mark& mark : marked.marks)
    formats.append({mark.begin, mark.length, found});
  layout.setFormats(formats);
  layout.beginLayout();
  for (int n = 0; n < kLinesMax; ++n) {
    QTextLine line = layout.createLine();
    if (!line.isValid()) break;
    line.setLineWidth(width);
    line.setPosition(QPointF(0, n * theme().lineHeight(FontRole::kInterface)));
  }
  layout.endLayout();
}

qreal textWidth(int row_width) { return std::max(40, row_width - 2 * kSide); }

}  // namespace

void MatchDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                          const QModelIndex& index) const {
  const auto* model = static_cast<const MatchModel*>(index.model());
  painter->save();
  if (option.state & QStyle::State_Selected)
    painter->fillRect(option.rect, color(Token::kSelected));
  const QRect inner = option.rect.adjusted(kSide, kGap, -kSide, -kGap);
  const int head = theme().lineHeight(FontRole::kSmall);
  painter->setFont(theme().font(FontRole::kSmallStrong));
  painter->setPen(color(Token::kText2));
  painter->drawText(QRect(inner.left(), inner.top(), inner.width(), head), Qt::AlignVCenter,
                    index.data(MatchModel::kPlaceRole).toString());
  QTextLayout layout;
  layOut(layout, model->text(index), textWidth(option.rect.width()));
  painter->setPen(color(Token::kText));
  layout.draw(painter, QPointF(inner.left(), inner.top() + head + 1));
  painter->restore();
}

QSize MatchDelegate::sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const {
  const auto* view = qobject_cast<const QAbstractItemView*>(option.widget);
  const int width = view ? view->viewport()->width() : option.rect.width();
  const auto* model = static_cast<const MatchModel*>(index.model());
  QTextLayout layout;
  layOut(layout, model->text(index), textWidth(width));
  return {std::min(width, 100), 2 * kGap + theme().lineHeight(FontRole::kSmall) + 1 +
                                    layout.lineCount() * theme().lineHeight(FontRole::kInterface)};
}

}  // namespace ui
