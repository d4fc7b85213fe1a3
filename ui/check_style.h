// check_style.h: Fusion with check boxes that can be seen on a dark ground.
#pragma once

#include <QProxyStyle>

namespace ui {

class CheckStyle : public QProxyStyle {
  Q_OBJECT

 public:
  CheckStyle() : QProxyStyle(QStringLiteral("Fusion")) {}

  void drawPrimitive(PrimitiveElement element, const QStyleOption* option, QPainter* painter,
                     const QWidget* widget) const override;
};

}  // namespace ui
