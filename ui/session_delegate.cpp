#include "ui/session_delegate.h"

#include <algorithm>

#include <QPainter>

#include "ui/icon.h"
#include "ui/session_model.h"
#include "ui/theme.h"

namespace ui {
namespace {

void paintPill(QPainter& painter, const QRect& cell, const QString& words, bool warns) {
  if (words.isEmpty()) return;
  painter.setFont(theme().font(FontRole::kSmallest));
  const int width = painter.fontMetrics().horizontalAdvance(words) + 16;
  const int height = painter.fontMetrics().height() + 6;
  const QRect pill(cell.left(), cell.center().y() - height / 2, width, height);
  painter.setPen(Qt::NoPen);
  painter.setBrush(color(warns ? Token::kWarnSoft : Token::kSunken));
  painter.drawRoundedRect(pill, height / 2.0, height / 2.0);
  painter.setPen(color(warns ? Token::kWarn : Token::kText2));
  painter.drawText(pill, Qt::AlignCenter, words);
}

// Workspace, and how many branches there are.
void paintSubtitle(QPainter& painter, QRect line, const QModelIndex& index) {
  painter.setFont(theme().font(FontRole::kSmall));
  painter.setPen(color(Token::kText2));
  const QString branches = index.data(SessionModel::kBranchesRole).toString();
  const int branches_width =
      branches.isEmpty() ? 0 : painter.fontMetrics().horizontalAdvance(branches) + 34;
  const QString words = painter.fontMetrics().elidedText(
      index.data(SessionModel::kSubtitleRole).toString(), Qt::ElideMiddle,
      std::max(0, line.width() - branches_width));
  painter.drawText(line, Qt::AlignVCenter | Qt::AlignLeft | Qt::TextSingleLine, words);
  if (branches.isEmpty()) return;
  if (!words.isEmpty())
    line.setLeft(line.left() + painter.fontMetrics().horizontalAdvance(words) + 14);
  paintIcon(painter, QRectF(line.left(), line.center().y() - 6, 13, 13),
            QStringLiteral("branch"), color(Token::kText2));
  painter.drawText(line.adjusted(18, 0, 0, 0), Qt::AlignVCenter | Qt::AlignLeft, branches);
}

}  // namespace

void SessionDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                            const QModelIndex& index) const {
  painter->save();
  painter->setRenderHint(QPainter::Antialiasing);
  const bool group = !index.parent().isValid();
  const bool selected = option.state & QStyle::State_Selected;
  painter->fillRect(option.rect, color(group      ? Token::kPanel
                                       : selected ? Token::kSelected
                                                  : Token::kSurface));
  painter->fillRect(QRect(option.rect.left(), option.rect.bottom(), option.rect.width(), 1),
                    color(Token::kLine));
  const bool first = index.column() == SessionModel::kSession;
  QRect cell = option.rect.adjusted(first ? 24 : 8, 0, -8, 0);
  const QString text = index.data(Qt::DisplayRole).toString();
  if (group) {
    painter->setFont(theme().font(FontRole::kSmallStrong));
    painter->setPen(color(Token::kText2));
    painter->drawText(cell, Qt::AlignVCenter, text);
  } else if (first) {
    if (selected)
      painter->fillRect(QRect(option.rect.left(), option.rect.top(), 3, option.rect.height()),
                        color(Token::kAccent));
    const int line = theme().lineHeight(FontRole::kReading);
    const QRect upper(cell.left(), cell.center().y() - line + 1, cell.width(), line);
    painter->setFont(theme().font(FontRole::kReading));
    painter->setPen(color(Token::kText));
    painter->drawText(upper, Qt::AlignVCenter | Qt::AlignLeft | Qt::TextSingleLine,
                      painter->fontMetrics().elidedText(text, Qt::ElideRight, upper.width()));
    paintSubtitle(*painter, upper.translated(0, line - 1), index);
  } else if (index.column() == SessionModel::kNote) {
    paintPill(*painter, cell, text,
              static_cast<Token>(index.data(SessionModel::kInkRole).toInt()) == Token::kWarn);
  } else {
    const auto ink = static_cast<Token>(index.data(SessionModel::kInkRole).toInt());
    painter->setFont(theme().font(index.column() == SessionModel::kResumesIn
                                      ? FontRole::kPaneHead
                                      : FontRole::kInterface));
    painter->setPen(color(ink));
    painter->drawText(cell, index.data(Qt::TextAlignmentRole).toInt(), text);
  }
  painter->restore();
}

QSize SessionDelegate::sizeHint(const QStyleOptionViewItem&, const QModelIndex& index) const {
  return {60, theme().px(index.parent().isValid() ? 48 : 27)};
}

}  // namespace ui
