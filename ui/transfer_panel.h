// transfer_panel.h: a session on its way out of or into this machine: what it costs, how far it is,
// how it ended.
#pragma once

#include <QFrame>

#include "ui/values.h"

class QCheckBox;
class QLabel;
class QPushButton;

namespace ui {

class BudgetBar;

class TransferPanel : public QFrame {
  Q_OBJECT

 public:
  explicit TransferPanel(QWidget* parent = nullptr);

  // Asks what shall be taken of a file before anything of it is read.
  void askImport(const QString& path);
  void showProgress(const TransferValue& value);
  void showResult(const TransferResult& result);
  // The transfer ended without a result: an error card says how.
  void dismiss();

 signals:
  void importRequested(const QString& path, bool with_snapshot);
  void cancelRequested();
  void openRequested(base::SessionId session);

 private:
  enum class State { kIdle, kAsking, kRunning, kDone };
  void setState(State state);

  State state_ = State::kIdle;
  QString path_;
  base::SessionId session_;
  QLabel* words_;
  QLabel* figure_;
  QLabel* remark_;
  BudgetBar* bar_;
  QCheckBox* with_snapshot_;
  QPushButton* import_;
  QPushButton* open_;
  QPushButton* close_;
};

}  // namespace ui
