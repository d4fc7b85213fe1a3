#include "ui/branch_delegate.h"

#include <QPainter>
#include <QPainterPath>

#include "ui/branch_model.h"
#include "ui/icon.h"
#include "ui/theme.h"

namespace ui {
namespace {

constexpr int kSide = 24, kFirstLane = 32, kLaneStep = 12, kLanesMax = 6;

// The active branch is lane 0; many others share the lanes beside it.
int laneOf(int branch_row, int head_row) { return 1 + (branch_row - head_row - 1) % kLanesMax; }

qreal laneX(int lane) { return kFirstLane + lane * kLaneStep; }

QColor laneColor(int lane) {
  constexpr Token kInks[] = {Token::kAccent, Token::kSynType, Token::kSynKey, Token::kWarn,
                             Token::kOk,     Token::kSynPre,  Token::kSynStr};
  return color(kInks[lane]);
}

int nLanes(const BranchModel& model) {
  return std::min(static_cast<int>(model.value().others.size()), kLanesMax);
}

// From a node of the active branch over to its lane, half a row down.
QPainterPath wayOut(qreal from_x, qreal to_x, qreal top, qreal bottom) {
  QPainterPath path(QPointF(from_x, top));
  path.cubicTo(QPointF(from_x, bottom), QPointF(to_x, top), QPointF(to_x, bottom));
  return path;
}

}  // namespace

void BranchDelegate::paintLanes(QPainter& painter, const QRectF& row, const BranchModel& model,
                                int at) const {
  const qreal middle = row.center().y(), left = row.left();
  const int head = model.headRow();
  painter.setBrush(Qt::NoBrush);
  for (int branch = head + 1; branch < model.rowCount(); ++branch) {
    const int lane = laneOf(branch, head), fork = model.forkRow(branch);
    if (at < fork || at > branch) continue;
    const qreal x = left + laneX(lane);
    painter.setPen(QPen(laneColor(lane), 1.5));
    if (at == fork)
      painter.drawPath(wayOut(left + laneX(0), x, middle, row.bottom()));
    else
      painter.drawLine(QPointF(x, row.top()), QPointF(x, at == branch ? middle : row.bottom()));
  }
  if (at <= head) {
    painter.setPen(QPen(laneColor(0), 1.5));
    painter.drawLine(QPointF(left + laneX(0), at == 0 ? middle : row.top()),
                     QPointF(left + laneX(0), at == head ? middle : row.bottom()));
  }

  const int lane = at <= head ? 0 : laneOf(at, head);
  const QPointF node(left + laneX(lane), middle);
  const bool filled = at == 0 || at == head;
  painter.setPen(QPen(laneColor(lane), 2));
  painter.setBrush(filled ? laneColor(lane) : color(Token::kPanel));
  if (at == 0)
    painter.drawRoundedRect(QRectF(node - QPointF(5, 5), QSizeF(10, 10)), 2, 2);
  else
    painter.drawEllipse(node, filled ? 5.5 : 4.5, filled ? 5.5 : 4.5);
}

void BranchDelegate::paintWords(QPainter& painter, QRect row, const QModelIndex& index,
                                bool head) const {
  const auto* model = static_cast<const BranchModel*>(index.model());
  painter.setFont(theme().font(FontRole::kInterface));
  if (head) {  // the name of the active branch, as a pill
    const QString name = painter.fontMetrics().elidedText(
        branchName(model->value().active_title), Qt::ElideMiddle, row.width() / 2);
    const int width = painter.fontMetrics().horizontalAdvance(name) + 38;
    const int height = theme().px(22);
    const QRect pill(row.right() - width + 1, row.center().y() - height / 2, width, height);
    painter.setPen(Qt::NoPen);
    painter.setBrush(color(Token::kAccentSoft));
    painter.drawRoundedRect(pill, height / 2.0, height / 2.0);
    paintIcon(painter, QRectF(pill.left() + 9, pill.center().y() - 6, 13, 13),
              QStringLiteral("branch"), color(Token::kAccent));
    painter.setPen(color(Token::kAccent));
    painter.drawText(pill.adjusted(27, 0, -8, 0), Qt::AlignVCenter, name);
    row.setRight(pill.left() - 8);
  } else if (const QString figure = index.data(BranchModel::kFigureRole).toString();
             !figure.isEmpty()) {
    painter.setPen(color(Token::kText2));
    painter.drawText(row, Qt::AlignVCenter | Qt::AlignRight, figure);
    row.setRight(row.right() - painter.fontMetrics().horizontalAdvance(figure) - 12);
  }
  const QString detail = index.data(BranchModel::kDetailRole).toString();
  const QFontMetrics small(theme().font(FontRole::kSmall));
  const int detail_width = detail.isEmpty() ? 0 : small.horizontalAdvance(detail) + 8;
  painter.setFont(theme().font(head || index.row() == 0 ? FontRole::kInterfaceStrong
                                                        : FontRole::kInterface));
  painter.setPen(color(Token::kText));
  const QString words = painter.fontMetrics().elidedText(
      index.data().toString(), Qt::ElideRight, std::max(0, row.width() - detail_width));
  painter.drawText(row, Qt::AlignVCenter | Qt::AlignLeft | Qt::TextSingleLine, words);
  if (detail.isEmpty()) return;
  row.setLeft(row.left() + painter.fontMetrics().horizontalAdvance(words) + 8);
  painter.setFont(theme().font(FontRole::kSmall));
  painter.setPen(color(Token::kText2));
  painter.drawText(row, Qt::AlignVCenter | Qt::AlignLeft | Qt::TextSingleLine,
                   small.elidedText(detail, Qt::ElideRight, std::max(0, row.width())));
}

void BranchDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                           const QModelIndex& index) const {
  const auto* model = static_cast<const BranchModel*>(index.model());
  painter->save();
  painter->setRenderHint(QPainter::Antialiasing);
  const bool focused = option.state & QStyle::State_HasFocus;
  if (option.state & QStyle::State_Selected)
    painter->fillRect(option.rect, color(Token::kSelected));
  paintLanes(*painter, option.rect, *model, index.row());
  const int left = static_cast<int>(laneX(nLanes(*model))) + 14;
  paintWords(*painter, option.rect.adjusted(left, 0, -kSide, 0), index,
             index.row() == model->headRow());
  if (focused) {
    painter->setPen(QPen(color(Token::kAccent), 2));
    painter->setBrush(Qt::NoBrush);
    painter->drawRoundedRect(QRectF(option.rect).adjusted(3, 1, -3, -1), 5, 5);
  }
  painter->restore();
}

QSize BranchDelegate::sizeHint(const QStyleOptionViewItem&, const QModelIndex&) const {
  return {120, theme().px(32)};
}

}  // namespace ui
