// toast.h: something succeeded; six seconds at the lower edge, longer under the pointer.
#pragma once

#include <QFrame>
#include <QTimer>

class QLabel;

namespace ui {

class Toast : public QFrame {
  Q_OBJECT

 public:
  explicit Toast(QWidget* window);
  void show(const QString& text);

 protected:
  void enterEvent(QEnterEvent* event) override;
  void leaveEvent(QEvent* event) override;

 private:
  QLabel* words_;
  QTimer timer_;
};

}  // namespace ui
