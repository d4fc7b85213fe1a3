// status_line.h: the labels at the lower edge: what is saved, where one is, what is in use.
#pragma once

#include <QObject>

#include "ui/values.h"

class QLabel;
class QStatusBar;

namespace ui {

class StatusLine : public QObject {
  Q_OBJECT

 public:
  // Fills the window's status bar.
  explicit StatusLine(QStatusBar* bar);

  void setSaved(const QDateTime& when);
  void setCursor(const QString& words);
  void setEngine(const EngineValue& value);

 private:
  QLabel* addLabel(const char* name, const QString& icon_name, bool right);
  void setWords(QLabel* label, const QString& words);

  QStatusBar* bar_;
  QLabel* saved_;
  QLabel* cursor_;
  QLabel* gpu_;
  QLabel* ram_;
  QLabel* disk_;
  QLabel* speed_;
};

}  // namespace ui
