#include "ui/ingest_delegate.h"

#include <QPainter>

#include "ui/icon.h"
#include "ui/ingest_file_model.h"
#include "ui/theme.h"

namespace ui {
namespace {

constexpr int kPad = 8, kBarWidth = 68, kIcon = 16;

void paintBar(QPainter& painter, const QRect& cell, double fraction) {
  const QRectF track(cell.left(), cell.center().y() - 2.5, kBarWidth, 6);
  painter.setPen(Qt::NoPen);
  painter.setBrush(color(Token::kSunken));
  painter.drawRoundedRect(track, 3, 3);
  QRectF done = track;
  done.setWidth(track.width() * fraction);
  painter.setBrush(color(Token::kAccent));
  painter.drawRoundedRect(done, 3, 3);
}

}  // namespace

void IngestDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                           const QModelIndex& index) const {
  painter->save();
  painter->setRenderHint(QPainter::Antialiasing);
  const auto state = static_cast<FileState>(index.data(IngestFileModel::kStateRole).toInt());
  const bool current = state == FileState::kReading;
  const bool selected = option.state & QStyle::State_Selected;
  painter->fillRect(option.rect, color(selected  ? Token::kSelected
                                       : current ? Token::kAccentSoft
                                                 : Token::kSurface));
  painter->fillRect(QRect(option.rect.left(), option.rect.bottom(), option.rect.width(), 1),
                    color(Token::kLine));
  QRect cell = option.rect.adjusted(kPad, 0, -kPad, 0);
  const QVariant picture = index.data(Qt::DecorationRole);
  if (picture.isValid()) {
    const QRect place(cell.left(), cell.center().y() - kIcon / 2 + 1, kIcon, kIcon);
    picture.value<QIcon>().paint(painter, place);
    cell.setLeft(place.right() + 8);
  }
  QColor ink = index.data(Qt::ForegroundRole).value<QColor>();
  if (index.column() == IngestFileModel::kState) {
    if (current) {
      paintBar(*painter, cell, index.data(IngestFileModel::kFractionRole).toDouble());
      cell.setLeft(cell.left() + kBarWidth + 10);
      ink = color(Token::kAccent);
    } else if (state == FileState::kDone) {
      paintIcon(*painter, QRectF(cell.left(), cell.center().y() - 7, 14, 14),
                QStringLiteral("check"), color(Token::kOk));
    }
    if (!current) cell.setLeft(cell.left() + 20);
  }
  painter->setFont(index.data(Qt::FontRole).value<QFont>());
  painter->setPen(ink);
  const QString text = painter->fontMetrics().elidedText(index.data(Qt::DisplayRole).toString(),
                                                         Qt::ElideMiddle, cell.width());
  painter->drawText(cell, static_cast<int>(index.data(Qt::TextAlignmentRole).toInt()), text);
  painter->restore();
}

QSize IngestDelegate::sizeHint(const QStyleOptionViewItem&, const QModelIndex&) const {
  return {80, theme().px(29)};
}

}  // namespace ui
