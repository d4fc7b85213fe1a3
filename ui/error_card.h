// error_card.h: what happened, what is safe, what next; in place, never a message box.
#pragma once

#include <QFrame>

#include "ui/error_text.h"

class QLabel;
class QPushButton;

namespace ui {

class ErrorCard : public QFrame {
  Q_OBJECT

 public:
  explicit ErrorCard(QWidget* parent = nullptr);

  // Hides itself for kCancelled, which is not a failure.
  void show(const ErrorValue& value);
  const ErrorValue& value() const { return value_; }

 signals:
  void actionChosen(ui::ErrorAction action, const ui::ErrorValue& value);

 private:
  void choose(ErrorAction action);
  void paintBadge();

  ErrorValue value_;
  ErrorText text_;
  QLabel* badge_;
  QLabel* sentence_;
  QLabel* code_;
  QLabel* safe_;
  QLabel* hint_;
  QPushButton* primary_;
  QPushButton* other_;
};

}  // namespace ui
