// budget_bar.h: a horizontal bar: how much of a whole is taken, with ticks where wanted.
#pragma once

#include <QWidget>

#include "ui/theme.h"

namespace ui {

class BudgetBar : public QWidget {
  Q_OBJECT

 public:
  explicit BudgetBar(QWidget* parent = nullptr);

  // `used` may exceed `total`: the bar is then full. `ink` fills the used part.
  void setValue(std::int64_t used, std::int64_t total, Token ink);
  // Marks below the bar every `step` units; those up to `safe` are drawn in ok. 0 = none.
  void setTicks(std::int64_t step, std::int64_t safe);

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  std::int64_t used_ = 0, total_ = 1, step_ = 0, safe_ = 0;
  Token ink_ = Token::kAccent;
};

}  // namespace ui
