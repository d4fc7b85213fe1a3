// reading_queue.h: readings that wait to be gone on with: how far each is, go on, remove.
#pragma once

#include <QWidget>

#include "ui/values.h"

class QLabel;
class QVBoxLayout;

namespace ui {

class BudgetBar;

class ReadingQueue : public QWidget {
  Q_OBJECT

 public:
  explicit ReadingQueue(QWidget* parent = nullptr);

  // Hidden without any.
  void setReadings(const std::vector<QueuedReading>& readings);
  // Of the running one, in tokens.
  void setProgress(std::int64_t n_read, std::int64_t n_to_read);

 signals:
  void goOnRequested(base::SessionId session);
  void showRequested();  // the one that runs
  void removeRequested(base::SessionId session);  // confirmed

 private:
  QWidget* buildRow(const QueuedReading& reading, bool first);
  QWidget* buildQuestion(const QueuedReading& reading, QWidget* row, QWidget* buttons);

  std::vector<QueuedReading> readings_;
  QVBoxLayout* rows_;
  BudgetBar* bar_ = nullptr;    // of the running one; null without
  QLabel* figure_ = nullptr;
};

}  // namespace ui
