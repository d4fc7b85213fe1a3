#include "ui/budget_bar.h"

#include <algorithm>

#include <QPainter>
#include <QPainterPath>

namespace ui {
namespace {

constexpr int kBarHeight = 11, kTickHeight = 8, kTicksMax = 64;

}  // namespace

BudgetBar::BudgetBar(QWidget* parent) : QWidget(parent) {
  setFixedHeight(kBarHeight);
  connect(&theme(), &Theme::changed, this, qOverload<>(&QWidget::update));
}

void BudgetBar::setValue(std::int64_t used, std::int64_t total, Token ink) {
  used_ = used;
  total_ = std::max<std::int64_t>(1, total);
  ink_ = ink;
  update();
}

void BudgetBar::setTicks(std::int64_t step, std::int64_t safe) {
  step_ = step;
  safe_ = safe;
  setFixedHeight(step > 0 ? kBarHeight + kTickHeight : kBarHeight);
  update();
}

void BudgetBar::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  painter.setRenderHint(QPainter::Antialiasing);
  painter.setPen(Qt::NoPen);
  const QRectF bar(0, 0, width(), kBarHeight);
  QPainterPath shape;
  shape.addRoundedRect(bar, kBarHeight / 2.0, kBarHeight / 2.0);
  painter.fillPath(shape, color(Token::kSunken));
  const double share = std::clamp(static_cast<double>(used_) / static_cast<double>(total_), 0., 1.);
  painter.setClipPath(shape);
  painter.fillRect(QRectF(0, 0, width() * share, kBarHeight), color(ink_));
  painter.setClipping(false);
  if (step_ <= 0 || total_ / step_ > kTicksMax) return;
  for (std::int64_t at = step_; at < total_; at += step_) {
    const double x = width() * static_cast<double>(at) / static_cast<double>(total_);
    painter.fillRect(QRectF(x - 0.75, kBarHeight + 3, 1.5, kTickHeight - 3),
                     color(at <= safe_ ? Token::kOk : Token::kLineStrong));
  }
}

}  // namespace ui
