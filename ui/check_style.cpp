#include "ui/check_style.h"

#include <algorithm>

#include <QPainter>
#include <QStyleOption>

#include "ui/theme.h"

namespace ui {

void CheckStyle::drawPrimitive(PrimitiveElement element, const QStyleOption* option,
                               QPainter* painter, const QWidget* widget) const {
  if (element != PE_IndicatorCheckBox && element != PE_IndicatorItemViewItemCheck) {
    QProxyStyle::drawPrimitive(element, option, painter, widget);
    return;
  }
  const bool on = option->state & State_On, some = option->state & State_NoChange;
  const bool enabled = option->state & State_Enabled;
  const QColor fill = color(!enabled ? Token::kLineStrong : Token::kAccent);
  const int side = std::min(option->rect.width(), option->rect.height()) - 1;
  QRectF box(0, 0, side, side);
  box.moveCenter(QRectF(option->rect).center());
  painter->save();
  painter->setRenderHint(QPainter::Antialiasing);
  painter->setPen(QPen(on || some ? fill : color(Token::kControl), 1));
  painter->setBrush(on || some ? fill : color(Token::kSurface));
  painter->drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3);
  painter->setPen(QPen(color(Token::kOnAccent), side / 8.0, Qt::SolidLine, Qt::RoundCap,
                       Qt::RoundJoin));
  const auto at = [&](double x, double y) {
    return box.topLeft() + QPointF(x * side, y * side);
  };
  if (some) painter->drawLine(at(0.28, 0.5), at(0.72, 0.5));
  else if (on) painter->drawPolyline(QPolygonF({at(0.26, 0.52), at(0.43, 0.69), at(0.75, 0.33)}));
  painter->restore();
}

}  // namespace ui
